"""What a run consists of: cells by state with their reasons, data sets, studies, settings, versions and machine."""

import ast
import inspect
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
import yaml

from bnnbench import datasets, hyperpriors, priors, tasks
from bnnbench.evaluation.results import Results
from bnnbench.files.provenance import processor
from bnnbench.metrics import Metric, describe
from bnnbench.source import digest
from bnnbench.study.grid import Plan
from bnnbench.tasks import Task
from bnnbench.words import prose
from bnnbench.words.names import data_name, name_of

BAD = ("failed", "missing")
MODEL = ["prior", "hyperprior", "scale"]
METHOD = ["inference", "recipe"]
STATES = ("done", "failed", "missing", "skipped", "merged")


@dataclass(frozen=True)
class CellGroup:
    """Cells of one study, model and method that share a state and a reason."""

    study: str
    state: str
    model: str
    method: str
    reason: str
    datasets: str
    seeds: str
    ids: list[str]


def counts(cells: pd.DataFrame) -> dict[str, int]:
    """Cells by state; done and failed are always there."""
    n = cells.state.value_counts()
    return {s: int(n.get(s, 0)) for s in STATES if n.get(s, 0) or s in ("done", "failed")}


def groups(cells: pd.DataFrame, states: Iterable[str], methods: dict[str, dict]) -> list[CellGroup]:
    """Cells in these states, grouped by study, model, method and reason; `methods` names methods by study."""
    return [_group(key, g, _model(g.iloc[0]), methods) for key, g in _grouped(cells, states, [*MODEL, *METHOD])]


def merged_groups(cells: pd.DataFrame, methods: dict[str, dict]) -> list[CellGroup]:
    """Merged cells, grouped by study, prior and reason: flat × half-normal and half-Cauchy = flat."""
    found = []
    for key, g in _grouped(cells, ["merged"], ["prior"]):
        into, _, reason = key[-1].removeprefix("into ").partition(": ")
        model = f"{name_of(key[2])} × {prose.listing(name_of(h) for h in g.hyperprior.unique())} = {name_of(into)}"
        found.append(_group((*key[:-1], reason), g, model, methods))
    return found


def _grouped(cells: pd.DataFrame, states: Iterable[str], by: list[str]):
    rows = cells[cells.state.isin(list(states))]
    rows = rows.assign(reason=rows.reason.fillna(""), order=rows.state.map(list(STATES).index))
    rows = rows.sort_values("order", kind="stable")
    return rows.groupby(["study", "state", *by, "reason"], sort=False, dropna=False)


def _group(key: tuple, g: pd.DataFrame, model: str, methods: dict[str, dict]) -> CellGroup:
    study = key[0]
    used = dict.fromkeys(zip(g.inference, g.recipe, strict=True))
    names = [methods[study].get(method) or prose.method(*method) for method in used]
    sets = "; ".join(data_name(name) for name in g.dataset.unique())
    return CellGroup(study, key[1], model, prose.listing(names), key[-1], sets, prose.ranges(g.seed), list(g.id))


def _model(row) -> str:
    if row.hyperprior != "fixed":
        return f"{name_of(row.prior)} × {name_of(row.hyperprior)}"
    return name_of(row.prior) if row.scale != row.scale else f"{name_of(row.prior)}, scale {row.scale:g}"


@dataclass(frozen=True)
class DatasetFacts:
    """Sizes of a data set, read from its file; None where the file is missing.

    `targets` says in words what is predicted where that is not a class; `classes` is None there. `class_names` are what
    labels stand for, in their order, where the file says; `notes` what was left out of a table, a sentence each.
    """

    title: str
    classes: int | None = None
    targets: str = ""
    shape: str = prose.NONE
    train: int | None = None
    validation: int | None = None
    test: int | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def dataset_facts(plan: Plan, study: str | None = None) -> list[DatasetFacts]:
    """Data sets of a study, or of all."""
    names = dict.fromkeys(c.dataset.name for c in plan.cells if study in (None, c.study))
    return [_dataset(plan.results / "data" / f"{name}.nc", name) for name in names]


def _dataset(path: Path, name: str) -> DatasetFacts:
    if not path.is_file():
        return DatasetFacts(data_name(name))
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as stored:
        if "x_pool" not in stored:  # it stands for one that could not be had
            return DatasetFacts(data_name(name))
        n, shape = stored.sizes, stored["x_pool"].shape[1:]
        inputs = prose.count(shape[0], "feature") if len(shape) == 1 else " × ".join(map(str, shape[1:])) + " pixels"
        targets = tasks.find(stored.attrs.get("task", "classification")).targets
        classes = None if targets else int(stored.attrs["n_classes"])
        names = tuple(map(str, stored["class_names"].values)) if "class_names" in stored else ()
        parts, said = (n["train"], n["validation"], n["test"]), datasets.notes(stored.attrs)
        return DatasetFacts(data_name(name), classes, targets, inputs, *parts, names, said)


def resolved_config(plan: Plan) -> str:
    """The whole configuration as YAML, studies included; folders by their last name only."""
    run = plan.config.model_dump(exclude={"overrides"})
    run["results_dir"] = Path(run["results_dir"]).name
    run["data_dir"] = run["data_dir"] and Path(run["data_dir"]).name
    studies = {name: study_settings(plan, name) for name in plan.studies}
    return yaml.safe_dump({"run": run, "studies": studies}, sort_keys=False, allow_unicode=True, width=100)


def study_settings(plan: Plan, study: str) -> dict[str, Any]:
    """The settings of a study that differ from the defaults."""
    return plan.study_configs[study].model_dump(exclude_defaults=True)


@dataclass(frozen=True)
class Timing:
    """Seconds of training by method, their sum, and the time from the first to the last file of the run."""

    by_method: list[tuple[str, str, int, float]]
    total: float
    span: float | None


def timing(results: Results, methods: dict[str, dict]) -> Timing:
    """Training time of the cells. A cell's seconds are its share of the time that its stack took."""
    done = results.cells[results.cells.seconds.notna()]
    rows = [
        (study, methods[study].get((inference, recipe), inference), len(g), float(g.seconds.sum()))
        for (study, inference, recipe), g in done.groupby(["study", "inference", "recipe"], sort=False)
    ]
    shards, data = results.cells.shard.unique(), results.cells.dataset.unique()
    files = [("data", f"{d}.nc") for d in data] + [("shards", f"{s}.nc") for s in shards]
    paths = [results.folder / part / name for part, name in [*files, *(("metrics", f"{s}.parquet") for s in shards)]]
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    return Timing(rows, float(done.seconds.sum()), max(times) - min(times) if len(times) > 1 else None)


def provenance(results: Results) -> dict[str, list[str]]:
    """Versions, commits and devices that the cells were trained with, each once."""
    cells = results.cells
    found = {
        name: [str(v) for v in cells[name].dropna().unique() if v] for name in ("git_commit", "device", "versions")
    }
    found["versions"] = list(dict.fromkeys(v for line in found["versions"] for v in line.split(", ")))
    return found


def machine() -> dict[str, str]:
    """Processor, cores, memory and operating system of this machine, without its name."""
    try:
        memory = f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (ValueError, OSError, AttributeError):
        memory = prose.NONE
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError, AttributeError):
        system = f"{platform.system()} {platform.release()}"
    return {
        "Processor": processor(),
        "Cores": str(os.cpu_count() or prose.NONE),
        "Memory": memory,
        "Operating system": f"{system}, {platform.machine()}",
    }


def used_tasks(plan: Plan) -> list[Task]:
    """The tasks of a run's data sets, each once."""
    return [tasks.find(name) for name in dict.fromkeys(spec.task for spec in plan.datasets.values())]


def metrics(results: Results) -> list[tuple[Task, list[tuple[str, Metric]]]]:
    """Of each task the metrics that its data sets have, by name, with what is known of them for that task.

    Tables of another version may hold metrics that this one does not know.
    """
    known = results.distinct("metrics", "dataset", "metric")
    task_of = known.dataset.map({name: spec.task for name, spec in results.plan.datasets.items()})
    found = []
    for task in used_tasks(results.plan):
        names = known.metric[(task_of == task.name).to_numpy()].unique()
        found.append((task, [(name, _described(name, task.name)) for name in names]))
    return found


def _described(name: str, task: str) -> Metric:
    try:
        return describe(name, task)
    except ValueError:
        unknown = "Of another version of the benchmark; this one does not know it."
        return Metric(name, label=name_of(name), definition=unknown, direction="", file="")


def definitions(plan: Plan) -> dict[str, list[tuple[str, str]]]:
    """First lines of the docstrings of the priors, hyperpriors, methods and fitted controls in use: no second text to
    keep in step."""
    used = {kind: list(dict.fromkeys(getattr(c, kind) for c in plan.cells)) for kind in ("hyperprior", "inference")}
    fitted = dict.fromkeys(name for spec in plan.datasets.values() for name in datasets.controls(spec.family))
    return {
        "Priors": [
            (name_of(name), _first_line(priors.family(family)))
            for name, family in dict.fromkeys((c.prior, c.family) for c in plan.cells)
        ],
        "Hyperpriors": [
            (name_of(name), _first_line(hyperpriors.density(name))) for name in used["hyperprior"] if name != "fixed"
        ],
        "Methods": [
            (name_of(name), _first_line_of(digest.PACKAGE / "inference" / f"{name}.py")) for name in used["inference"]
        ],
        "Fitted controls": [
            (prose.upfirst(name_of(name)), _first_line_of(digest.PACKAGE / "controls" / f"{name}.py"))
            for name in fitted
        ],
    }


def _first_line(described: type) -> str:
    return (inspect.getdoc(described) or "").split("\n")[0]


def _first_line_of(path: Path) -> str:
    """Of a module's docstring, read off its file: importing methods means waiting for torch."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
