"""Skeleton in words: a proper score of class probabilities."""

import numpy as np
from numpy.typing import NDArray

from bnnbench.metrics._metric import Column
from bnnbench.metrics._registry import metric


@metric(
    "skeleton",
    label="Skeleton in words",
    definition="Mean of p_y / |p|, the probability of the true class over the length of p: the spherical score.",
    direction="higher",  # or "lower", or "" where neither is better
    bounds=(0, 1),
    column=Column("Skeleton in words", 4, 1, "spherical score; higher is better"),  # leave out: no column
)
def skeleton(proba: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """The spherical score (Gneiting and Raftery 2007, eq. 13 with alpha = 2), a number without unit.

    proba: (n, K), each row sums to 1. y: (n,). The parameters' names say what is needed, of those in
    `metrics.INPUTS["classification"]`.
    """
    of_true_class = proba[np.arange(len(y)), y]
    return float((of_true_class / np.sqrt((proba**2).sum(axis=1))).mean())
