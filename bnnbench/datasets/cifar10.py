"""CIFAR-10: 32 x 32 colour images of ten classes, 50,000 to split and 10,000 to test on (Krizhevsky 2009).

Files are those of the binary version, a folder `cifar-10-batches-bin` of five training batches and a test batch.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Text
from bnnbench.datasets import _cifar
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import check_counts, check_fit, check_seeds
from bnnbench.datasets._subsets import Classes, check_classes, less, named, size_of

POOL_OF_CLASS, TEST_OF_CLASS = 5_000, 1_000
"""Images of each class to split and to test on."""


def name(classes: Classes | None = None, subset: int | None = None) -> str:
    """`cifar10`, with the classes and the number of training images where they are chosen: `cifar10-5-to-9-n-50`."""
    return named("cifar10", classes, subset)


def group(classes: Classes | None = None, subset: int | None = None) -> str:
    """As the name: other classes and sizes make arrays of other shapes."""
    return named("cifar10", classes, subset)


def generate(
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
    n_train: Count = 45_000,
    n_validation: Count = 5_000,
    n_test: Count = 10_000,
    classes: Classes | None = None,
    subset: Count | None = None,
    sha256: Text = _cifar.PUBLISHED,
) -> DataSet:
    """Images (n, 3, 32, 32) uint8 in 0 ... 255, x_divisor 255; each seed splits the training images its own way.

    data_dir: folder that holds `cifar-10-batches-bin/`; default: BNNBENCH_DATA, else the cache, else downloaded
    n_test: of fewer than there are, one fixed random draw
    classes: those to keep, numbered from 0 in their order, each with 5,000 images to split and 1,000 to test on
    subset: train on so many of a seed's images only, those of a smaller one being among those of a larger
    sha256: that of an edition other than the published one, such as of fewer batches; the error tells that of the files
    Raises DataError for files that are missing or not of the edition, ValueError for counts that exceed the data.
    """
    whole, dataset = named("cifar10", classes), named("cifar10", classes, subset)
    n_train = size_of(n_train, subset)
    check_counts(dataset, n_train=n_train, n_validation=n_validation, n_test=n_test)
    check_classes(classes)
    seeds = check_seeds(dataset, seeds)
    (x_pool, y_pool), (x_test, y_test) = (less(*part, classes) for part in _cifar.load(data_dir, sha256))
    train, validation = split_pool(whole, len(x_pool), seeds, n_train, n_validation)
    used = np.unique(np.concatenate([train.ravel(), validation.ravel()]))
    if n_test > len(x_test):
        raise ValueError(f"data set {dataset!r}: n_test is {n_test}, but there are only {len(x_test)} test images")
    test = np.sort(generator(whole, "test").permutation(len(x_test))[:n_test])
    return DataSet(
        name=dataset,
        x_pool=x_pool[used],
        y_pool=y_pool[used],
        train_index=np.searchsorted(used, train),
        validation_index=np.searchsorted(used, validation),
        seeds=seeds,
        x_test=x_test[test],
        y_test=y_test[test],
        n_classes=_n_classes(classes),
        x_divisor=255.0,
    )


def check(n_train: int, n_validation: int, n_test: int, classes: Classes | None, subset: int | None) -> None:
    """Raise ValueError where there are not so many images, or classes that are there twice."""
    check_classes(classes)
    check_fit(size_of(n_train, subset), n_validation, POOL_OF_CLASS * _n_classes(classes))
    if n_test > (most := TEST_OF_CLASS * _n_classes(classes)):
        raise ValueError(f"n_test is {n_test}, but there are only {most} test images")


def shape(n_train: int, n_validation: int, n_test: int, classes: Classes | None, subset: int | None) -> Shape:
    """Images of ten classes, or of those that are chosen."""
    return Shape((3, 32, 32), _n_classes(classes), size_of(n_train, subset), n_validation, n_test)


def _n_classes(classes: Classes | None) -> int:
    return 10 if classes is None else len(classes)
