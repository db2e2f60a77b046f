"""Expected calibration error of the predicted class, and what a perfectly calibrated model would get."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._binomial import mean_deviation
from .._metric import Column
from .._registry import metric
from ._checks import check_labels, check_proba

TIE_DECIMALS = 12
"""Confidences are rounded to this before binning, so that rounding does not split what is equal."""


def _bins(confidence: NDArray[np.float64], n_bins: int) -> NDArray[np.int64]:
    """Equal-mass bins, right-closed: the edges are the ceil(n j / n_bins)-th smallest confidences.

    Points are placed by value, so ties share a bin, and bins that ties leave empty stay empty.
    """
    if n_bins < 1:
        raise ValueError(f"n_bins is {n_bins}; ask for at least one bin")
    n = len(confidence)
    rounded = confidence.round(TIE_DECIMALS)
    last = -(-n * np.arange(1, n_bins) // n_bins) - 1
    return np.searchsorted(np.sort(rounded)[last], rounded, side="left")


@metric(
    "ece",
    label="ECE",
    definition="Mean gap between accuracy and confidence in 15 equal-mass bins; compare with its floor.",
    direction="lower",
    bounds=(0, 1),
    floor="ece_floor",
    column=Column("ECE", 4, 1, "expected calibration error; lower is better, compare with its floor"),
)
def expected_calibration_error(proba: ArrayLike, y: ArrayLike, n_bins: int = 15) -> float:
    """ECE: mean over points of |accuracy - mean confidence| of their bin, in [0, 1].

    Naeini et al. 2015 and Guo et al. 2017, here with equal-mass bins.
    proba: (n, K). y: (n,) integers. The confidence is max_c p_c. The n_bins (default 15) have equal mass and
    right-closed edges; ties are never split. Biased upwards: print `calibration_floor` beside it.
    Raises ValueError on malformed input.
    """
    p = check_proba(proba)
    labels = check_labels(y, p.shape[1], len(p))
    predicted = p.argmax(1)
    confidence = p[np.arange(len(p)), predicted]
    gap = np.bincount(_bins(confidence, n_bins), weights=(predicted == labels) - confidence)
    return float(np.abs(gap).sum() / len(p))


@metric(
    "ece_floor",
    label="ECE floor",
    definition="The ECE expected of a perfectly calibrated model with these confidences and this many points.",
    direction="",
    bounds=(0, 1),
    column=Column("ECE floor", 4, 1, "the ECE that perfect calibration would show with this many points"),
)
def calibration_floor(proba: ArrayLike, n_bins: int = 15) -> float:
    """The ECE expected of a perfectly calibrated model with these confidences: ECE's bias at this n.

    proba: (n, K). n_bins as in `expected_calibration_error`. Raises ValueError on malformed input.

    In a bin the number of errors is a sum of Bernoulli(q_i), q_i = 1 - confidence. It is replaced by the
    binomial of m = (sum q)^2 / sum q^2 trials with the same mean and variance: exact where a bin's confidences are
    equal, and tending to the Poisson's or the folded normal's value, sd sqrt(2 / pi), in their limits.
    """
    p = check_proba(proba)
    confidence = p.max(1)
    error, bins = 1 - confidence, _bins(confidence, n_bins)
    mean = np.bincount(bins, weights=error)
    square = np.bincount(bins, weights=error**2)
    keep = square > 0
    mean, square = mean[keep], square[keep]
    return float(mean_deviation(mean**2 / square, square / mean, mean).sum() / len(p))
