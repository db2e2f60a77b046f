"""Tables as data sets: real targets, columns scaled on training rows, a test set for each split."""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets._base import DataSet
from bnnbench.datasets._check import check_seeds

VALIDATION_SHARE = 0.1
"""Of the rows that are not tested on: what methods and settings are chosen by."""


def split_table(
    name: str, x: np.ndarray, y: np.ndarray, tests: dict[int, np.ndarray], task: str = "regression", n_classes: int = 1
) -> DataSet:
    """A table with its test rows by seed, which must be as many for each; of the others a tenth validates.

    x: (n, features) float64, single precision once it is scaled; y: (n,). Raises ValueError for seeds that are not
    whole or not each there once, DataError for arrays that make no sense.
    """
    seeds = check_seeds(name, tests)
    rest = [_shuffled_rest(name, len(y), seed, tests[seed]) for seed in seeds.tolist()]
    n_validation = n_validation_of(len(rest[0]))
    x = single_precision(x)
    return DataSet(
        name=name,
        x_pool=x,
        y_pool=y,
        train_index=np.stack([rows[n_validation:] for rows in rest]),
        validation_index=np.stack([rows[:n_validation] for rows in rest]),
        test_index=np.stack([np.asarray(tests[seed], dtype=np.int64) for seed in seeds.tolist()]),
        seeds=seeds,
        x_test=x[:0],
        y_test=y[:0],
        n_classes=n_classes,
        task=task,
        standardise=True,
    )


def n_validation_of(n_rest: int) -> int:
    """How many of the rows that are not tested on validate."""
    return max(1, round(VALIDATION_SHARE * n_rest))


def drawn_tests(name: str, n: int, n_test: int, seeds: Iterable[int]) -> dict[int, np.ndarray]:
    """Test rows by seed, drawn anew for each."""
    return {seed: generator(name, f"test-rows-{seed}").permutation(n)[:n_test] for seed in seeds}


def single_precision(x: np.ndarray) -> np.ndarray:
    """Columns (n, features) as float32; one whose values lie too close together for it is moved to mean 0 before.

    NaN, which stands for what is missing, stays.
    """
    x = np.asarray(x, dtype=np.float64)
    spread, size = np.nanstd(x, axis=0), np.nanmax(np.abs(x), axis=0)
    return (x - np.where(spread < 1e-3 * size, np.nanmean(x, axis=0), 0.0)).astype(np.float32)


def _shuffled_rest(name: str, n: int, seed: int, test: np.ndarray) -> np.ndarray:
    rest = np.setdiff1d(np.arange(n), test)
    return generator(name, f"rest-{seed}").permutation(rest)
