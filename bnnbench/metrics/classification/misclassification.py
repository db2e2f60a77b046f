"""How well a score of uncertainty (high = uncertain) finds positives: wrong predictions, or a new class."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._metric import Column
from .._registry import metric
from ._checks import check_flags, check_vector
from ._predictions import Predictions, mean
from .uncertainty import chi_square_label_values_of_votes


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


@metric(
    "total_variance_wrong",
    label="Total variance, wrong",
    definition="Mean total variance over misclassified points.",
    direction="",
    bounds=(0, 1),
    undefined="where no point is wrong",
)
def _total_variance_wrong(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
    return mean(predictions.total_variance[wrong])


@metric(
    "total_variance_right",
    label="Total variance, right",
    definition="Mean total variance over correctly classified points.",
    direction="",
    bounds=(0, 1),
    undefined="where no point is right",
)
def _total_variance_right(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
    return mean(predictions.total_variance[~wrong])


@metric(
    "chi_square_label_per_draw_wrong",
    label="Chi-square of label votes / S, wrong",
    definition="Its mean over misclassified points; low = mixed votes.",
    direction="",
    bounds=(0, np.inf),
    undefined="where no point is wrong",
)
def _chi_square_label_per_draw_wrong(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
    return mean(predictions.label_chi_square[wrong])


@metric(
    "chi_square_label_per_draw_right",
    label="Chi-square of label votes / S, right",
    definition="Its mean over correctly classified points; high = agreed votes.",
    direction="",
    bounds=(0, np.inf),
    undefined="where no point is right",
)
def _chi_square_label_per_draw_right(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
    return mean(predictions.label_chi_square[~wrong])


def register_score(
    name: str,
    label: str,
    score: Callable[[Predictions], NDArray[np.float64]],
    meaning: str = "",
    compared: bool = True,
    column: Column | None = None,
) -> None:
    """Register `auroc_<name>`: how well a score of uncertainty tells wrong predictions from right ones.

    label: what the score is called
    score: function of predictions giving (n,) values, high = uncertain
    meaning: the score in the glossary's sentence (default: its label)
    compared: whether the report compares it with other scores
    column: how a leaderboard shows the AUROC; None where it has no column there
    """

    @metric(
        f"auroc_{name}",
        label=f"AUROC of {label}",
        definition=f"Chance that a wrong prediction has a higher {meaning or label} than a right one, ties half; 0.5 "
        "is no use.",
        direction="higher",
        bounds=(0, 1),
        undefined="where all points are right, or all are wrong",
        score=label if compared else "",
        column=column,
    )
    def _auroc_of_score(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
        return auroc(score(predictions), wrong)


register_score(
    "predictive_entropy",
    "predictive entropy",
    lambda p: p.predictive_entropy,
    column=Column("AUROC", 3, 1, "of predictive entropy for wrong against right; higher is better"),
)
register_score("mutual_information", "mutual information", lambda p: p.mutual_information)
register_score("total_variance", "total variance", lambda p: p.total_variance)
register_score("max_probability", "maximum probability", lambda p: 1 - p.mean_proba.max(1), meaning="1 - max_c p_c")
register_score(
    "chi_square_label",
    "label-vote chi-square",
    lambda p: -p.label_chi_square,
    meaning="minus chi-square of label votes",
)
register_score(
    "chi_square_argmax",
    "arg-max-vote chi-square",
    lambda p: -p.argmax_chi_square,
    meaning="minus chi-square of arg-max votes",
)
register_score(
    "chi_square_values",
    "label-value chi-square",
    lambda p: np.nan_to_num(chi_square_label_values_of_votes(p.label_votes)),
    meaning="variance over mean of the drawn labels, 0 if all are 0",
    compared=False,  # its value depends on how classes are numbered
)


@metric(
    "aurc_max_probability",
    label="AURC of maximum probability",
    definition="Error rate of the k most confident points, averaged over k from 1 to n.",
    direction="lower",
    bounds=(0, 1),
)
def _aurc_max_probability(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
    return aurc(1 - predictions.mean_proba.max(1), wrong)


@metric(
    "wrong_unanimous_per_10000",
    label="Wrong and unanimous",
    definition="Misclassified points on which every draw's arg-max agrees, of 10,000 points.",
    direction="lower",
    unit="of 10,000",
    bounds=(0, 10_000),
)
def _wrong_unanimous_per_10000(predictions: Predictions, wrong: NDArray[np.bool_]) -> float:
    return 10_000 * mean(wrong & (predictions.argmax_error_rate == 0))
