"""A user's file as a data frame: CSV of any common dialect, or Parquet. Whatever cannot be read is refused by place."""

import codecs
import csv
import hashlib
import io
import re
import warnings
from collections import Counter
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bnnbench.datasets._check import DataError
from bnnbench.files.folders import expanded

SEPARATORS = (",", ";", "\t", "|")
SAMPLE, RECORDS = 200_000, 100
"""Characters and records by which the dialect of a file is judged."""
WITH_COMMA, WITH_POINT = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?"), re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BOM = codecs.BOM_UTF8.decode()


class Reading(NamedTuple):
    """The rows of one or two files, of the same columns, one after the other.

    files: each with its name, as the user wrote it, and its rows
    notes: what was left out, a sentence each
    """

    frame: pd.DataFrame
    files: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]

    def place(self, i: int) -> str:
        """File and row of the i-th row, for messages; rows are counted from 1, below the names."""
        for file, n in self.files:
            if i < n:
                return f"{file}, row {i + 1}"
            i -= n
        raise IndexError(i)

    def column(self, name: str, option: str) -> pd.Series:
        """The column of this name. DataError where there is none, naming the option that asked for it."""
        if name not in self.frame:
            raise DataError(f"{self.files[0][0]}: {option} is {name!r}, which is no column: {_listed(self.frame)}")
        return self.frame[name]


class Stamp(NamedTuple):
    """A file by name, as the user wrote it, and place; another where its size or time of change is another."""

    file: str
    path: Path
    size: int
    changed: int


def stamp(file: str) -> Stamp:
    """Where a file lies: relative to the working folder, `~` and `$NAME` filled in. DataError where there is none."""
    try:
        path = expanded(file).absolute()
    except ValueError as error:
        raise DataError(f"file {error}") from None
    try:
        if path.is_dir():
            raise DataError(f"{file}: is a folder: name the file in it")
        if path.exists() and not path.is_file():  # a device has no end, and a pipe waits for one
            raise DataError(f"{file}: is a device or a pipe: save what it gives to a file, and name that")
        found = path.stat()
    except OSError:
        raise DataError(
            f"{file}: there is no such file; it is looked for from the folder {path.parent}: correct 'file', or "
            "write its whole path"
        ) from None
    return Stamp(file, path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def content(file: Stamp) -> str:
    """SHA-256 of a file's bytes, read again where it has changed."""
    with _opened(file) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _opened(file: Stamp):
    try:
        return file.path.open("rb")
    except OSError as error:
        raise DataError(f"{file.file}: cannot be read ({error.strerror}): correct its permissions") from None


def read(file: Stamp, sep: str | None, decimal: str | None, encoding: str | None) -> Reading:
    """The rows of a file. What of the dialect is None is found from the file; Parquet has none.

    Raises DataError that names file, place and remedy.
    """
    if file.path.suffix.lower() in (".parquet", ".pq"):
        frame = _parquet(file)
    else:
        frame = _csv(file, _text(file, encoding), sep, decimal)
    if frame.empty:
        raise DataError(f"{file.file}: holds no rows below the names: add some")
    frame, notes = _named(file.file, frame)
    return Reading(frame, ((file.file, len(frame)),), tuple(notes))


def together(first: Reading, second: Reading) -> Reading:
    """The rows of two files that have the same columns. DataError where they have not."""
    (a, _), (b, _) = first.files[0], second.files[0]
    if lacking := [name for name in first.frame if name not in second.frame]:
        raise DataError(f"{b}: lacks the column {lacking[0]!r} of {a}: {_listed(second.frame)}")
    if beyond := [name for name in second.frame if name not in first.frame]:
        raise DataError(f"{b}: has the column {beyond[0]!r}, which {a} lacks: remove it")
    frame = pd.concat([first.frame, second.frame[list(first.frame)]], ignore_index=True)
    return Reading(frame, first.files + second.files, tuple(dict.fromkeys(first.notes + second.notes)))


def _listed(frame: pd.DataFrame, most: int = 20) -> str:
    names = [repr(str(name)) for name in frame]
    return f"its columns are {', '.join(names[:most])}" + (f" and {len(names) - most} more" * (len(names) > most))


def _parquet(file: Stamp) -> pd.DataFrame:
    with _opened(file) as opened:
        try:
            frame = pd.read_parquet(opened)
        except (ValueError, OSError) as error:  # pyarrow's errors are of these kinds
            raise DataError(f"{file.file}: is no Parquet file, or damaged: {str(error).splitlines()[0]}") from None
    names = [str(name).strip() for name in frame.columns]
    _refuse_repeated(file.file, names)
    frame = frame.set_axis(names, axis=1)
    return frame.reset_index(drop=any(name is None for name in frame.index.names))


def _text(file: Stamp, encoding: str | None) -> str:
    with _opened(file) as opened:
        data = opened.read()
    if data.startswith(b"PK\x03\x04"):
        raise DataError(f"{file.file}: is a workbook or an archive, no text: save the sheet as CSV")
    encoding = encoding or ("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    try:
        text = data.decode(encoding).removeprefix(BOM)
    except LookupError:
        raise DataError(f"{file.file}: there is no encoding {encoding!r}: name one such as latin-1") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file.file}: byte {data[error.start]:#x} in line {line} is not {encoding}: name the file's encoding, "
            "such as encoding: latin-1 of older Western files"
        ) from None
    if "\0" in text[:SAMPLE]:
        raise DataError(f"{file.file}: is no text: save it as CSV or Parquet")
    if not text.strip():
        raise DataError(f"{file.file}: is empty: add names and rows")
    return text


def _csv(file: Stamp, text: str, sep: str | None, decimal: str | None) -> pd.DataFrame:
    sep = sep or _separator(text)
    records = _records(text, sep)
    names = [name.strip() for name in records[0]]
    if names and all(_is_number(name) for name in names):
        raise DataError(f"{file.file}: its first line holds numbers: put a line with the columns' names above it")
    rest = [len(record) for record in records[1:]]
    if rest and all(n == len(names) + 1 for n in rest):  # the rows' numbers have no name at all
        names = ["", *names]
    _refuse_repeated(file.file, names)
    decimal = decimal or _decimal(records[1:], sep)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # fields beyond the names would be lost
            frame = pd.read_csv(
                io.StringIO(text), sep=sep, decimal=decimal, header=0, names=list(range(len(names))),
                index_col=False, low_memory=False, skipinitialspace=True,
            )  # fmt: skip
    except (ValueError, pd.errors.ParserWarning) as error:  # pandas' own errors are ValueErrors
        unclosed = "a quotation mark is not closed" if "EOF inside string" in str(error) else ""
        reason = (
            unclosed or _ragged(text, sep, len(names)) or f"cannot be read as a table: {str(error).splitlines()[0]}"
        )
        raise DataError(f"{file.file}: {reason}; separator {sep!r}: correct the file, or name 'sep'") from None
    if frame.iloc[:, -1].isna().any() and (ragged := _ragged(text, sep, len(names))):
        raise DataError(f"{file.file}: {ragged}; separator {sep!r}: correct the file, or name 'sep'")
    return frame.set_axis(names, axis=1)


def _ragged(text: str, sep: str, n: int) -> str:
    """The first row whose fields are not n, in words; "" where there is none."""
    try:
        for i, record in enumerate(record for record in csv.reader(io.StringIO(text, newline=""), delimiter=sep)):
            if record and i and len(record) != n:
                return f"row {i} has {len(record)} fields, and there are {n} names"
    except csv.Error:
        return "a quotation mark is not closed"
    return ""


def _records(text: str, sep: str) -> list[list[str]]:
    """The first records of a text that are not blank; none that its sample cuts off."""
    sample = text[:SAMPLE]
    if len(text) > SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    try:
        records = [record for record in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=sep), RECORDS)]
    except csv.Error:
        records = [line.split(sep) for line in sample.splitlines()[:RECORDS]]
    found = [record for record in records if record]
    return found[:-1] if len(text) > SAMPLE and len(found) > 2 and len(records) < RECORDS else found


def _separator(text: str) -> str:
    """That of which most records have as many fields as most, more than one; of several the one of most fields."""
    best = ",", (0.0, 0)
    for sep in SEPARATORS:
        counts = Counter(len(record) for record in _records(text, sep))
        n, times = counts.most_common(1)[0]
        score = times / counts.total(), n
        if n > 1 and score > best[1]:
            best = sep, score
    return best[0]


def _decimal(records: list[list[str]], sep: str) -> str:
    fields = [field.strip() for record in records for field in record]
    commas, points = (sum(bool(kind.fullmatch(field)) for field in fields) for kind in (WITH_COMMA, WITH_POINT))
    return "," if sep != "," and commas > points else "."


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text.replace(",", "."))))
    except ValueError:
        return False


def _refuse_repeated(file: str, names: list[str]) -> None:
    for name, times in Counter(filter(None, names)).items():
        if times > 1:
            places = ", ".join(str(i) for i, other in enumerate(names, 1) if other == name)
            raise DataError(f"{file}: {times} columns are called {name!r}, number {places}: rename all but one")


def _named(file: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The columns that have names, and what was left out. DataError where one without is no row numbers, nor empty."""
    kept, notes = [], []
    for place, name in enumerate(frame.columns):
        if name:
            kept.append(place)
        elif place == 0 and _counts_rows(frame.iloc[:, 0]):
            notes.append("the first column, of row numbers without a name, is left out")
        elif not frame.iloc[:, place].isna().all():
            raise DataError(f"{file}: column {place + 1} has no name: write one in the first line")
    return frame.iloc[:, kept], notes


def _counts_rows(column: pd.Series) -> bool:
    return column.dtype.kind in "iu" and (len(column) == 1 or bool((np.diff(column.to_numpy()) == 1).all()))
