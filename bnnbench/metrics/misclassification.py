"""How well a score of uncertainty (high = uncertain) finds positives: wrong predictions, or a new class."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import check_flags, check_vector


def _checked(score: ArrayLike, positive: ArrayLike, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = check_vector(score, "score")
    return values, check_flags(positive, name, len(values))


def _tie_groups(score: NDArray[np.float64], flags: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Sizes and numbers of positives of the groups of equal scores, by ascending score."""
    order = np.argsort(score)
    values = score[order]
    start = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    return np.diff(np.r_[start, len(score)]), np.add.reduceat(flags[order].astype(np.int64), start)


def auroc(score: ArrayLike, positive: ArrayLike) -> float:
    """P(score of a positive > score of a negative), ties one half: Mann-Whitney's U, scaled.

    score: (n,), high for positives. positive: (n,) booleans. NaN where there are no positives or no
    negatives. Raises ValueError on malformed input.
    """
    values, flags = _checked(score, positive, "positive")
    high, low = np.sort(values[flags]), np.sort(values[~flags])
    if not (high.size and low.size):
        return float("nan")
    wins = np.searchsorted(low, high, "left").sum() + np.searchsorted(low, high, "right").sum()
    return float(wins / (2 * high.size * low.size))


def aupr(score: ArrayLike, positive: ArrayLike) -> float:
    """Average precision: sum of precision times the step in recall; ties are one step.

    Chance gives the share of positives. Arguments and NaN as `auroc`.
    """
    sizes, hits = (group[::-1] for group in _tie_groups(*_checked(score, positive, "positive")))
    total = hits.sum()
    if total in (0, sizes.sum()):
        return float("nan")
    return float((hits * hits.cumsum() / sizes.cumsum()).sum() / total)


def fpr_at_95_tpr(score: ArrayLike, positive: ArrayLike) -> float:
    """Share of negatives flagged at the highest threshold that flags at least 95% of the positives.

    Arguments and NaN as `auroc`.
    """
    sizes, hits = (group[::-1] for group in _tie_groups(*_checked(score, positive, "positive")))
    total = hits.sum()
    if total in (0, sizes.sum()):
        return float("nan")
    at = np.flatnonzero(20 * hits.cumsum() >= 19 * total)[0]
    return float((sizes - hits)[: at + 1].sum() / (sizes - hits).sum())


def aurc(score: ArrayLike, wrong: ArrayLike) -> float:
    """Area under the risk-coverage curve: mean over k of the error rate of the k most certain points.

    score: (n,), high = uncertain. wrong: (n,) booleans. Equal scores take the expectation over their order,
    so a constant score gives the error rate. Lower is better. Geifman and El-Yaniv 2017. Raises ValueError on
    malformed input.
    """
    sizes, errors = _tie_groups(*_checked(score, wrong, "wrong"))
    n = sizes.sum()
    return float((np.repeat(errors / sizes, sizes).cumsum() / np.arange(1, n + 1)).mean())
