"""Tables as data sets: columns scaled on training rows, a test set for each seed."""

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets._base import DataSet
from bnnbench.datasets._check import check_seeds
from bnnbench.datasets._splits import VALIDATION_SHARE, Parts

CONTROLS = ("linear_model", "gradient_boosting", "gaussian_process")
"""Files of controls/ that stand beside the cells of a table."""


def of_parts(name: str, x: np.ndarray, y: np.ndarray, parts: dict[int, Parts], **facts) -> DataSet:
    """A table with the rows that each seed trains, validates and tests on, as many of each for every seed.

    x: (n, features) float64, single precision once it is scaled; y: (n,); facts: other fields of a `DataSet`. Raises
    ValueError for seeds that are not whole or not each there once, DataError for arrays that make no sense.
    """
    seeds, x = check_seeds(name, parts), single_precision(x)
    train, validation, test = (np.stack(rows) for rows in zip(*parts.values(), strict=True))
    return DataSet(
        name=name,
        x_pool=x,
        y_pool=y,
        train_index=train,
        validation_index=validation,
        test_index=test,
        seeds=seeds,
        x_test=x[:0],
        y_test=y[:0],
        standardise=True,
        **facts,
    )


def tested_on(name: str, seed: int, n: int, test: np.ndarray) -> Parts:
    """Parts of n rows of which the test rows are given; of the others a tenth, drawn by the seed, validates."""
    rest = generator(name, f"rest-{seed}").permutation(np.setdiff1d(np.arange(n), test))
    n_validation = n_validation_of(len(rest))
    return Parts(rest[n_validation:], rest[:n_validation], np.asarray(test, dtype=np.int64))


def n_validation_of(n_rest: int) -> int:
    """How many of the rows that are not tested on validate."""
    return max(1, round(VALIDATION_SHARE * n_rest))


def single_precision(x: np.ndarray) -> np.ndarray:
    """Columns (n, features) as float32; one whose values lie too close together for it is moved to mean 0 before.

    NaN, which stands for what is missing, stays.
    """
    x = np.asarray(x, dtype=np.float64)
    spread, size = np.nanstd(x, axis=0), np.nanmax(np.abs(x), axis=0)
    return (x - np.where(spread < 1e-3 * size, np.nanmean(x, axis=0), 0.0)).astype(np.float32)
