"""What the arrays of a data set must satisfy, and what is said where they do not."""

from collections.abc import Iterable
from typing import NoReturn

import numpy as np

from bnnbench import tasks
from bnnbench.source import plugins


class DataError(ValueError):
    """Data that is missing, unreadable or not what it should be; the message says which and what to do."""


def check(data) -> None:
    """Refuse a `DataSet` whose arrays make no sense: raises DataError naming it, the array and the remedy."""
    _check_scalars(data)
    for part in ("pool", "test"):
        _check_inputs(data, part)
        _check_targets(data, part)
    _check_precision(data)
    _check_same_shapes(data)
    check_seeds(data.name, data.seeds)
    _check_splits(data)


def _refuse(data, array: str, fault: str, remedy: str) -> NoReturn:
    raise DataError(f"data set {data.name!r}: {array} {fault}; {remedy}")


def _check_scalars(data) -> None:
    known = plugins.known("task")
    if data.task not in known:
        _refuse(data, "task", f"is {data.task!r}", f"make it one of {', '.join(known)}")
    if fault := tasks.find(data.task).size_fault(data.n_classes):
        _refuse(data, "n_classes", *fault)
    with np.errstate(over="ignore"):
        if not 0 < np.float32(data.x_divisor) < np.inf:
            _refuse(data, "x_divisor", f"is {data.x_divisor}", "make it a positive number, from 1e-45 to 3e38")


def _check_inputs(data, part: str) -> None:
    x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
    if x.ndim not in (2, 4):
        _refuse(data, f"x_{part}", f"has shape {x.shape}", "make it (n, features) or (n, channel, height, width)")
    shape = tasks.find(data.task).target_shape(x.shape[1:])
    if y.shape != (len(x), *shape):
        remedy = f"make it {(len(x), *shape)}" if shape else "give one target an input"
        _refuse(data, f"y_{part}", f"has shape {y.shape} for {len(x)} inputs", remedy)
    if not len(x):
        if part == "test" and data.test_index is not None:
            return
        _refuse(data, f"x_{part}", "is empty", "ask for at least one point")
    if part == "test" and data.test_index is not None:
        _refuse(data, "x_test", "is given beside test_index", "leave it empty, or the other out")
    if fault := tasks.find(data.task).input_fault(x, data.n_classes):
        _refuse(data, f"x_{part}", *fault)
    if x.dtype.kind == "f":
        _check_finite(data, f"x_{part}", np.nan_to_num(x, posinf=np.inf, neginf=-np.inf) if data.standardise else x)
    if max(float(np.nanmax(x)), -float(np.nanmin(x))) / data.x_divisor > float(np.finfo(np.float32).max):
        remedy = "divide it by a unit in which they are smaller"
        _refuse(data, f"x_{part}", "holds values beyond single precision", remedy)


def _check_finite(data, name: str, array: np.ndarray) -> None:
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not finite.all():
        fault = f"holds NaN or infinity in {np.sum(~finite)} rows, first in row {int(np.argmin(finite))}"
        _refuse(data, name, fault, "drop or impute those rows before the data set is built")


def _check_targets(data, part: str) -> None:
    y = getattr(data, f"y_{part}")
    if not len(y):  # an empty pool is refused by its inputs
        return
    if fault := tasks.find(data.task).target_fault(y, data.n_classes):
        _refuse(data, f"y_{part}", *fault)
    if y.dtype.kind == "f":
        _check_finite(data, f"y_{part}", y)


def _check_precision(data) -> None:
    if data.x_pool.dtype.itemsize <= 4:  # for smaller ones, such as images, nothing is lost
        return
    scaled = data.scaled(data.x_pool)
    if (lost := (np.ptp(scaled, axis=0) == 0) & (data.x_pool.max(0) > data.x_pool.min(0))).any():
        _refuse(
            data,
            "x_pool",
            f"varies too little for single precision in {lost.sum()} features, first in {np.argmax(lost)}",
            "standardise it when the data set is built: bnnbench.base.standardise.Standardiser",
        )


def _check_same_shapes(data) -> None:
    if data.x_pool.shape[1:] != data.x_test.shape[1:]:
        _refuse(data, "x_test", f"has points of shape {data.x_test.shape[1:]}, x_pool {data.x_pool.shape[1:]}", "match")
    for key, x in data.novel.items():
        if x.shape[1:] != data.x_test.shape[1:] or not len(x):
            fault = f"has shape {x.shape}, x_test {data.x_test.shape}"
            _refuse(data, f"novel {key}", fault, "give some points like x_test's")


def _check_splits(data) -> None:
    arrays = ["train_index", "validation_index"] + ["test_index"] * (data.test_index is not None)
    for array in arrays:
        index = getattr(data, array)
        if index.ndim != 2 or len(index) != len(data.seeds) or not index.size:
            _refuse(data, array, f"has shape {index.shape}", f"make it ({len(data.seeds)} seeds, points)")
        if index.min() < 0 or index.max() >= len(data.x_pool):
            _refuse(data, array, f"points outside the pool of {len(data.x_pool)}", "keep it within the pool's rows")
    for i, first in enumerate(arrays):
        for second in arrays[i + 1 :]:
            _check_apart(data, first, second)


def _check_apart(data, first: str, second: str) -> None:
    for seed, a, b in zip(data.seeds, getattr(data, first), getattr(data, second), strict=True):
        if (shared := np.intersect1d(a, b)).size:
            fault = f"shares {shared.size} points with {first.removesuffix('_index')} at seed {seed}"
            _refuse(data, second, fault, "separate them")


def check_counts(name: str, **counts: int) -> None:
    """Raise ValueError unless every count, e.g. `n_train=700`, is a whole number of at least 1."""
    for key, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"data set {name!r}: {key} is {value!r}; give a whole number of at least 1")


def check_fit(n_train: int, n_validation: int, n_pool: int) -> None:
    """Raise ValueError where a pool is too small for what is split off it."""
    if n_train + n_validation > n_pool:
        raise ValueError(
            f"n_train {n_train} + n_validation {n_validation} exceed its pool of {n_pool}; lower one of them"
        )


def check_seeds(name: str, seeds: Iterable[int]) -> np.ndarray:
    """The seeds as int64 (seed,); raises ValueError unless there is at least one, whole, and each once."""
    seeds = np.array(list(seeds))
    if seeds.ndim != 1 or not seeds.size or seeds.dtype.kind not in "iu" or len(set(seeds)) != len(seeds):
        raise ValueError(f"data set {name!r}: seeds are {seeds.tolist()}; give at least one, each once")
    return seeds.astype(np.int64)
