"""Distance to the Bayes rule, for generated data whose true class probabilities p* are known."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from .._ranks import spearman
from .._registry import metric
from ._checks import check_proba
from ._predictions import Predictions
from .accuracy import accuracy, log_of, negative_log_likelihood


def _pair(proba: ArrayLike, bayes_proba: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, best = check_proba(proba), check_proba(bayes_proba, "bayes_proba")
    if p.shape != best.shape:
        raise ValueError(f"bayes_proba has shape {best.shape} but proba {p.shape}; evaluate both at the same points")
    return p, best


@metric(
    "excess_nll",
    label="Excess NLL",
    definition="NLL minus that of the true class probabilities, same points.",
    direction="lower",
    unit="nats",
)
def excess_nll(proba: ArrayLike, y: ArrayLike, bayes_proba: ArrayLike) -> float:
    """NLL of proba minus that of p* on the same points, nats a point.

    proba, bayes_proba: (n, K). y: (n,) integers. Sharing the points takes out most of the labels' noise;
    the expectation over labels is `expected_excess_nll`.
    Raises ValueError on malformed input.
    """
    p, best = _pair(proba, bayes_proba)
    return negative_log_likelihood(p, y) - negative_log_likelihood(best, y)


@metric(
    "kl_to_bayes",
    label="KL to Bayes",
    definition="Mean KL(p* || p): the excess NLL expected over labels.",
    direction="lower",
    unit="nats",
    bounds=(0, np.inf),
)
def expected_excess_nll(proba: ArrayLike, bayes_proba: ArrayLike) -> float:
    """Mean over points of KL(p* || p), nats; p floored as in the NLL. proba, bayes_proba: (n, K)."""
    p, best = _pair(proba, bayes_proba)
    return float(max((xlogy(best, best) - best * log_of(p)).sum() / len(p), 0.0))


@metric(
    "mae_to_bayes",
    label="Distance to Bayes",
    definition="Mean of 1/2 sum_c |p_c - p*_c|; two classes: |p - p*|.",
    direction="lower",
    bounds=(0, 1),
)
def mean_absolute_error_to_bayes(proba: ArrayLike, bayes_proba: ArrayLike) -> float:
    """Mean of 1/2 sum_c |p_c - p*_c|, in [0, 1]; for two classes |p_1 - p*_1|.

    proba, bayes_proba: (n, K). Raises ValueError on malformed input.
    """
    p, best = _pair(proba, bayes_proba)
    return float(np.abs(p - best).sum() / (2 * len(p)))


@metric(
    "accuracy_gap_to_bayes",
    label="Accuracy gap to Bayes",
    definition="Accuracy of the Bayes rule minus that of the model, same points.",
    direction="lower",
    bounds=(-1, 1),
)
def accuracy_gap_to_bayes(proba: ArrayLike, y: ArrayLike, bayes_proba: ArrayLike) -> float:
    """Accuracy of the Bayes rule minus that of proba on the same points; positive = below the ceiling.

    proba, bayes_proba: (n, K). y: (n,) integers. Raises ValueError on malformed input.
    """
    p, best = _pair(proba, bayes_proba)
    return accuracy(best, y) - accuracy(p, y)


@metric(
    "bayes_nll",
    label="NLL of the Bayes rule",
    definition="NLL of the true class probabilities on the same points.",
    direction="",
    unit="nats",
    bounds=(0, np.inf),
)
def _bayes_nll(y: ArrayLike, bayes_proba: ArrayLike) -> float:
    return negative_log_likelihood(bayes_proba, y)


@metric(
    "bayes_accuracy",
    label="Accuracy of the Bayes rule",
    definition="The ceiling of accuracy, on the same points.",
    direction="",
    bounds=(0, 1),
)
def _bayes_accuracy(y: ArrayLike, bayes_proba: ArrayLike) -> float:
    return accuracy(bayes_proba, y)


@metric(
    "spearman_sd_boundary",
    label="Rank correlation of sd and boundary distance",
    definition="Spearman correlation of the predictive sd with |p* - 1/2| (K > 2: the gap of the top two p*).",
    direction="",
    bounds=(-1, 1),
    undefined="where all draws agree, or all points are as far from the boundary",
)
def _spearman_sd_boundary(predictions: Predictions, bayes_proba: NDArray[np.float64]) -> float:
    top = np.sort(bayes_proba, 1)
    # for two classes (total / 2) ** .5 is the sd of either probability, and half the margin is |p* - 1/2|
    return spearman(predictions.total_variance, top[:, -1] - top[:, -2])
