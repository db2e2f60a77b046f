"""The 8 x 8 digits, of which more are to be made: no download."""

from collections.abc import Iterable
from dataclasses import replace

from bnnbench.base.settings import Count
from bnnbench.datasets import digits
from bnnbench.datasets._base import DataSet, Shape

TASK = "generation"


def generate(seeds: Iterable[int] = range(5), n_train: Count = 1000, n_validation: Count = 300) -> DataSet:
    """The images of `digits`; y holds the digits, which nothing is trained on. Raises ValueError where n_train +
    n_validation exceed the images that there are."""
    labelled = digits.generate(seeds, n_train, n_validation)
    return replace(labelled, name="digits_generation", n_classes=1, task=TASK)


def check(n_train: int, n_validation: int) -> None:
    """Raise ValueError where there are not so many images."""
    digits.check(n_train, n_validation, None, None)


def shape(n_train: int, n_validation: int) -> Shape:
    """Images of one channel."""
    return digits.shape(n_train, n_validation, None, None)._replace(classes=1)
