"""Distance to the Bayes rule, for generated data whose true class probabilities p* are known."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from ._checks import check_proba
from .accuracy import accuracy, log_of, negative_log_likelihood


def _pair(proba: ArrayLike, bayes_proba: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, best = check_proba(proba), check_proba(bayes_proba, "bayes_proba")
    if p.shape != best.shape:
        raise ValueError(f"bayes_proba has shape {best.shape} but proba {p.shape}; evaluate both at the same points")
    return p, best


def excess_nll(proba: ArrayLike, y: ArrayLike, bayes_proba: ArrayLike) -> float:
    """NLL of proba minus that of p* on the same points, nats a point.

    proba, bayes_proba: (n, K). y: (n,) integers. Sharing the points takes out most of the labels' noise;
    the expectation over labels is `expected_excess_nll`.
    Raises ValueError on malformed input.
    """
    p, best = _pair(proba, bayes_proba)
    return negative_log_likelihood(p, y) - negative_log_likelihood(best, y)


def expected_excess_nll(proba: ArrayLike, bayes_proba: ArrayLike) -> float:
    """Mean over points of KL(p* || p), nats; p floored as in the NLL. proba, bayes_proba: (n, K)."""
    p, best = _pair(proba, bayes_proba)
    return float(max((xlogy(best, best) - best * log_of(p)).sum() / len(p), 0.0))


def mean_absolute_error_to_bayes(proba: ArrayLike, bayes_proba: ArrayLike) -> float:
    """Mean of 1/2 sum_c |p_c - p*_c|, in [0, 1]; for two classes |p_1 - p*_1|.

    proba, bayes_proba: (n, K). Raises ValueError on malformed input.
    """
    p, best = _pair(proba, bayes_proba)
    return float(np.abs(p - best).sum() / (2 * len(p)))


def accuracy_gap_to_bayes(proba: ArrayLike, y: ArrayLike, bayes_proba: ArrayLike) -> float:
    """Accuracy of the Bayes rule minus that of proba on the same points; positive = below the ceiling.

    proba, bayes_proba: (n, K). y: (n,) integers. Raises ValueError on malformed input.
    """
    p, best = _pair(proba, bayes_proba)
    return accuracy(best, y) - accuracy(p, y)
