"""The one form that every data set takes: a pool, per-seed splits into it, and a test set."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets._check import DataError, check, check_counts, check_fit, check_seeds
from bnnbench.datasets._scaling import UNSCALED, Scaling
from bnnbench.files import integrity

TEXTS = ("feature_names", "class_names")


class Shape(NamedTuple):
    """Shapes of a data set that is not made yet: of one input, and how many classes and points there are.

    classes: 1 where the task is not classification
    """

    inputs: tuple[int, ...]
    classes: int
    train: int
    validation: int
    test: int


@dataclass(frozen=True, eq=False)
class DataSet:
    """Arrays of one data set; checked when built.

    name: unique among data sets of one configuration, e.g. `circles-0.4`
    x_pool: (pool, features) float32, or images (pool, channel, height, width) uint8; with `standardise` NaN stands for
    what is missing, and becomes the median of the seed's training rows
    y_pool: (pool,) int64 labels in 0 ... n_classes - 1; of another task what it takes for targets, such as float32, or
    several a point: maps (pool, height, width), or one for each step (pool, steps)
    train_index, validation_index: (seed, n) and (seed, m) int64 rows of the pool; no point in both
    seeds: (seed,) int64
    x_test, y_test: like x_pool and y_pool; the same for every seed. Empty where `test_index` is given
    n_classes: how many classes there are; 1 for a task other than classification: it has one column of targets
    x_divisor: what stored inputs are divided by before a network sees them (255 for 8-bit images)
    novel: inputs like x_test of no class that is trained on, by where they come from; for probes only
    task: what is predicted, a file in tasks/
    standardise: inputs, and targets that are no labels, are scaled by the training split's mean and sd before training;
    predictions come back in the targets' own units
    test_index: (seed, t) int64 rows of the pool, where each seed has a test set of its own (a split of a table); no
    point of them is in the same seed's training or validation set
    feature_names, class_names: of a table, what its columns and its labels stand for; empty where nobody says

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
    test_index: np.ndarray | None = None
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()

    def __post_init__(self):
        check(self)

    def split(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x_train (n, ...), y_train (n,), x_validation (m, ...), y_validation (m,) of one seed.

        Inputs are float32, divided by `x_divisor`; labels int64, other targets float32. Raises ValueError for an
        unknown seed.
        """
        row = self._row(seed)
        train, validation = self.train_index[row], self.validation_index[row]
        return (
            self.scaled(self.x_pool[train]),
            self.y_pool[train],
            self.scaled(self.x_pool[validation]),
            self.y_pool[validation],
        )

    def test(self, seed: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Test inputs (points, ...) as float32 divided by `x_divisor`, and their targets (points,), of one seed.

        The seed may be left out where all share the test set; raises ValueError where they do not, and for an unknown
        seed.
        """
        if self.test_index is None:
            return self.scaled(self.x_test), self.y_test
        if seed is None:
            raise ValueError(f"data set {self.name!r} has a test set for each seed; say of which")
        rows = self.test_index[self._row(seed)]
        return self.scaled(self.x_pool[rows]), self.y_pool[rows]

    @property
    def n_test(self) -> int:
        """Points of a test set."""
        return len(self.y_test) if self.test_index is None else self.test_index.shape[1]

    @property
    def inputs_differ_by_seed(self) -> bool:
        """Whether test inputs, as a network sees them, are others for another seed."""
        return self.standardise or self.test_index is not None

    def _row(self, seed: int) -> int:
        rows = np.flatnonzero(self.seeds == seed)
        if not rows.size:
            known = ", ".join(map(str, self.seeds))
            raise ValueError(f"data set {self.name!r} has no split for seed {seed}; its seeds are {known}")
        return int(rows[0])

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Stored inputs as a network sees them: float32, divided by `x_divisor`."""
        return x.astype(np.float32) / np.float32(self.x_divisor)

    def scaling(self, seed: int) -> Scaling:
        """What turns inputs and targets into those of training, of one seed; the identity unless `standardise`."""
        if not self.standardise:
            return UNSCALED
        x, y, *_ = self.split(seed)
        return Scaling.of(x, y, self._may_miss)

    @cached_property
    def _may_miss(self) -> np.ndarray:
        """Columns in which inputs are missing, (features,)."""
        return np.isnan(self.x_pool).any(axis=0)

    def to_netcdf(self, path: str | Path) -> None:
        """Write to `path`, compressed; readers see the old file or the whole new one, never a part."""
        import xarray as xr

        feature_dims = ("channel", "height", "width") if self.x_pool.ndim == 4 else ("feature",)
        target_dims = [f"target_{axis}" for axis in range(1, self.y_pool.ndim)]
        variables = {
            "x_pool": (("pool", *feature_dims), self.x_pool),
            "y_pool": (("pool", *target_dims), self.y_pool),
            "train_index": (("seed", "train"), self.train_index),
            "validation_index": (("seed", "validation"), self.validation_index),
        }
        if self.test_index is None:
            variables |= {
                "x_test": (("test", *feature_dims), self.x_test),
                "y_test": (("test", *target_dims), self.y_test),
            }
        else:
            variables["test_index"] = ("seed", "test"), self.test_index
        variables |= {f"novel_{key}": ((f"{key}_image", *feature_dims), x) for key, x in self.novel.items()}
        names = {"feature_names": ("feature", self.feature_names), "class_names": ("class", self.class_names)}
        texts = {key: (dim, np.array(said, dtype=object)) for key, (dim, said) in names.items() if said}
        attributes = {
            "name": self.name,
            "n_classes": int(self.n_classes),
            "x_divisor": float(self.x_divisor),
            "task": self.task,
            "standardise": int(self.standardise),  # netCDF has no booleans
        }
        stored = xr.Dataset(variables | texts, coords={"seed": self.seeds}, attrs=attributes)
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
        names = ["x_pool", "y_pool", "train_index", "validation_index"]
        try:
            integrity.verify(path)
        except ValueError as error:
            raise DataError(str(error)) from None
        try:
            with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as stored:
                names += ["test_index"] if "test_index" in stored else ["x_test", "y_test"]
                arrays = {key: stored[key].values for key in names}
                seeds, attributes = stored["seed"].values, stored.attrs
                texts = {key: tuple(map(str, stored[key].values)) for key in TEXTS if key in stored}
                novel = {str(k)[6:]: stored[k].values for k in stored.data_vars if str(k).startswith("novel_")}
                values = {
                    "name": str(attributes["name"]),
                    "n_classes": int(attributes["n_classes"]),
                    "x_divisor": float(attributes["x_divisor"]),
                    "task": str(attributes.get("task", "classification")),
                    "standardise": bool(attributes.get("standardise", False)),
                }
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path} is not a data set file ({error}); delete it and generate it again") from error
        if name not in (None, found := values["name"]):
            raise DataError(f"{path} holds the data set {found!r}, not {name!r}; delete it and generate it again")
        if "test_index" in arrays:
            arrays |= {"x_test": arrays["x_pool"][:0], "y_test": arrays["y_pool"][:0]}
        return cls(seeds=seeds, novel=novel, **values, **texts, **arrays)


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


def drawn_pool(
    name: str,
    draw: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]],
    n_train: int,
    n_validation: int,
    n_test: int,
    seeds: Iterable[int],
    test_seed: int,
) -> dict[str, np.ndarray]:
    """Arrays of a generated `DataSet` of which each seed draws its own points, and all share the test set.

    draw: (stream, n) -> inputs (n, ...) and targets (n,). Every part of every seed has a stream of its own. Raises
    ValueError for sizes below 1 and seeds that are not whole or not each there once.
    """
    check_counts(name, n_train=n_train, n_validation=n_validation, n_test=n_test)
    seeds, counts = check_seeds(name, seeds), {"train": n_train, "validation": n_validation}
    draws = [draw(generator(name, f"{part}-{seed}"), n) for seed in seeds for part, n in counts.items()]
    rows = np.arange(len(seeds) * (n_train + n_validation)).reshape(len(seeds), -1)
    x_test, y_test = draw(generator(name, f"test-{test_seed}"), n_test)
    return {
        "x_pool": np.concatenate([x for x, _ in draws]),
        "y_pool": np.concatenate([y for _, y in draws]),
        "train_index": rows[:, :n_train],
        "validation_index": rows[:, n_train:],
        "seeds": seeds,
        "x_test": x_test,
        "y_test": y_test,
    }
