"""What a probe is, and what it reads."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from bnnbench.datasets import DataSet
from bnnbench.metrics import Predictions, evaluate
from bnnbench.prediction.trained import TrainedCell


class Reading(NamedTuple):
    """One number read off a trained cell: a metric where `variable` stands at `level`."""

    variable: str
    level: float
    metric: str
    value: float


class Probe:
    """A question to trained cells. A subclass is a dataclass of settings in a file of its own named after it."""

    def run(self, cell: TrainedCell, data: DataSet, seed: int) -> Iterable[Reading]:
        """Readings of one cell; it was trained on the split `seed` of `data`."""
        raise NotImplementedError


def readings(variable: str, level: float, predictions: Predictions, y: np.ndarray, metrics: Iterable[str]):
    """Metrics of predictions as readings."""
    found = evaluate(predictions, y)
    return [Reading(variable, float(level), name, found[name]) for name in metrics]


def evenly(n: int, wanted: int) -> np.ndarray:
    """`wanted` of n indices at even distances; all where there are no more."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(int))
