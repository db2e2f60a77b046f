"""MNIST, of which more is to be made."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bnnbench.base.settings import Count
from bnnbench.datasets import mnist
from bnnbench.datasets._base import DataSet, Shape

TASK = "generation"


def generate(
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
    n_train: Count = 20_000,
    n_validation: Count = 1000,
    n_test: Count = 1000,
) -> DataSet:
    """The images of `mnist`, whose files it finds in the same places; y holds the digits, which nothing is trained on.

    Raises DataError for files that are missing or not the published ones, ValueError for counts that exceed the data.
    """
    labelled = mnist.generate(seeds, data_dir, n_train, n_validation, n_test)
    return replace(labelled, name="mnist_generation", n_classes=1, task=TASK)


def check(n_train: int, n_validation: int, n_test: int) -> None:
    """Raise ValueError where there are not so many images."""
    mnist.check(n_train, n_validation, n_test, None, None)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Images of one channel."""
    return mnist.shape(n_train, n_validation, n_test, None, None)._replace(classes=1)
