"""8 x 8 digits as binary pixels, for densities of images: no download."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import check_fit, check_seeds

TASK = "density"
N_POOL, N_TEST = 1437, 360


def generate(seeds: Iterable[int] = range(5), n_train: Count = 1200, n_validation: Count = 237) -> DataSet:
    """Images of 0 to 9 as (n, 64) pixels that are 0 or 1; y holds the digits, which nothing is trained on.

    A pixel of 16 grey levels is 1 with probability its level, drawn once. Raises ValueError where n_train and
    n_validation exceed the pool.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    labels = digits.target.astype(np.int64)
    pool, test = train_test_split(np.arange(len(labels)), test_size=N_TEST, stratify=labels, random_state=0)
    seeds = check_seeds("digits_binary", seeds)
    train_index, validation_index = split_pool("digits_binary", len(pool), seeds, n_train, n_validation)
    uniform = generator("digits_binary", "binarise").random(digits.data.shape, np.float32)
    pixels = (16 * uniform < digits.data).astype(np.float32)
    return DataSet(
        name="digits_binary",
        x_pool=pixels[pool],
        y_pool=labels[pool],
        train_index=train_index,
        validation_index=validation_index,
        seeds=seeds,
        x_test=pixels[test],
        y_test=labels[test],
        n_classes=1,
        task=TASK,
    )


def check(n_train: int, n_validation: int) -> None:
    """Raise ValueError where there are not so many images."""
    check_fit(n_train, n_validation, N_POOL)


def shape(n_train: int, n_validation: int) -> Shape:
    """Images as vectors."""
    return Shape((64,), 1, n_train, n_validation, N_TEST)
