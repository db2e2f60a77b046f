"""Controls that are fitted: models that users of tables know, one file each, holding one `Control`, named in CONTROL.

A family of data sets says which stand beside its cells (`CONTROLS` in its file). A new one is a new file here. The
first line of its docstring is its definition in the glossary.
"""

import importlib
import warnings
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from bnnbench.controls._base import Control, Given
from bnnbench.datasets import DataSet
from bnnbench.source import plugins

__all__ = ["Control", "Fitted", "Given", "find", "fit"]


class Fitted(NamedTuple):
    """What a control says of each part of a data set, as its task has laws, and the seconds that fitting took.

    laws: by split; of a regression means (n, 1) and standard deviations (n, 1) in the targets' units, of
    classification class probabilities (n, classes)
    """

    laws: dict[str, Any]
    seconds: float


def find(name: str) -> Control:
    """The control in the file `name`; ValueError where there is none."""
    plugins.check_name("control", name)
    return importlib.import_module(f"bnnbench.controls.{name}").CONTROL


def fit(name: str, data: DataSet, seed: int) -> Fitted | None:
    """A control fitted to a seed's training data, and what it says of its validation and test inputs.

    None where it does not take such data: another task, or more points than it can. Inputs and real targets are scaled
    by the training rows. On one thread, so that jobs side by side do not wait for each other.
    """
    control = find(name)
    x, y, x_validation, y_validation = data.split(seed)
    learn = getattr(control, data.task, None)
    if learn is None or control.most_points(x.shape[1:], data.n_classes) < len(y):
        return None
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    scaling = data.scaling(seed)
    rows = {"train": x, "validation": x_validation, "test": data.test(seed)[0]}
    inputs = {split: scaling.x(rows_).astype(np.float64) for split, rows_ in rows.items()}
    given = Given(inputs["train"], scaling.y(y), inputs["validation"], scaling.y(y_validation), data.n_classes, seed)
    begun = perf_counter()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        predict = learn(given)
        seconds = perf_counter() - begun
        found = {split: predict(inputs[split]) for split in ("validation", "test")}
    if data.task == "classification":
        return Fitted(found, seconds)
    return Fitted({split: _in_units(*law, scaling) for split, law in found.items()}, seconds)


def _in_units(mean: np.ndarray, sd: np.ndarray, scaling) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n,) and sd, (n,) or one number, of scaled targets as a law in the targets' own units."""
    location = scaling.location + scaling.scale * mean
    return location[:, None], np.broadcast_to(scaling.scale * sd, location.shape)[:, None].copy()
