"""Arrivals in an hour of a day, made up: counts whose rate is a wave."""

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape, split_pool

TASK = "counts"


def rate(x: np.ndarray) -> np.ndarray:
    """The true rate (n,) at x (n, 1), the time of day within (-1, 1)."""
    return np.exp(1.5 + 1.2 * np.sin(np.pi * x[:, 0]))


def shape(n_train, n_validation, n_test):
    """One input and one count."""
    return Shape((1,), 1, n_train, n_validation, n_test)


def generate(seeds, n_train: Count = 100, n_validation: Count = 50, n_test: Count = 500) -> DataSet:
    """A pool of which each seed takes its own part."""
    seeds = np.array(list(seeds), dtype=np.int64)

    def draw(part, n):
        rng = generator("arrivals", part)
        x = rng.uniform(-1, 1, (n, 1)).astype(np.float32)
        return x, rng.poisson(rate(x))

    x_pool, y_pool = draw("pool", 3 * (n_train + n_validation))
    x_test, y_test = draw("test", n_test)
    train, validation = split_pool("arrivals", len(x_pool), seeds, n_train, n_validation)
    return DataSet("arrivals", x_pool, y_pool, train, validation, seeds, x_test, y_test, n_classes=1, task=TASK)
