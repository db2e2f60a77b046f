"""Fashion-MNIST as points of a density: a uniform number is added to each pixel (Theis et al. 2016)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._idx import check_sizes
from bnnbench.datasets._idx_vectors import generate_vectors, spread_out
from bnnbench.datasets.mnist_binary import SIDE

TASK = "density"
NAME = "fashion_density"


def generate(
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
    n_train: Count = 50_000,
    n_validation: Count = 10_000,
    n_test: Count = 10_000,
    strangers: Literal["mnist"] | None = None,
) -> DataSet:
    """Images as (n, 784) numbers from 0 to 1: pixels of 0 to 255 with a uniform number added, divided by 256.

    The density is then a bound on the probability of the whole levels, times 256 a pixel. Pixels are not standardised:
    those at the edge hardly vary, which a noise of one sd for all pixels cannot follow. y holds the classes, which
    nothing is trained on. Counts, strangers and faults as of `fashion_mnist`.
    """
    counts = n_train, n_validation, n_test
    return generate_vectors(NAME, "fashion-mnist", spread_out, seeds, data_dir, *counts, strangers)


def check(n_train: int, n_validation: int, n_test: int) -> None:
    """Raise ValueError where there are not so many images."""
    check_sizes(n_train, n_validation, n_test, None)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Images as vectors."""
    return Shape((SIDE * SIDE,), 1, n_train, n_validation, n_test)
