"""The column of a user's table that is predicted: classes or numbers, and which of the two where nobody says."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from bnnbench.datasets._check import DataError
from bnnbench.datasets._columns import numbers
from bnnbench.datasets._reading import Reading

TaskName = Literal["classification", "regression"]

MOST_CLASSES, TIMES = 20, 3
"""Whole numbers are classes where they have so many values at most, each seen so many times at least."""
NARROW = 1e-5
"""Spread of a target as a share of its size, below which single precision loses digits that count."""


class Targets(NamedTuple):
    """What is predicted.

    y: (n,) int64 labels of the classes in their order, or float32
    classes: the classes' names in the order of their labels; none where targets are numbers
    reason: why it is this task, in words
    """

    task: TaskName
    y: np.ndarray
    classes: tuple[str, ...]
    reason: str


def targets(reading: Reading, name: str, task: TaskName | None) -> Targets:
    """The target column. Raises DataError that names file, column, row and remedy."""
    column = reading.column(name, "target")
    if column.isna().any():
        row = int(np.argmax(column.isna()))
        raise DataError(
            f"{reading.place(row)}: the target {name!r} has no value, as in {int(column.isna().sum())} rows: fill it "
            "in, or remove these rows"
        )
    if column.dtype.kind in "mM":
        raise DataError(f"{reading.place(0)}: the target {name!r} is a date: turn it into a number")
    found, reason = _found(column)
    reason = f"{task}, as was asked for" if task else f"{found}: the target {name!r} {reason}"
    if (task or found) == "classification":
        return _classes(reading, column, reason)
    return _numbers(reading, column, reason)


def _found(column: pd.Series) -> tuple[TaskName, str]:
    """The task that a target's type and values speak for, and what they are."""
    if types.is_bool_dtype(column.dtype) or not types.is_numeric_dtype(column.dtype):
        return "classification", "is of booleans or texts"
    if types.is_integer_dtype(column.dtype):
        times = column.value_counts()
        if len(times) <= MOST_CLASSES and times.min() >= TIMES:
            return "classification", f"has {len(times)} whole numbers, each seen at least {TIMES} times"
    return "regression", f"has {column.nunique()} different numbers"


def _classes(reading: Reading, column: pd.Series, reason: str) -> Targets:
    if not types.is_numeric_dtype(column.dtype):
        column = column.map(lambda value: str(value).strip())
    y, levels = pd.factorize(column, sort=True)
    if len(levels) < 2:
        raise DataError(
            f"{reading.files[0][0]}: the target {column.name!r} is {levels[0]!s} in all rows: there is nothing to "
            "predict; name another column"
        )
    if 2 * len(levels) > len(column):
        raise DataError(
            f"{reading.files[0][0]}: the target {column.name!r} has {len(levels)} classes in {len(column)} rows: name "
            "another column, or task: regression where it is numbers"
        )
    return Targets("classification", y.astype(np.int64), tuple(map(str, levels)), reason)


def _numbers(reading: Reading, column: pd.Series, reason: str) -> Targets:
    if not types.is_numeric_dtype(column.dtype):
        values = pd.to_numeric(column, errors="coerce")
        if values.isna().any():
            row = int(np.argmax(values.isna()))
            raise DataError(
                f"{reading.place(row)}: the target {column.name!r} is {column[row]!r}, no number: correct it, or set "
                "task: classification"
            )
        column = values
    y = numbers(reading, column)
    if y.min() == y.max():
        raise DataError(
            f"{reading.files[0][0]}: the target {column.name!r} is {y[0]:g} in all rows: there is nothing to "
            "predict; name another column"
        )
    if y.std() < NARROW * np.abs(y).max():
        raise DataError(
            f"{reading.files[0][0]}: the target {column.name!r} varies too little for single precision, from "
            f"{y.min():.9g} to {y.max():.9g}: subtract an offset"
        )
    return Targets("regression", y.astype(np.float32), (), reason)
