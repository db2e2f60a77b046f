"""The catalogue of metrics: each is registered once, where it is computed, with all that is known of it.

Evaluation, glossary, leaderboards, figures and the shared tests read it. A mistake in a registration is refused when
the package is imported, before anything is trained.
"""

import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

FILES = ("accuracy", "calibration", "averages", "misclassification", "by_class", "toy", "fidelity", "diagnostics")
"""The order of metrics everywhere: file by file as here, other files after these by name, and as written in a file."""

INPUTS = {
    "proba": "class probabilities, averaged over draws, (n, K)",
    "y": "true classes, (n,)",
    "wrong": "whether the most probable class is not the true one, (n,) booleans",
    "predictions": "`Predictions`: all that is stored of the draws",
    "bayes_proba": "true class probabilities, (n, K); of generated data only",
    "reference": "class probabilities of the reference of the same cell, (n, K); of cells that have one only",
}
"""What a metric can be computed from, by the name of its function's parameter."""

DIRECTIONS = ("higher", "lower", "")


class Column(NamedTuple):
    """How a leaderboard shows a metric: decimals, the factor shown with (100 for per cent) and a hint."""

    label: str
    digits: int
    factor: float = 1
    hint: str = ""


@dataclass(frozen=True)
class Metric:
    """All that is known of one metric; `metric` says what the fields are.

    `compute` is None where the number is measured elsewhere, and `inputs` are the names in `INPUTS` that it takes.
    """

    name: str
    label: str
    definition: str
    direction: str | None
    file: str
    unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    undefined: str = ""
    floor: str = ""
    min_classes: int = 2
    column: Column | None = None
    score: str = ""
    compute: Callable[..., Any] | None = None
    inputs: tuple[str, ...] = ()

    @property
    def is_per_class(self) -> bool:
        """Whether it is one number a class, `{c}` in its name standing for the class."""
        return "{c}" in self.name

    def of_class(self, c: int | str) -> "Metric":
        """The metric of one class, of a metric that has a number for each."""
        texts = {key: getattr(self, key).replace("{c}", str(c)) for key in ("name", "label", "definition", "floor")}
        return replace(self, **texts)

    def values(self, given: Mapping[str, Any]) -> dict[str, float]:
        """Its values by name, computed from `given`, which holds its inputs. ValueError unless it is one number, or
        one a class."""
        found = np.asarray(self.compute(**{key: given[key] for key in self.inputs}), dtype=np.float64)
        if self.is_per_class and found.ndim == 1:
            return {self.of_class(c).name: float(value) for c, value in enumerate(found)}
        if self.is_per_class or found.ndim:
            wanted = "one number a class" if self.is_per_class else "one number: average over points"
            raise ValueError(f"metric '{self.name}' returned an array of shape {found.shape}; return {wanted}")
        return {self.name: float(found)}


_METRICS: dict[str, Metric] = {}


def metric(
    name: str,
    *,
    label: str = "",
    definition: str = "",
    direction: str | None = None,
    unit: str = "",
    bounds: tuple[float, float] = (-math.inf, math.inf),
    undefined: str = "",
    floor: str = "",
    min_classes: int = 2,
    column: Column | None = None,
    score: str = "",
) -> Callable[[Callable], Callable]:
    """Decorator: register a function as the metric `name`, and return it as it is.

    The function's parameters without a default say what it needs, by the names in `INPUTS`; a metric whose inputs a
    cell lacks is left out there. It returns one number, or with `{c}` in `name`, `label` and `definition` one a class.

    label: how figures and tables name it; must be given
    definition: a sentence for the glossary; must be given
    direction: which values are better, "higher", "lower", or "" for neither; must be given
    unit: "" for a plain number
    bounds: smallest and largest possible value
    undefined: when it is NaN, in words such as "where no point is wrong"; "" where it never is
    floor: the name of the metric that says how small (of agreement, how large) this one can be measured to be; of a
        metric against the reference, its value between the halves of the reference's chains, to be declared
    min_classes: it is left out where there are fewer classes
    column: how a leaderboard shows it; None where it has no column there
    score: what its score of uncertainty is called where the report compares scores by AUROC; "" elsewhere

    Raises ValueError for a registration that lacks or contradicts something.
    """

    def register(function: Callable) -> Callable:
        file = function.__module__.rpartition(".")[2]
        parameters = inspect.signature(function).parameters.values()
        inputs = tuple(p.name for p in parameters if p.default is inspect.Parameter.empty)
        found = Metric(
            name=name,
            label=label,
            definition=definition,
            direction=direction,
            unit=unit,
            bounds=bounds,
            undefined=undefined,
            floor=floor,
            min_classes=min_classes,
            column=column,
            score=score,
            file=file,
            compute=function,
            inputs=inputs,
        )
        _add(found)
        return function

    return register


def declare(
    module: str,
    name: str,
    *,
    label: str = "",
    definition: str = "",
    direction: str | None = None,
    unit: str = "",
    bounds: tuple[float, float] = (-math.inf, math.inf),
    undefined: str = "",
) -> None:
    """Register a number that is measured elsewhere, such as a sampler's diagnostic; arguments as `metric`.

    module: `__name__` of the file that calls this
    """
    found = Metric(
        name=name,
        label=label,
        definition=definition,
        direction=direction,
        unit=unit,
        bounds=bounds,
        undefined=undefined,
        file=module.rpartition(".")[2],
    )
    _add(found)


def _add(new: Metric) -> None:
    if fault := _fault(new):
        raise ValueError(f"metric '{new.name}' in metrics/{new.file}.py {fault}")
    _METRICS[new.name] = new


def _fault(new: Metric) -> str:
    """What is wrong with a registration, as the end of a sentence; "" where nothing is."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\{c\})?", new.name):
        return "has a bad name: use small letters, digits and _, and {c} at the end for one number a class"
    known = _find(new.name) or next((m for m in _METRICS.values() if _is_class_of(m.name, new.name)), None)
    if known:
        return f"has the name of one in metrics/{known.file}.py: choose another"
    if not new.label.strip():
        return "has no label: give the words that stand in tables and figures"
    for what in ("label", "score"):
        same = [found.name for found in _METRICS.values() if getattr(found, what) == getattr(new, what) != ""]
        if same:
            return f"has the {what} of '{same[0]}': tables and figures could not tell them apart"
    if not new.definition.strip().endswith("."):
        return "has no definition: say in a sentence, with its full stop, what it is"
    if new.direction not in DIRECTIONS:
        return f"has the direction {new.direction!r}: choose 'higher' or 'lower', whichever is better, or ''"
    if not new.bounds[0] < new.bounds[1]:
        return f"has the bounds {new.bounds}: give the smallest and the largest possible value"
    return _fault_of_inputs(new)


def _fault_of_inputs(new: Metric) -> str:
    if new.compute is None:
        return ""
    unknown = [key for key in new.inputs if key not in INPUTS]
    if unknown:
        return f"takes '{unknown[0]}', which there is not: its parameters can be {', '.join(INPUTS)}"
    if not new.inputs:
        return f"takes nothing: name what it needs as parameters, of {', '.join(INPUTS)}"
    if "reference" in new.inputs and set(new.inputs) != {"proba", "reference"}:
        return "takes other things than proba and reference: no more is known of the halves that its floor compares"
    if "reference" in new.inputs and new.is_per_class:
        return "has one number a class, which a metric against the reference cannot have"
    return ""


def _is_class_of(name: str, several: str) -> bool:
    """Whether a name is that of one class of a metric that has one number for each."""
    prefix, is_several, _ = several.partition("{c}")
    return bool(is_several) and name.startswith(prefix) and name.removeprefix(prefix).isdecimal()


def _find(name: str) -> Metric | None:
    """The metric of this name, which may be that of one class."""
    if name in _METRICS:
        return _METRICS[name]
    several = next((found for found in _METRICS.values() if _is_class_of(name, found.name)), None)
    return several.of_class(name.removeprefix(several.name.partition("{c}")[0])) if several else None


def registered() -> dict[str, Metric]:
    """Every metric by name, in the order of tables and report; `{c}` in a name stands for each class."""

    def place(found: Metric) -> tuple[int, str]:
        return FILES.index(found.file) if found.file in FILES else len(FILES), found.file

    return {found.name: found for found in sorted(_METRICS.values(), key=place)}


def declared() -> list[str]:
    """Names of the metrics that are measured elsewhere, in order."""
    return [name for name, found in registered().items() if found.compute is None]


def describe(name: str) -> Metric:
    """What is known of a metric, for any class of those that have one number a class.

    Raises ValueError with the nearest name for one that is not registered.
    """
    found = _find(name)
    if found is None:
        near = get_close_matches(name, _METRICS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`metrics.registered()` lists what there is"
        raise ValueError(f"unknown metric '{name}': {hint}")
    return found


def load(package: str, folders: Iterable[str]) -> None:
    """Import every public file of a package, so that what it registers is known.

    Raises ValueError where a metric names a floor that is not registered.
    """
    for module in sorted(pkgutil.iter_modules(folders), key=lambda m: m.name):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
    for found in _METRICS.values():
        if found.floor and found.floor not in _METRICS:
            raise ValueError(
                f"metric '{found.name}' in metrics/{found.file}.py has the floor '{found.floor}', which is not "
                "registered: register it beside the metric"
            )
