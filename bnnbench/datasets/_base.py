"""The one form that every data set takes: a pool, per-seed splits into it, and a fixed test set."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets._scaling import UNSCALED, Scaling
from bnnbench.files import integrity


class DataError(ValueError):
    """Data that is missing, unreadable or not what it should be; the message says which and what to do."""


class Shape(NamedTuple):
    """Shapes of a data set that is not made yet: of one input, and how many classes and points there are."""

    inputs: tuple[int, ...]
    classes: int
    train: int
    validation: int
    test: int


@dataclass(frozen=True, eq=False)
class DataSet:
    """Arrays of one data set; checked when built.

    name: unique among data sets of one configuration, e.g. `circles-0.4`
    x_pool: (pool, features) float32, or images (pool, channel, height, width) uint8
    y_pool: (pool,) int64 labels in 0 ... n_classes - 1; of a regression float32 targets, and n_classes is 1
    train_index, validation_index: (seed, n) and (seed, m) int64 rows of the pool; no point in both
    seeds: (seed,) int64
    x_test, y_test: like x_pool and y_pool; the same for every seed
    x_divisor: what stored inputs are divided by before a network sees them (255 for 8-bit images)
    novel: inputs like x_test of no class that is trained on, by where they come from; for probes only
    task: what is predicted, a file in tasks/
    standardise: whether networks are trained on inputs and targets in units of the training split's mean and sd;
    predictions are in the targets' own units in any case

    Raises DataError (a ValueError) where an array breaks this.
    """

    name: str
    x_pool: np.ndarray
    y_pool: np.ndarray
    train_index: np.ndarray
    validation_index: np.ndarray
    seeds: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    n_classes: int
    x_divisor: float = 1.0
    novel: dict[str, np.ndarray] = field(default_factory=dict)
    task: str = "classification"
    standardise: bool = False

    def __post_init__(self):
        check(self)

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x_train (n, ...), y_train (n,), x_validation (m, ...), y_validation (m,) of one seed.

        Inputs are float32, divided by `x_divisor`; labels int64. Raises ValueError for an unknown seed.
        """
        rows = np.flatnonzero(self.seeds == seed)
        if not rows.size:
            known = ", ".join(map(str, self.seeds))
            raise ValueError(f"data set {self.name!r} has no split for seed {seed}; its seeds are {known}")
        train, validation = self.train_index[rows[0]], self.validation_index[rows[0]]
        return (
            self.scaled(self.x_pool[train]),
            self.y_pool[train],
            self.scaled(self.x_pool[validation]),
            self.y_pool[validation],
        )

    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """x_test (points, ...) as float32 divided by `x_divisor`, and y_test (points,)."""
        return self.scaled(self.x_test), self.y_test

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Stored inputs as a network sees them: float32, divided by `x_divisor`."""
        return x.astype(np.float32) / np.float32(self.x_divisor)

    def scaling(self, seed: int) -> Scaling:
        """What turns inputs and targets into those of training, of one seed; the identity unless `standardise`."""
        if not self.standardise:
            return UNSCALED
        x, y, *_ = self.split(seed)
        return Scaling.of(x, y)

    def to_netcdf(self, path: str | Path) -> None:
        """Write to `path`, compressed; readers see the old file or the whole new one, never a part."""
        import xarray as xr

        feature_dims = ("channel", "height", "width") if self.x_pool.ndim == 4 else ("feature",)
        variables = {
            "x_pool": (("pool", *feature_dims), self.x_pool),
            "y_pool": ("pool", self.y_pool),
            "train_index": (("seed", "train"), self.train_index),
            "validation_index": (("seed", "validation"), self.validation_index),
            "x_test": (("test", *feature_dims), self.x_test),
            "y_test": ("test", self.y_test),
        }
        variables |= {f"novel_{key}": ((f"{key}_image", *feature_dims), x) for key, x in self.novel.items()}
        attributes = {
            "name": self.name,
            "n_classes": int(self.n_classes),
            "x_divisor": float(self.x_divisor),
            "task": self.task,
            "standardise": int(self.standardise),
        }
        stored = xr.Dataset(variables, coords={"seed": self.seeds}, attrs=attributes)
        encoding = {key: {"zlib": True, "complevel": 4, "_FillValue": None} for key in variables}
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            stored.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
            integrity.seal(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def from_netcdf(cls, path: str | Path, name: str | None = None) -> "DataSet":
        """Read what `to_netcdf` wrote. Raises FileNotFoundError, or DataError for any other file, for one that is
        damaged, and where `name` is given and the data set has another."""
        import xarray as xr

        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no data set at {path}; generate it with the data step")
        names = ("x_pool", "y_pool", "train_index", "validation_index", "x_test", "y_test")
        try:
            integrity.verify(path)
        except ValueError as error:
            raise DataError(str(error)) from None
        try:
            with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as stored:
                arrays = {key: stored[key].values for key in names}
                seeds, attributes = stored["seed"].values, stored.attrs
                novel = {str(k)[6:]: stored[k].values for k in stored.data_vars if str(k).startswith("novel_")}
                values = (
                    str(attributes["name"]),
                    int(attributes["n_classes"]),
                    float(attributes["x_divisor"]),
                )
                about = {"task": str(attributes["task"]), "standardise": bool(attributes["standardise"])}
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path} is not a data set file ({error}); delete it and generate it again") from error
        if name not in (None, values[0]):
            raise DataError(f"{path} holds the data set {values[0]!r}, not {name!r}; delete it and generate it again")
        facts = {"name": values[0], "n_classes": values[1], "x_divisor": values[2]} | about
        return cls(**facts, seeds=seeds, novel=novel, **arrays)


def check(data: DataSet) -> None:
    """Refuse arrays that make no sense: raises DataError naming the data set, the array and the remedy."""

    def refuse(array: str, fault: str, remedy: str):
        raise DataError(f"data set {data.name!r}: {array} {fault}; {remedy}")

    with np.errstate(over="ignore"):
        if not 0 < np.float32(data.x_divisor) < np.inf:
            refuse("x_divisor", f"is {data.x_divisor}", "make it a positive number, from 1e-45 to 3e38")
    for part in ("pool", "test"):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        if x.ndim not in (2, 4):
            refuse(f"x_{part}", f"has shape {x.shape}", "make it (n, features) or (n, channel, height, width)")
        if y.shape != (len(x),):
            refuse(f"y_{part}", f"has shape {y.shape} for {len(x)} inputs", "give one label an input")
        if not len(x):
            refuse(f"x_{part}", "is empty", "ask for at least one point")
        if x.dtype.kind == "f" and not (finite := np.isfinite(x).reshape(len(x), -1).all(axis=1)).all():
            first = int(np.argmin(finite))
            refuse(
                f"x_{part}",
                f"holds NaN or infinity in {np.sum(~finite)} rows, first in row {first}",
                "drop or impute those rows before the data set is built",
            )
        if max(float(x.max()), -float(x.min())) / data.x_divisor > float(np.finfo(np.float32).max):
            refuse(f"x_{part}", "holds values beyond single precision", "divide it by a unit in which they are smaller")
        if data.task != "classification":
            _check_targets(y, f"y_{part}", refuse)
            continue
        if y.dtype.kind not in "iu":
            refuse(f"y_{part}", f"has type {y.dtype}", "code the classes as whole numbers from 0")
        if y.min() < 0 or y.max() >= data.n_classes:
            refuse(
                f"y_{part}",
                f"has labels from {y.min()} to {y.max()} but n_classes is {data.n_classes}",
                f"recode them to 0 ... {data.n_classes - 1} or correct n_classes",
            )
    if data.x_pool.dtype.itemsize > 4:  # for smaller ones, such as images, nothing is lost
        scaled = data.scaled(data.x_pool)
        if (lost := (np.ptp(scaled, axis=0) == 0) & (data.x_pool.max(0) > data.x_pool.min(0))).any():
            refuse(
                "x_pool",
                f"varies too little for single precision in {lost.sum()} features, first in {np.argmax(lost)}",
                "standardise it when the data set is built: bnnbench.base.standardise.Standardiser",
            )
    if data.x_pool.shape[1:] != data.x_test.shape[1:]:
        refuse("x_test", f"has points of shape {data.x_test.shape[1:]}, x_pool {data.x_pool.shape[1:]}", "match")
    for key, x in data.novel.items():
        if x.shape[1:] != data.x_test.shape[1:] or not len(x):
            refuse(f"novel {key}", f"has shape {x.shape}, x_test {data.x_test.shape}", "give some points like x_test's")
    check_seeds(data.name, data.seeds)
    for array in ("train_index", "validation_index"):
        index = getattr(data, array)
        if index.ndim != 2 or len(index) != len(data.seeds) or not index.size:
            refuse(array, f"has shape {index.shape}", f"make it ({len(data.seeds)} seeds, points)")
        if index.min() < 0 or index.max() >= len(data.x_pool):
            refuse(array, f"points outside the pool of {len(data.x_pool)}", "keep it within the pool's rows")
    for seed, train, validation in zip(data.seeds, data.train_index, data.validation_index, strict=True):
        if (shared := np.intersect1d(train, validation)).size:
            refuse("validation_index", f"shares {shared.size} points with train at seed {seed}", "separate them")


def _check_targets(y: np.ndarray, array: str, refuse) -> None:
    """Refuse targets that are no finite numbers."""
    if y.dtype.kind != "f":
        refuse(array, f"has type {y.dtype}", "give real targets as floating-point numbers")
    if not np.isfinite(y).all():
        refuse(array, f"holds NaN or infinity in {np.sum(~np.isfinite(y))} rows", "drop those rows")


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


def split_pool(
    name: str, n_pool: int, seeds: Iterable[int], n_train: int, n_validation: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random train (seed, n_train) and validation (seed, n_validation) rows of a pool.

    Each seed has its own stream; a smaller `n_train` or `n_validation` takes a subset of the larger's rows.
    Raises ValueError where the pool is too small for both.
    """
    check_counts(name, n_train=n_train, n_validation=n_validation)
    try:
        check_fit(n_train, n_validation, n_pool)
    except ValueError as error:
        raise ValueError(f"data set {name!r}: {error}") from None
    orders = np.array([generator(name, f"split-{seed}").permutation(n_pool) for seed in seeds])
    return orders[:, :n_train], orders[:, n_pool - n_validation :]
