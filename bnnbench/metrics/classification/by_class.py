"""Metrics of each class by itself."""

import numpy as np
from numpy.typing import NDArray

from .._registry import metric
from ._predictions import Predictions, mean


@metric(
    "total_variance_class_{c}",
    label="Total variance, true class {c}",
    definition="Mean total variance over the points whose true class is {c}.",
    direction="",
    bounds=(0, 1),
    undefined="where no point has this class",
    min_classes=3,  # of two classes `total_variance` says nearly as much
)
def _total_variance_by_class(predictions: Predictions, y: NDArray[np.int64]) -> list[float]:
    return [mean(predictions.total_variance[y == c]) for c in range(predictions.mean_proba.shape[1])]
