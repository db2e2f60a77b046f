"""Columns of a user's table as numbers: numeric ones as they are, booleans and categories by level, dates refused."""

import re
from collections import Counter
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from bnnbench.datasets._check import DataError
from bnnbench.datasets._reading import Reading

Missing = Literal["impute", "refuse"]

DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})( \d{1,2}:\d{2}.*)?"
    r"|\d{1,2}:\d{2}(:\d{2})?"
)
WRITTEN = re.compile(r"[+-]?[$€£]?\s?\d[\d.,'\s]*[%€$£]?")
"""What is meant as a number, such as 1,5 or 12%, where it is not one as it stands."""
MOST_LEVELS = 100
"""Levels of a category with a column each; the rest share one."""


class Inputs(NamedTuple):
    """Columns of numbers.

    x: (n, features) float64, NaN where a number is missing
    features: their names, such as `age`, `age missing` and `colour=red`
    kinds: how many columns of the file are numbers, categories and booleans
    missing: how many values are missing, by column of the file
    notes: what was left out or put together, a sentence each
    """

    x: np.ndarray
    features: tuple[str, ...]
    kinds: dict[str, int]
    missing: dict[str, int]
    notes: tuple[str, ...]


def inputs(reading: Reading, names: list[str], missing: Missing) -> Inputs:
    """These columns of a table as numbers.

    Where numbers are missing a further column says so, and the median of a seed's training rows takes their place when
    the column is scaled (`Scaling`). Which levels a category has, and that a column never varies, is told from all
    rows: it says nothing of targets. Raises DataError that names file, column, row and remedy.
    """
    found, features, kinds, lacking, notes = [], [], Counter(), {}, []
    for name in names:
        column, kind = _typed(reading, name)
        kinds[kind] += 1
        if absent := int(column.isna().sum()):
            lacking[name] = absent
            if missing == "refuse":
                where = reading.place(int(np.argmax(column.isna())))
                raise DataError(
                    f"{where}: column {name!r} has no value, as in {absent} rows: fill it in, remove these rows, or "
                    "set missing: impute"
                )
        encode = _levels if kind == "category" else _numbers
        arrays, own, said = encode(reading, column)
        found += arrays
        features += own
        notes += [f"column {name!r} {note}" for note in said]
    if not found:
        raise DataError(f"{reading.files[0][0]}: no column is left to predict from: {'; '.join(notes) or 'add one'}")
    return Inputs(np.stack(found, axis=1), tuple(features), dict(kinds), lacking, tuple(notes))


def _typed(reading: Reading, name: str) -> tuple[pd.Series, str]:
    """A column with its kind: numeric, boolean or category. DataError for dates and what is no column of a table."""
    column = reading.frame[name]
    if types.is_bool_dtype(column.dtype):
        return column, "boolean"
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if types.is_numeric_dtype(column.dtype) and not types.is_complex_dtype(column.dtype):
        return column, "numeric"
    first = int(np.argmax(column.notna()))
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
        _refuse_dates(reading, column, first)
    kinds = {type(value) for value in column.dropna()}
    if kinds and kinds <= {bool, np.bool_}:
        return column.map({True: 1.0, False: 0.0}).astype(float), "boolean"
    if any(issubclass(kind, list | dict | tuple | np.ndarray | bytes) for kind in kinds):
        raise DataError(
            f"{reading.place(first)}: column {name!r} holds {type(column[first]).__name__}, no single value: split it "
            "into columns, or leave it out by 'index'"
        )
    column = column.map(lambda value: str(value).strip(), na_action="ignore").astype(object)
    column = column.where(column != "", None)
    return _of_text(reading, column)


def _of_text(reading: Reading, column: pd.Series) -> tuple[pd.Series, str]:
    """A column of texts: categories, unless they are numbers, or were meant as numbers or dates."""
    counts = column.value_counts()
    texts, times = counts.index.to_series(), counts.to_numpy()
    if not times.sum():
        return pd.Series(np.full(len(column), np.nan)), "numeric"
    numbers = pd.to_numeric(texts, errors="coerce").notna().to_numpy()
    if numbers.all():
        return pd.to_numeric(column), "numeric"
    for most, refuse in (
        (numbers, _refuse_text),
        (texts.map(lambda text: bool(DATE.fullmatch(text))).to_numpy(), _refuse_dates),
        (texts.map(lambda text: bool(WRITTEN.fullmatch(text))).to_numpy(), _refuse_written),
    ):
        if 2 * times[most].sum() > times.sum():
            chosen = texts[~most if refuse is _refuse_text else most]
            refuse(reading, column, int(np.argmax(column.isin(chosen))))
    return column, "category"


def _refuse_text(reading: Reading, column: pd.Series, row: int):
    raise DataError(
        f"{reading.place(row)}: column {column.name!r} holds {column[row]!r}, and numbers in most rows: correct it, or "
        "leave it empty where the value is missing"
    )


def _refuse_dates(reading: Reading, column: pd.Series, row: int):
    raise DataError(
        f"{reading.place(row)}: column {column.name!r} holds dates or times, such as {str(column[row])!r}: turn them "
        "into numbers, such as days since the first, or leave the column out by 'index'"
    )


def _refuse_written(reading: Reading, column: pd.Series, row: int):
    raise DataError(
        f"{reading.place(row)}: column {column.name!r} holds numbers written as {column[row]!r}: remove units and "
        "thousands separators, and name the decimal mark: decimal: ','"
    )


def _numbers(reading: Reading, column: pd.Series) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Arrays, names and notes of a column of numbers or booleans."""
    values = numbers(reading, column)
    absent = np.isnan(values)
    there, name = values[~absent], column.name
    arrays, names, notes = [], [], []
    if there.size and there.min() < there.max():
        arrays, names = [values], [name]
    else:
        notes.append(f"never varies ({there[0]:g})" if there.size else "is empty")
        notes[0] += ": it is left out"
    if absent.any() and there.size:
        arrays.append(absent.astype(np.float64))
        names.append(f"{name} missing")
    return arrays, names, notes


def numbers(reading: Reading, column: pd.Series) -> np.ndarray:
    """A column of numbers (n,) float64, NaN where one is missing. DataError where one is too large, with its place."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    beyond = np.abs(values) > np.finfo(np.float32).max  # of NaN it is not
    if beyond.any():
        row = int(np.argmax(beyond))
        raise DataError(
            f"{reading.place(row)}: column {column.name!r} is {values[row]:g}, beyond single precision: correct it, or "
            "use a larger unit"
        )
    return values


def _levels(reading: Reading, column: pd.Series) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Arrays, names and notes of a category: a column a level; one for two levels; rare levels share one."""
    name, absent, counts = column.name, column.isna().to_numpy(), column.value_counts()
    fewest = min(10, max(2, int(np.ceil(0.005 * len(column)))))
    common = sorted(
        counts[counts >= fewest].sort_index().sort_values(ascending=False, kind="stable").index[:MOST_LEVELS]
    )
    arrays = [(column == level).to_numpy(dtype=np.float64) for level in common]
    names, notes = [f"{name}={level}" for level in common], []
    rare = len(counts) - len(common)
    if rare:
        others = ~column.isin(common).to_numpy() & ~absent
        arrays, names = [*arrays, others.astype(np.float64)], [*names, f"{name}=(other)"]
        notes.append(
            f"has {len(counts)} levels, {rare} of them in fewer than {fewest} rows or beyond the {MOST_LEVELS} most "
            "frequent: these share one"
        )
    if absent.any():
        arrays, names = [*arrays, absent.astype(np.float64)], [*names, f"{name} missing"]
    if len(arrays) < 2:
        said = f"{notes[0]}, and none is left" if notes else f"never varies ({common[0]!r})"
        return [], [], [f"{said}: it is left out"]
    return (arrays[1:], names[1:], notes) if len(arrays) == 2 else (arrays, names, notes)
