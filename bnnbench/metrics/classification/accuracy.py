"""Scores of the mean predictive probabilities against the true classes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._metric import Column
from .._registry import metric
from ._checks import check_labels, check_proba

PROBABILITY_FLOOR = 2.0**-24
"""Probabilities are raised to this, 6e-8, before a logarithm, so that one point costs at most 16.6 nats.

It is the smallest positive float16 and the gap between 1 and the float32 below it: a smaller probability
survives storage for one class and not for another, and the score would depend on how classes are numbered.
"""


def log_of(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Natural logarithm of probabilities raised to `PROBABILITY_FLOOR`."""
    return np.log(np.maximum(proba, PROBABILITY_FLOOR))


@metric(
    "accuracy",
    label="Accuracy",
    definition="Share of points whose most probable class is the true one.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Accuracy %", 2, 100, "share of right predictions; higher is better"),
)
def accuracy(proba: ArrayLike, y: ArrayLike) -> float:
    """Share of points whose most probable class is the true one; ties go to the lowest class number.

    proba: (n, K). y: (n,) integers. Raises ValueError on malformed input.
    """
    p = check_proba(proba)
    labels = check_labels(y, p.shape[1], len(p))
    return float((p.argmax(1) == labels).mean())


@metric(
    "nll",
    label="NLL",
    definition="Mean of -log p(true class), p averaged over draws and raised to at least 6e-8.",
    direction="lower",
    unit="nats",
    bounds=(0, -np.log(PROBABILITY_FLOOR)),
    column=Column("NLL", 4, 1, "negative log-likelihood in nats; lower is better"),
)
def negative_log_likelihood(proba: ArrayLike, y: ArrayLike) -> float:
    """Mean of -log p(true class), nats a point; probabilities below `PROBABILITY_FLOOR` (6e-8) are raised to
    it.

    proba: (n, K). y: (n,) integers. Raises ValueError on malformed input.
    """
    p = check_proba(proba)
    labels = check_labels(y, p.shape[1], len(p))
    return float(-log_of(p[np.arange(len(p)), labels]).mean())


@metric(
    "brier",
    label="Brier score",
    definition="Mean over points of sum_c (p_c - 1[y = c])^2, between 0 and 2.",
    direction="lower",
    bounds=(0, 2),
    column=Column("Brier", 4, 1, "Brier score; lower is better"),
)
def brier_score(proba: ArrayLike, y: ArrayLike) -> float:
    """Squared distance to the one-hot label, summed over classes, mean over points: in [0, 2] (Brier 1950).

    proba: (n, K). y: (n,) integers. Raises ValueError on malformed input.
    """
    p = check_proba(proba)
    labels = check_labels(y, p.shape[1], len(p))
    return float(np.mean(np.einsum("nk,nk->n", p, p) - 2 * p[np.arange(len(p)), labels] + 1))
