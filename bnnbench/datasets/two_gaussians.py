"""Two Gaussians on a line, equally frequent. The exact flow is the mixture's cdf and then the normal's quantile."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import short
from bnnbench.datasets._density import generate_density, mixture_log_density

TASK, GROUP = "density", "density-line"


def name(distance: float = 4.0) -> str:
    """`two_gaussians`; `two_gaussians-distance-6` where it is not 4."""
    return "two_gaussians" + f"-distance-{short(distance)}" * (distance != 4)


def generate(
    distance: Positive = 4.0,
    n_train: Count = 5000,
    n_validation: Count = 1000,
    n_test: Count = 10_000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Points about -distance / 2 and distance / 2, of sd 1 each; n_*: points (a seed)."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return (distance * (rng.integers(0, 2, n) - 0.5) + rng.standard_normal(n))[:, None]

    return generate_density(name(distance), draw, n_train, n_validation, n_test, seeds, test_seed)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points on a line."""
    return Shape((1,), 1, n_train, n_validation, n_test)


def log_density(x: np.ndarray, distance: float = 4.0) -> np.ndarray:
    """The exact log density (n,), nats, at x (n, 1)."""
    return mixture_log_density(x, np.array([[-distance / 2], [distance / 2]]), 1.0)
