"""The 8 x 8 digits that scikit-learn carries with it: 1,797 images, ten classes, no download."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import check_fit, check_seeds
from bnnbench.datasets._subsets import Classes, check_classes, less, named, size_of

N_POOL, N_TEST = 1300, 497
POOL_OF_CLASS = (129, 132, 128, 132, 131, 132, 131, 129, 126, 130)
TEST_OF_CLASS = (49, 50, 49, 51, 50, 50, 50, 50, 48, 50)
"""Images of each class to split, and to test on."""


def name(classes: Classes | None = None, subset: int | None = None) -> str:
    """`digits`, with the classes and the number of training images where they are chosen: `digits-5-to-9-n-50`."""
    return named("digits", classes, subset)


def group(classes: Classes | None = None, subset: int | None = None) -> str:
    """As the name: other classes and sizes make arrays of other shapes."""
    return named("digits", classes, subset)


def generate(
    seeds: Iterable[int] = range(5),
    n_train: Count = 1000,
    n_validation: Count = 300,
    classes: Classes | None = None,
    subset: Count | None = None,
) -> DataSet:
    """Images (n, 1, 8, 8) uint8 in 0 ... 16, x_divisor 16.

    The test set is one fixed stratified draw of 497; each seed splits the other 1,300.
    classes: the digits to keep, numbered from 0 in their order; default: all
    subset: train on so many of a seed's training images, those of a smaller one being among those of a larger; part of
    the name. Raises ValueError where n_train + n_validation exceed the images that there are.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[:, None], digits.target.astype(np.int64)
    rows = np.arange(len(labels))
    pool, test = train_test_split(rows, test_size=N_TEST, stratify=labels, random_state=0)
    (pool, y_pool), (test, y_test) = (less(part, labels[part], classes) for part in (pool, test))
    seeds, whole = check_seeds("digits", seeds), named("digits", classes)
    train_index, validation_index = split_pool(whole, len(pool), seeds, size_of(n_train, subset), n_validation)
    return DataSet(
        name=named("digits", classes, subset),
        x_pool=images[pool],
        y_pool=y_pool,
        train_index=train_index,
        validation_index=validation_index,
        seeds=seeds,
        x_test=images[test],
        y_test=y_test,
        n_classes=10 if classes is None else len(classes),
        x_divisor=16.0,
    )


def check(n_train: int, n_validation: int, classes: Classes | None, subset: int | None) -> None:
    """Raise ValueError where there are not so many images, or classes that are there twice."""
    check_classes(classes)
    check_fit(size_of(n_train, subset), n_validation, _images(POOL_OF_CLASS, classes))


def shape(n_train: int, n_validation: int, classes: Classes | None, subset: int | None) -> Shape:
    """Images of ten classes, or of those that are chosen."""
    n_classes = 10 if classes is None else len(classes)
    return Shape((1, 8, 8), n_classes, size_of(n_train, subset), n_validation, _images(TEST_OF_CLASS, classes))


def _images(of_class: tuple[int, ...], classes: Classes | None) -> int:
    return sum(of_class) if classes is None else sum(of_class[label] for label in classes)
