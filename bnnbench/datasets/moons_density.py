"""The moons without their labels: a density in the plane, which is known."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets import moons
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import short
from bnnbench.datasets._density import unlabelled

TASK, GROUP = "density", "density-plane"


def name(noise: float) -> str:
    """`moons_density-0.2` at noise 0.2."""
    return f"moons_density-{short(noise)}"


def generate(
    noise: Positive,
    n_train: Count = 5000,
    n_validation: Count = 1000,
    n_test: Count = 10_000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Both classes of `moons` as one; noise: the sd of its noise; n_*: points (a seed)."""
    labelled = moons.generate(
        noise, n_train=n_train, n_validation=n_validation, n_test=n_test, seeds=seeds, test_seed=test_seed
    )
    return unlabelled(labelled, name(noise))


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points in the plane."""
    return Shape((2,), 1, n_train, n_validation, n_test)


def log_density(x: np.ndarray, noise: float) -> np.ndarray:
    """The exact log density (n,), nats, at x (n, 2), the classes being equally frequent; minus infinity far away."""
    with np.errstate(divide="ignore"):
        return np.log(moons.class_densities(x, noise).mean(1))
