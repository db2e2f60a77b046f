"""x = z² for z uniform on (0, 2): p(x) = 1 / (4 sqrt(x)) on (0, 4), which no bound holds near 0."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, WholeNumber
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._density import generate_density

TASK, GROUP = "density", "density-line"


def generate(
    n_train: Count = 5000,
    n_validation: Count = 1000,
    n_test: Count = 10_000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """n_*: points (a seed)."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.uniform(0, 2, (n, 1)) ** 2

    return generate_density("squared_uniform", draw, n_train, n_validation, n_test, seeds, test_seed)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points on a line."""
    return Shape((1,), 1, n_train, n_validation, n_test)


def log_density(x: np.ndarray) -> np.ndarray:
    """The exact log density (n,), nats, at x (n, 1); minus infinity outside (0, 4)."""
    value = np.asarray(x, float)[:, 0]
    inside = (value > 0) & (value < 4)
    return np.where(inside, -np.log(4 * np.sqrt(np.where(inside, value, 1.0))), -np.inf)
