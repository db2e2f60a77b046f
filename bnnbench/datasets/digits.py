"""The 8 x 8 digits that scikit-learn carries with it: 1,797 images, ten classes, no download."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import check_fit, check_seeds

N_POOL, N_TEST = 1300, 497


def generate(seeds: Iterable[int] = range(5), n_train: Count = 1000, n_validation: Count = 300) -> DataSet:
    """Images (n, 1, 8, 8) uint8 in 0 ... 16, x_divisor 16.

    The test set is one fixed stratified draw of 497; each seed splits the other 1,300. Raises ValueError
    where n_train + n_validation exceed those.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8)[:, None], digits.target.astype(np.int64)
    rows = np.arange(len(labels))
    pool, test = train_test_split(rows, test_size=N_TEST, stratify=labels, random_state=0)
    seeds = check_seeds("digits", seeds)
    train_index, validation_index = split_pool("digits", len(pool), seeds, n_train, n_validation)
    return DataSet(
        name="digits",
        x_pool=images[pool],
        y_pool=labels[pool],
        train_index=train_index,
        validation_index=validation_index,
        seeds=seeds,
        x_test=images[test],
        y_test=labels[test],
        n_classes=10,
        x_divisor=16.0,
    )


def check(n_train: int, n_validation: int) -> None:
    """Raise ValueError where there are not so many images."""
    check_fit(n_train, n_validation, N_POOL)


def shape(n_train: int, n_validation: int) -> Shape:
    """Images of ten classes."""
    return Shape((1, 8, 8), 10, n_train, n_validation, N_TEST)
