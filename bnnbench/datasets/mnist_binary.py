"""MNIST as binary pixels, for densities of images: statically binarised, one draw of each image for all seeds."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._idx import check_sizes
from bnnbench.datasets._idx_vectors import generate_vectors

TASK = "density"
NAME, SIDE = "mnist_binary", 28


def generate(
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
    n_train: Count = 50_000,
    n_validation: Count = 10_000,
    n_test: Count = 10_000,
) -> DataSet:
    """Images as (n, 784) uint8 pixels that are 0 or 1; y holds the digits, which nothing is trained on.

    A pixel is 1 with probability its grey level, drawn once. It is our own draw: figures on the published static set
    (Larochelle & Murray 2011) are of another one. Counts and faults as those of `mnist`.
    """
    counts = n_train, n_validation, n_test
    return generate_vectors(NAME, "mnist", _binarised, seeds, data_dir, *counts)


def _binarised(pixels: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    return (255 * uniform < pixels).astype(np.uint8)


def check(n_train: int, n_validation: int, n_test: int) -> None:
    """Raise ValueError where there are not so many images."""
    check_sizes(n_train, n_validation, n_test, None)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Images as vectors."""
    return Shape((SIDE * SIDE,), 1, n_train, n_validation, n_test)
