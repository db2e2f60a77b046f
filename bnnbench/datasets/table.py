"""A table of your own: a CSV or Parquet file, with a column to predict from the others.

Everything that is fitted to columns is fitted to the training rows of a seed: what is missing becomes their median, and
inputs are scaled by their mean and sd (`Scaling`); a column that does not vary in them is 0 to the network.
"""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bnnbench.base.settings import Text
from bnnbench.datasets import _columns, _planned, _reading, _splits, _tables, _targets
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._check import DataError, check_seeds
from bnnbench.datasets._columns import Inputs, Missing
from bnnbench.datasets._reading import Reading, Stamp
from bnnbench.datasets._scaling import Scaling
from bnnbench.datasets._targets import Targets, TaskName

log = logging.getLogger(__name__)

CONTROLS = _tables.CONTROLS
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
MOST_NAMED = 20
"""Columns or classes that a line lists at most."""


class Table(NamedTuple):
    """A user's table as arrays; `codes` (n,) say which part a row is in, `groups` (n,) its group, where they are given.

    notes: what was left out or put together, a sentence each
    """

    inputs: Inputs
    targets: Targets
    codes: np.ndarray | None
    groups: np.ndarray | None
    notes: tuple[str, ...]

    @property
    def labels(self) -> np.ndarray | None:
        """The classes by which parts are drawn; None where targets are numbers."""
        return self.targets.y if self.targets.classes else None

    def parts(self, name: str, seed: int) -> _splits.Parts:
        """The rows of one seed's parts."""
        if self.codes is not None:
            return _splits.given(name, seed, self.codes, self.labels)
        if self.groups is not None:
            return _splits.grouped(name, seed, self.groups)
        return _splits.drawn(name, seed, len(self.targets.y), self.labels)


def name(file: str, name: str | None = None) -> str:
    """The name given, or the file's own, made fit for the names of files: `grosse_wagen` of `Große Wagen.csv`."""
    if name is not None:
        return name
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", Path(file).stem).translate(UMLAUTS))
    return re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode().lower()).strip("_") or "table"


def check(
    file: str, target: str, name: str | None = None, split: str | None = None, groups: str | None = None,
    test_file: str | None = None, index: str | list[str] | None = None, sep: str | None = None,
    decimal: str | None = None,
) -> None:  # fmt: skip
    """Options that are wrong together. The file is not looked at: results can be opened where it is not."""
    if name is not None and not NAME.fullmatch(name):
        raise ValueError(
            f"name is {name!r}: write letters without accents, digits, '_', '-' and '.' only, such as 'sales'"
        )
    if sep is not None and len(sep) != 1:
        raise ValueError(f"sep is {sep!r}: give the one character that stands between fields")
    if decimal is not None and decimal not in (",", "."):
        raise ValueError(f"decimal is {decimal!r}: it must be ',' or '.'")
    ways = {"split": split, "groups": groups, "test_file": test_file}
    if len(said := [way for way, value in ways.items() if value is not None]) > 1:
        raise ValueError(f"{' and '.join(said)} are both given: name one way to divide the rows")
    for way, column in (("split", split), ("groups", groups), *(("index", column) for column in _listed(index))):
        if column == target:
            raise ValueError(f"{way} is {column!r}, the target: name another column")


def group(file: str, name: str | None = None) -> str:
    """Every table has shapes of its own."""
    return _name(file, name)


def task(file: str, target: str, task: TaskName | None = None, **options) -> str:
    """The task given, or the one that the target's values speak for."""
    return task or _planned_of(file, target, **options).task


def identity(file: str, test_file: str | None = None, **options) -> dict:
    """What the files hold stands for where they lie: the same table elsewhere is the same data set."""
    named = _name(file, options.pop("name", None))
    contents = [_reading.content(_reading.stamp(each)) for each in filter(None, (file, test_file))]
    return options | {"name": named, "content": contents}


def check_files(file: str, target: str, **options) -> None:
    """Read and refuse a file before anything is trained."""
    _planned_of(file, target, **options)


def shape(file: str, target: str, name: str | None = None, **options) -> Shape | None:
    """Sizes of a table; None where it cannot be read, which `check_files` says."""
    try:
        return _planned_of(file, target, name=name, **options).shape
    except DataError:
        return None


def notes(data: DataSet, file: str, target: str, **options) -> tuple[str, ...]:
    """What was left out of the table that a data set was made of, or put together, a sentence each."""
    return remarks(_load(file, target, **options), data.name, data.seeds.tolist())


def remarks(table: Table, name: str, seeds: Iterable[int]) -> tuple[str, ...]:
    """A table's notes, and which columns do not vary in the training rows of some of the seeds."""
    x, y = _tables.single_precision(table.inputs.x), table.targets.y
    may_miss, still = np.isnan(x).any(axis=0), {}
    for seed in seeds:
        train = table.parts(name, seed).train
        for column in np.flatnonzero(Scaling.of(x[train], y[train], may_miss).columns.constant):
            still.setdefault(table.inputs.features[column], []).append(str(seed))
    return table.notes + tuple(
        f"{feature!r} does not vary in the training rows of seed {', '.join(of)}: it is left out there"
        for feature, of in still.items()
    )


def generate(
    file: Text,
    target: Text,
    task: TaskName | None = None,
    name: str | None = None,
    missing: Missing = "impute",
    split: str | None = None,
    groups: str | None = None,
    test_file: str | None = None,
    index: str | list[str] | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    seeds: Iterable[int] = range(5),
) -> DataSet:
    """A table with a part to test on for each seed.

    file: CSV or Parquet, from the working folder or with its whole path; `~` and `$NAME` are filled in
    target: the column to predict
    task: default: classification of texts, booleans and few whole numbers, else regression
    name: default: the file's
    missing: of inputs; `impute`: the median of the training rows, with a column that says where, or a level of its own;
    `refuse` them
    split: a column that says train, validation or test; default: each seed tests on a fifth of the rows of its own,
    drawn by class where there are classes, and a tenth of the others validates
    groups: a column whose groups, such as a patient's rows, are never divided between parts
    test_file: a second file, of the same columns, that is tested on
    index: a column, or several, to leave out
    sep, decimal, encoding: of CSV; default: found from the file; an encoding that is not UTF-8 must be named
    Raises DataError that names file, column, row and remedy.
    """
    own = _name(file, name)
    seeds = check_seeds(own, seeds)
    table = _load(
        file, target, task, missing=missing, split=split, groups=groups, test_file=test_file, index=index, sep=sep,
        decimal=decimal, encoding=encoding,
    )  # fmt: skip
    data = _tables.of_parts(
        own,
        table.inputs.x,
        table.targets.y,
        {seed: table.parts(own, seed) for seed in seeds.tolist()},
        n_classes=max(1, len(table.targets.classes)),
        task=table.targets.task,
        feature_names=table.inputs.features,
        class_names=table.targets.classes,
    )
    for line in facts(table):
        log.info("%s: %s", own, line)
    for line in remarks(table, own, seeds.tolist()):
        log.warning("%s: %s", own, line)
    return data


def facts(table: Table) -> list[str]:
    """What was found in a table, a line each: rows, columns, missing values, task, targets."""
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(table.inputs.kinds.items()))
    n, missing = len(table.targets.y), table.inputs.missing
    found = [f"{n} rows, columns to predict from: {kinds}; {len(table.inputs.features)} inputs of the network"]
    if missing:
        some = ", ".join(f"{name!r} {count}" for name, count in list(missing.items())[:MOST_NAMED])
        found.append(f"{sum(missing.values())} values are missing: {some}{' and more' * (len(missing) > MOST_NAMED)}")
    found.append(table.targets.reason)
    if table.targets.classes:
        sizes = np.bincount(table.targets.y)
        some = [f"{c!r} {size}" for c, size in zip(table.targets.classes, sizes, strict=True)][:MOST_NAMED]
        found.append(f"{len(sizes)} classes: {', '.join(some)}{' and more' * (len(sizes) > MOST_NAMED)}")
    else:
        y = table.targets.y
        found.append(f"the target lies between {y.min():g} and {y.max():g}, mean {y.mean():g}, sd {y.std():g}")
    return found


def opened(**options) -> Table:
    """The table that options of `generate` name. Raises DataError as that."""
    return _load(**options)


_name = name
"""For functions of which an option is called so too."""


def _listed(index: str | list[str] | None) -> list[str]:
    return [index] if isinstance(index, str) else list(index or [])


def _load(
    file: str, target: str, task: TaskName | None = None, name: str | None = None, missing: Missing = "impute",
    split: str | None = None, groups: str | None = None, test_file: str | None = None,
    index: str | list[str] | None = None, sep: str | None = None, decimal: str | None = None,
    encoding: str | None = None,
) -> Table:  # fmt: skip
    test = None if test_file is None else _reading.stamp(test_file)
    columns = target, split, groups, tuple(_listed(index))
    return _loaded(_reading.stamp(file), test, columns, task, missing, (sep, decimal, encoding))


def _planned_of(file: str, target: str, **options) -> _planned.Planned:
    """What planning asks of a table. DataError where it cannot be used."""
    own, test_file = _name(file, options.get("name")), options.get("test_file")
    files = [_reading.stamp(each) for each in (file, test_file) if each is not None]

    def read() -> _planned.Planned:
        table = _load(file, target, **options)
        sizes = (len(rows) for rows in table.parts(own, 0))
        shape = Shape((len(table.inputs.features),), max(1, len(table.targets.classes)), *sizes)
        return _planned.Planned(table.targets.task, shape)

    given = {key: value for key, value in options.items() if value is not None and key not in ("name", "test_file")}
    return _planned.planned(files, [own, target, given], f"{__name__}:_planned_of", read)


@lru_cache(maxsize=2)
def _loaded(
    file: Stamp, test: Stamp | None, columns: tuple, task: TaskName | None, missing: Missing, dialect: tuple
) -> Table:
    """The table of a file, kept as long as the file is the same: planning and making data both ask for it."""
    target, split, groups, index = columns
    reading = _reading.read(file, *dialect)
    n = len(reading.frame)
    if test is not None:
        reading = _reading.together(reading, _reading.read(test, *dialect))
    if n < _splits.FEWEST_ROWS:
        raise DataError(f"{file.file}: holds {n} rows: {_splits.FEWEST_ROWS} are the fewest that can be divided")
    found = _targets.targets(reading, target, task)
    for column in index:
        reading.column(column, "index")
    aside = {target, split, groups, *index}
    inputs = _columns.inputs(reading, [column for column in reading.frame if column not in aside], missing)
    codes = None if split is None else _codes(reading, split)
    if test is not None:
        codes = np.repeat([_splits.TRAIN, _splits.TEST], [n, len(reading.frame) - n])
    notes = reading.notes + inputs.notes
    table = Table(inputs, found, codes, None if groups is None else _groups(reading, groups), notes)
    return table._replace(notes=notes + _untrained(table))


def _codes(reading: Reading, split: str) -> np.ndarray:
    """The part that a column says each row is in. DataError for other words, and where a part has no row."""
    said = reading.column(split, "split").map(lambda value: str(value).strip().lower())
    codes = said.map(_splits.PARTS)
    if codes.isna().any():
        row = int(np.argmax(codes.isna()))
        raise DataError(
            f"{reading.place(row)}: column {split!r} is {said[row]!r}: write train, validation or test in each row"
        )
    codes = codes.to_numpy(dtype=np.int64)
    for part, word, fewest in ((_splits.TRAIN, "train", 2), (_splits.TEST, "test", 1)):
        if (codes == part).sum() < fewest:
            raise DataError(f"{reading.files[0][0]}: column {split!r} says {word} in too few rows: write it in more")
    return codes


def _groups(reading: Reading, column: str) -> np.ndarray:
    """Numbers of a column's groups, 0 ... k - 1; a row without one is a group of its own."""
    values = reading.column(column, "groups")
    found, known = pd.factorize(values)
    alone = found < 0
    found[alone] = len(known) + np.arange(alone.sum())
    _splits.check_groups(reading.files[0][0], column, found)
    return found


def _untrained(table: Table) -> tuple[str, ...]:
    """Classes of which given training rows have none."""
    if table.labels is None or table.codes is None:
        return ()
    trained = np.bincount(table.labels[table.codes == _splits.TRAIN], minlength=len(table.targets.classes))
    return tuple(f"class {table.targets.classes[c]!r} is in no training row" for c in np.flatnonzero(trained == 0))
