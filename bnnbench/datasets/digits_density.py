"""Half of the 8 x 8 digits as points of a density, and what a model of them is shown besides: no download.

Pixels are whole numbers from 0 to 16. A density of whole numbers is not bounded, so that a uniform number is added to
each (Theis et al. 2016): then the density of an image in grey levels is a bound on the probability of the whole ones.
"""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import check_fit, check_seeds

TASK = "density"
KNOWN = 5
"""Digits below this are trained on."""
N_POOL, N_TEST = 700, 201


def generate(seeds: Iterable[int] = range(5), n_train: Count = 550, n_validation: Count = 150) -> DataSet:
    """Images of 0 to 4 as (n, 64) numbers from 0 to 17; y holds the digits, which nothing is trained on.

    `novel` holds the digits 5 to 9 (`others`) and the test images at half their contrast (`dim`), simpler than what was
    trained on. Raises ValueError where n_train + n_validation exceed the pool.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    pixels, labels = digits.data, digits.target.astype(np.int64)
    known = np.flatnonzero(labels < KNOWN)
    pool, test = train_test_split(known, test_size=N_TEST, stratify=labels[known], random_state=0)
    seeds = check_seeds("digits_density", seeds)
    train_index, validation_index = split_pool("digits_density", len(pool), seeds, n_train, n_validation)
    return DataSet(
        name="digits_density",
        x_pool=_spread_out(pixels[pool], "pool"),
        y_pool=labels[pool],
        train_index=train_index,
        validation_index=validation_index,
        seeds=seeds,
        x_test=_spread_out(pixels[test], "test"),
        y_test=labels[test],
        n_classes=1,
        task=TASK,
        standardise=True,
        novel={
            "others": _spread_out(pixels[labels >= KNOWN], "others"),
            "dim": _spread_out(pixels[test] // 2, "dim"),
        },
    )


def _spread_out(pixels: np.ndarray, part: str) -> np.ndarray:
    """Each pixel with a uniform number added, float32."""
    return (pixels + generator("digits_density", part).uniform(size=pixels.shape)).astype(np.float32)


def check(n_train: int, n_validation: int) -> None:
    """Raise ValueError where there are not so many images."""
    check_fit(n_train, n_validation, N_POOL)


def shape(n_train: int, n_validation: int) -> Shape:
    """Images as vectors."""
    return Shape((64,), 1, n_train, n_validation, N_TEST)
