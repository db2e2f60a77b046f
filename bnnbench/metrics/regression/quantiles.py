"""Calibration of the predictive quantiles, over all levels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._binomial import mean_deviation
from .._registry import metric
from ._checks import check_values
from ._mixture import Mixture

LEVELS = np.arange(1, 20) / 20
"""Levels of the quantiles that the calibration error looks at: .05, .10, ..., .95."""


def pit(mixture: Mixture, y: ArrayLike) -> NDArray[np.float64]:
    """Probability integral transform F(y), (n,), uniform on [0, 1] for a calibrated predictor (Dawid 1984).

    mixture: of n points. y: (n,). Raises ValueError on malformed input.
    """
    return mixture.cdf(check_values(y, mixture.n_points, ndim=1))


def pit_histogram(mixture: Mixture, y: ArrayLike, bins: int = 10) -> NDArray[np.float64]:
    """Shares of points whose `pit` falls into each of equal bins of [0, 1], (bins,), adding up to one.

    Calibrated predictions give 1 / bins each; a U is too narrow a predictive distribution, a hump too wide a one
    (Gneiting et al. 2007). mixture: of n points. y: (n,). Raises ValueError on malformed input or fewer than one bin.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}; ask for at least one bin")
    return np.histogram(pit(mixture, y), bins=bins, range=(0, 1))[0] / mixture.n_points


@metric(
    "quantile_calibration_error",
    label="Quantile calibration error",
    definition="Mean, over levels .05, .10, ..., .95, of the gap between level and share of y below that predicted "
    "quantile; compare with its floor.",
    direction="lower",
    bounds=(0, 0.5),
    floor="quantile_calibration_error_floor",
)
def quantile_calibration_error(mixture: Mixture, y: ArrayLike) -> float:
    """Mean over `LEVELS` of |level - share of points with y up to the quantile of that level|, in [0, 1/2].

    The calibration error of Kuleshov et al. 2018 (there with squares) as mean absolute difference, which is in
    units of probability (Chung et al. 2021). mixture: of n points. y: (n,). Biased upwards: print
    `quantile_calibration_error_floor` beside it. Raises ValueError on malformed input.
    """
    share = np.searchsorted(np.sort(pit(mixture, y)), LEVELS, side="right") / mixture.n_points
    return float(np.abs(share - LEVELS).mean())


@metric(
    "quantile_calibration_error_floor",
    label="Quantile calibration error floor",
    definition="The quantile calibration error expected of a perfectly calibrated predictor at this many points.",
    direction="",
    bounds=(0, 0.5),
)
def quantile_calibration_error_floor(y: ArrayLike) -> float:
    """The error expected of a perfectly calibrated predictor at n independent points. y: (n,), of which n counts.

    Exact: of n independent points the number below the quantile of level p is binomial.
    """
    n = len(np.asarray(y))
    return float((mean_deviation(n, LEVELS) / n).mean())
