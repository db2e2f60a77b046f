"""Gaussians on a ring, of which more are to be made: the modes that a generator must not lose."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets import gaussian_ring
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import short

TASK = "generation"


def name(noise: float, modes: int = 8, radius: float = 1.0) -> str:
    """`ring_generation-0.05` at noise 0.05; other options are added where not the default."""
    more = f"-modes-{modes}" * (modes != 8) + f"-radius-{short(radius)}" * (radius != 1)
    return f"ring_generation-{short(noise)}{more}"


def generate(
    noise: Positive,
    modes: Count = 8,
    radius: Positive = 1.0,
    n_train: Count = 4000,
    n_validation: Count = 1000,
    n_test: Count = 2000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The points of `gaussian_ring`, whose nearest modes stand for classes; noise: each Gaussian's sd."""
    sizes = {"n_train": n_train, "n_validation": n_validation, "n_test": n_test}
    points = gaussian_ring.generate(noise, modes, radius, **sizes, seeds=seeds, test_seed=test_seed)
    labels = {
        f"y_{part}": _nearest(getattr(points, f"x_{part}"), mixture(None, noise, modes, radius)[0])
        for part in ("pool", "test")
    }
    return replace(points, name=name(noise, modes, radius), task=TASK, standardise=False, **labels)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points in the plane."""
    return Shape((2,), 1, n_train, n_validation, n_test)


def mixture(x: np.ndarray | None, noise: float, modes: int = 8, radius: float = 1.0) -> tuple[np.ndarray, float]:
    """The Gaussians that points x are of, whatever they are: centres (modes, 2) and their sd; equally frequent."""
    return gaussian_ring.centres(modes, radius), noise


def _nearest(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest of the centres, (n,) int64, for each of x (n, 2)."""
    return ((x[:, None] - centres) ** 2).sum(2).argmin(1).astype(np.int64)
