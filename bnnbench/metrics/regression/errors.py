"""Errors of the predictive mean against the true targets."""

import numpy as np
from numpy.typing import ArrayLike

from .._metric import Column
from .._registry import metric
from ._checks import check_values
from ._mixture import Mixture


@metric(
    "rmse",
    label="RMSE",
    definition="Root of the mean squared error of the predictive mean.",
    direction="lower",
    unit="target units",
    bounds=(0, np.inf),
    column=Column("RMSE", 4, 1, "root mean squared error of the predictive mean; lower is better"),
)
def root_mean_squared_error(mixture: Mixture, y: ArrayLike) -> float:
    """Root of the mean over points of (y - mean)^2, in the target's units.

    mixture: of n points. y: (n,). Raises ValueError on malformed input.
    """
    error = check_values(y, mixture.n_points, ndim=1) - mixture.mean
    return float(np.sqrt((error**2).mean()))


@metric(
    "mae",
    label="MAE",
    definition="Mean absolute error of the predictive mean.",
    direction="lower",
    unit="target units",
    bounds=(0, np.inf),
)
def mean_absolute_error(mixture: Mixture, y: ArrayLike) -> float:
    """Mean over points of |y - mean|, in the target's units.

    mixture: of n points. y: (n,). Raises ValueError on malformed input.
    """
    return float(np.abs(check_values(y, mixture.n_points, ndim=1) - mixture.mean).mean())
