"""Gaussians on a ring, equally frequent: the modes that a generative model must not lose."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import short
from bnnbench.datasets._density import generate_density, mixture_log_density

TASK, GROUP = "density", "density-plane"


def name(noise: float, modes: int = 8, radius: float = 1.0) -> str:
    """`gaussian_ring-0.1` at noise 0.1; other options are added where not the default."""
    more = f"-modes-{modes}" * (modes != 8) + f"-radius-{short(radius)}" * (radius != 1)
    return f"gaussian_ring-{short(noise)}{more}"


def generate(
    noise: Positive,
    modes: Count = 8,
    radius: Positive = 1.0,
    n_train: Count = 5000,
    n_validation: Count = 1000,
    n_test: Count = 10_000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Points about `modes` centres on a circle of a radius, noise being each Gaussian's sd; n_*: points (a seed)."""
    middles = centres(modes, radius)

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return middles[rng.integers(0, modes, n)] + noise * rng.standard_normal((n, 2))

    return generate_density(name(noise, modes, radius), draw, n_train, n_validation, n_test, seeds, test_seed)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points in the plane."""
    return Shape((2,), 1, n_train, n_validation, n_test)


def log_density(x: np.ndarray, noise: float, modes: int = 8, radius: float = 1.0) -> np.ndarray:
    """The exact log density (n,), nats, at x (n, 2)."""
    return mixture_log_density(x, centres(modes, radius), noise)


def centres(modes: int, radius: float) -> np.ndarray:
    """Of the Gaussians, (modes, 2)."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)
