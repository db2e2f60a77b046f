"""Uncertainty of single points: entropies, variances of the class probabilities, and votes of the draws.

S posterior draws give class probabilities p_s; p is their mean. Entropies are in nats, with
0 log 0 = 0.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from ._checks import check_integers, check_proba, check_proba_draws, check_votes

Array = NDArray[np.float64]
VoteKind = Literal["argmax", "label"]


def _sum_classes(values: Array) -> Array:
    return values @ np.ones(values.shape[-1])  # several times faster than .sum(-1) over a few classes


def predictive_entropy(proba: ArrayLike) -> Array:
    """Entropy H[p] of the mean probabilities, nats, in [0, log K]. proba: (n, K). Returns (n,)."""
    return _sum_classes(entr(check_proba(proba)))


def expected_entropy(proba_draws: ArrayLike) -> Array:
    """E_s H[p_s], the mean entropy of the draws, nats. proba_draws: (S, n, K). Returns (n,)."""
    return _sum_classes(entr(check_proba_draws(proba_draws))).mean(0)


def mutual_information(proba_draws: ArrayLike) -> Array:
    """H[p] - E_s H[p_s], nats, in [0, H[p]]: the epistemic part (Houlsby et al. 2011, BALD).

    proba_draws: (S, n, K). Returns (n,). Rounding below zero is set to zero.
    """
    draws = check_proba_draws(proba_draws)
    return np.maximum(_sum_classes(entr(draws.mean(0))) - _sum_classes(entr(draws)).mean(0), 0.0)


def class_variance(proba_draws: ArrayLike) -> Array:
    """Var_s(p_sc) with divisor S, at most 1/4. proba_draws: (S, n, K). Returns (n, K)."""
    return check_proba_draws(proba_draws).var(0)


def total_variance(proba_draws: ArrayLike) -> Array:
    """Sum over classes of `class_variance`. With `aleatoric_variance` it adds up to sum_c p_c (1 - p_c).

    proba_draws: (S, n, K). Returns (n,). Depeweg et al. 2018 for the law of total variance on predictions.
    """
    return _sum_classes(class_variance(proba_draws))


def aleatoric_variance(proba_draws: ArrayLike) -> Array:
    """sum_c E_s[p_sc (1 - p_sc)]: the label's variance within draws. proba_draws: (S, n, K). Returns (n,)."""
    draws = check_proba_draws(proba_draws)
    return _sum_classes((draws * (1 - draws)).mean(0))


def draw_labels(
    proba_draws: ArrayLike,
    kind: VoteKind = "argmax",
    random_state: int | np.random.Generator = 0,
) -> NDArray[np.int64]:
    """One class a draw and point: the arg-max of p_s (ties: lowest class), or a label drawn from p_s.

    proba_draws: (S, n, K). kind: "argmax" (default) or "label". random_state: seed or Generator, for "label"
    only. Returns (S, n). Raises ValueError on an unknown kind.
    """
    draws = check_proba_draws(proba_draws)
    if kind == "argmax":
        return draws.argmax(-1)
    if kind != "label":
        raise ValueError(f"kind is {kind!r}; choose 'argmax' or 'label'")
    rng = np.random.default_rng(random_state)
    # the last cumulative sum is left out: it is one, up to rounding
    return np.stack([(rng.random(len(p))[:, None] >= p.cumsum(1)[:, :-1]).sum(1) for p in draws])


def votes(
    proba_draws: ArrayLike,
    kind: VoteKind = "argmax",
    random_state: int | np.random.Generator = 0,
) -> NDArray[np.int64]:
    """Number of draws for each class; arguments as `draw_labels`. Returns (n, K), rows summing to S."""
    labels = draw_labels(proba_draws, kind, random_state)
    n, k = np.shape(proba_draws)[1:]
    return np.bincount((labels + k * np.arange(n)).ravel(), minlength=n * k).reshape(n, k)


def chi_square(votes: ArrayLike) -> Array:
    """Pearson's statistic against even votes: sum_c (n_c - S/K)^2 / (S/K) = S (K sum_c (n_c/S)^2 - 1).

    votes: (n, K) counts. Returns (n,) in [0, S (K - 1)]; high = certain. It grows with S: report it divided
    by S. It is what a notebook on mini-batch ADVI meant to compute; `chi_square_label_values` is what it did.
    """
    counts = check_votes(votes)
    s, k = counts[0].sum(), counts.shape[1]
    return k * _sum_classes((counts * counts).astype(np.float64)) / s - s


def expected_error_rate(votes: ArrayLike) -> Array:
    """1 - max_c n_c / S: share of draws that differ from the modal class (not from the truth).

    votes: (n, K) counts. Returns (n,) in [0, 1 - 1/K]. For two classes a monotone function of
    `chi_square` of the same votes.
    """
    counts = check_votes(votes)
    return 1 - counts.max(1) / counts[0].sum()


def _label_values_statistic(total: Array, squares: Array, s: int) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, s * squares / total - total, np.nan)


def chi_square_label_values(labels: ArrayLike) -> Array:
    """A notebook's literal statistic, scipy's `chisquare` of the S label *values*: S var / mean.

    labels: (S, n) class numbers. Returns (n,): 0 when unanimous, NaN for unanimous zeros, large when mixed.
    It depends on how classes are numbered, so it is offered for comparison only. Raises ValueError on
    non-integers.
    """
    drawn = check_integers(labels, "labels")
    if drawn.ndim != 2:
        raise ValueError(f"labels must have shape (S, n), got {drawn.shape}; stack the draws on the first axis")
    return _label_values_statistic(drawn.sum(0), (drawn * drawn).sum(0), len(drawn))


def chi_square_label_values_of_votes(votes: ArrayLike) -> Array:
    """`chi_square_label_values` from stored votes (n, K): the draws' order does not matter. Returns (n,)."""
    counts = check_votes(votes)
    values = np.arange(counts.shape[1])
    return _label_values_statistic(counts @ values, counts @ values**2, counts[0].sum())
