"""Fashion-MNIST: 28 x 28 photographs of ten kinds of clothing, 60,000 to split and 10,000 to test on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._idx import check_sizes, generate_idx, named, shape_of
from bnnbench.datasets._subsets import Class, size_of


def name(without: int | None = None, subset: int | None = None) -> str:
    """`fashion_mnist`, with the class that is left out and number of images: `fashion_mnist-without-7`, `...-n-50`."""
    return named("fashion_mnist", without, subset)


def group(without: int | None = None, subset: int | None = None) -> str:
    """Of subsets, whose sizes differ, the name; else the family's."""
    return "fashion_mnist" if subset is None else named("fashion_mnist", without, subset)


def generate(
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
    n_train: Count = 50_000,
    n_validation: Count = 10_000,
    n_test: Count = 10_000,
    without: Class | None = None,
    strangers: Literal["mnist"] | None = None,
    subset: Count | None = None,
) -> DataSet:
    """Images (n, 1, 28, 28) uint8 in 0 ... 255, x_divisor 255; each seed splits the 60,000 its own way.

    data_dir: folder that holds `fashion-mnist/`; default: BNNBENCH_DATA, else the cache, else downloaded.
    without: a class to leave out, whose test images become `novel["left_out"]`; give counts that the rest can fill.
    strangers: folder of another set, whose test images become novel under its name.
    subset: train on so many of a seed's images only, those of a smaller one being among those of a larger.
    Smaller counts take subsets (the test set one fixed random subset). Raises DataError for files
    that are missing or not the published ones, ValueError for counts that exceed the data.
    """
    counts = (n_train, n_validation, n_test)
    return generate_idx("fashion_mnist", "fashion-mnist", seeds, data_dir, *counts, without, strangers, subset)


def check(n_train: int, n_validation: int, n_test: int, without: int | None, subset: int | None) -> None:
    """Raise ValueError where there are not so many images."""
    check_sizes(size_of(n_train, subset), n_validation, n_test, without)


def shape(n_train: int, n_validation: int, n_test: int, without: int | None, subset: int | None) -> Shape:
    """Images of ten classes, or nine."""
    return shape_of(size_of(n_train, subset), n_validation, n_test, without)
