"""The catalogue of metrics: each is registered once, where it is computed, with all that is known of it.

Evaluation, glossary, leaderboards, figures and the shared tests read it. A mistake in a registration is refused when
the package is imported, before anything is trained.
"""

import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from ._metric import Column, Metric

FILES = (
    *("accuracy", "calibration", "averages", "misclassification", "by_class", "toy"),
    *("errors", "scores", "intervals", "quantiles", "uncertainty", "large_errors", "truth"),
    *("likelihood", "density_truth", "spread", "wrong_pixels"),
    *("fidelity", "density_fidelity", "diagnostics", "flow_diagnostics"),
)
"""The order of metrics everywhere: file by file as here, other files after these by name, and as written in a file."""

INPUTS: dict[str, dict[str, str]] = {}
"""By task: what its metrics can be computed from, by the name of a function's parameter, in words."""

_COMPARED: dict[str, str] = {}
"""By task: the input that is compared with the reference's."""

DIRECTIONS = ("higher", "lower", "")


_METRICS: dict[tuple[str, str], Metric] = {}
"""By task and name."""


def define_inputs(task: str, inputs: dict[str, str], compared: str) -> None:
    """Say what the metrics of a task can be computed from, and which of it is compared with a reference's.

    inputs: name of a function's parameter -> what it is, in words. "reference" is the reference's `compared`.
    """
    INPUTS[task] = inputs | {"reference": f"{compared} of the reference of the same cell; of cells that have one only"}
    _COMPARED[task] = compared


def _task_of(module: str) -> str:
    """The task that a module's metrics belong to: that of its folder in metrics/, or its own of a file of tasks/."""
    parts = module.split(".")
    if parts[-2:-1] == ["tasks"]:
        return parts[-1]
    return parts[-2] if len(parts) > 3 and parts[-3] == "metrics" else ""


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
    task: str = "",
) -> Callable[[Callable], Callable]:
    """Decorator: register a function as the metric `name`, and return it as it is.

    The function's parameters without a default say what it needs, by the names in its task's `INPUTS`; a metric whose
    inputs a cell lacks is left out there. It returns one number, or with `{c}` in `name`, `label` and `definition` one
    a class. Several tasks may have a metric of one name, where label, direction and unit are the same.

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
    task: the task it belongs to; default: that of the folder in metrics/, or of the file in tasks/, that it stands in

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
            task=task or _task_of(function.__module__),
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
        task=_task_of(module),
    )
    _add(found)


def _add(new: Metric) -> None:
    if fault := _fault(new):
        raise ValueError(f"metric '{new.name}' in {new.place} {fault}")
    _METRICS[new.task, new.name] = new


def _fault(new: Metric) -> str:
    """What is wrong with a registration, as the end of a sentence; "" where nothing is."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\{c\})?", new.name):
        return "has a bad name: use small letters, digits and _, and {c} at the end for one number a class"
    same_task = [m for m in _METRICS.values() if m.task in (new.task, "")]
    known = _find(new.name, new.task) or next((m for m in same_task if _is_class_of(m.name, new.name)), None)
    if known:
        return f"has the name of one in {known.place}: choose another"
    for other in _METRICS.values():
        shared = [getattr(other, key) == getattr(new, key) for key in ("label", "direction", "unit")]
        if other.name == new.name and not all(shared):
            return f"has another label, direction or unit than the one of its name in {other.place}: use the same"
    if not new.label.strip():
        return "has no label: give the words that stand in tables and figures"
    for what in ("label", "score"):
        others = [found for found in _METRICS.values() if found.name != new.name]
        same = [found.name for found in others if getattr(found, what) == getattr(new, what) != ""]
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
    if new.task not in INPUTS:
        return f"belongs to no task: put its file into a folder of metrics/, or name the task: {', '.join(INPUTS)}"
    known, compared = INPUTS[new.task], _COMPARED[new.task]
    unknown = [key for key in new.inputs if key not in known]
    if unknown:
        return f"takes '{unknown[0]}', which there is not: its parameters can be {', '.join(known)}"
    if not new.inputs:
        return f"takes nothing: name what it needs as parameters, of {', '.join(known)}"
    if "reference" in new.inputs and set(new.inputs) != {compared, "reference"}:
        return (
            f"takes other things than {compared} and reference: of the halves that its floor compares no more is known"
        )
    if "reference" in new.inputs and new.is_per_class:
        return "has one number a class, which a metric against the reference cannot have"
    return ""


def _is_class_of(name: str, several: str) -> bool:
    """Whether a name is that of one class of a metric that has one number for each."""
    prefix, is_several, _ = several.partition("{c}")
    return bool(is_several) and name.startswith(prefix) and name.removeprefix(prefix).isdecimal()


def _find(name: str, task: str | None = None) -> Metric | None:
    """The metric of this name, which may be that of one class, of a task or of all; of any task for None."""
    known = [m for m in _METRICS.values() if task is None or m.task in (task, "")]
    if exact := next((m for m in known if m.name == name), None):
        return exact
    several = next((found for found in known if _is_class_of(name, found.name)), None)
    return several.of_class(name.removeprefix(several.name.partition("{c}")[0])) if several else None


def registered(task: str | None = None) -> dict[str, Metric]:
    """Every metric by name, in the order of tables and report; `{c}` in a name stands for each class.

    task: its metrics and those of all tasks; default: all, of several tasks' metrics of one name the first
    """

    def place(found: Metric) -> tuple[int, str]:
        return FILES.index(found.file) if found.file in FILES else len(FILES), found.file

    ordered: dict[str, Metric] = {}
    for found in sorted(_METRICS.values(), key=place):
        if task is None or found.task in (task, ""):
            ordered.setdefault(found.name, found)
    return ordered


def declared() -> list[str]:
    """Names of the metrics that are measured elsewhere, in order."""
    return [name for name, found in registered().items() if found.compute is None]


def compared(task: str) -> str:
    """The input of a task's metrics that is compared with a reference's."""
    return _COMPARED[task]


def describe(name: str, task: str | None = None) -> Metric:
    """What is known of a metric, for any class of those that have one number a class.

    task: whose definition is asked for, where several tasks have a metric of this name; default: the first
    Raises ValueError with the nearest name for one that is not registered.
    """
    found = _find(name, task)
    if found is None:
        near = get_close_matches(name, registered(task), n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`metrics.registered()` lists what there is"
        raise ValueError(f"unknown metric '{name}': {hint}")
    return found


def load(package: str, folders: Iterable[str]) -> None:
    """Import every public file of a package and of its folders, so that what it registers is known.

    Raises ValueError where a metric names a floor that is not registered.
    """
    for module in sorted(pkgutil.iter_modules(folders), key=lambda m: m.name):
        if not module.name.startswith("_"):
            found = importlib.import_module(f"{package}.{module.name}")
            if module.ispkg:
                load(found.__name__, found.__path__)
    for found in _METRICS.values():
        if found.floor and not _find(found.floor, found.task):
            raise ValueError(
                f"metric '{found.name}' in {found.place} has the floor '{found.floor}', which is not "
                "registered: register it beside the metric"
            )
