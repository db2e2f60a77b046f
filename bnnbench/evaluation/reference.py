"""The reference posterior: which cells may serve as one, and how far other cells are from it.

A study names the methods that may serve, such as HMC and SMC. Weights are not identified, so a cell is judged by its
predictions (`base/gate.py`); of several that pass, of the same model, data set and seed, the one whose halves are the
closest to each other serves.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bnnbench import tasks
from bnnbench.base.gate import fault
from bnnbench.files.shards import ShardFile
from bnnbench.metrics import compare, declared, registered
from bnnbench.study.cells import COORDINATES, Cell
from bnnbench.study.grid import Plan, Shard
from bnnbench.tasks import Task

GATED = {
    "rhat": "function_rhat", "ess": "function_ess", "divergences": "divergences", "log_evidence_se": "log_evidence_se",
    "roots": "surviving_roots", "acceptance": "acceptance", "energy_variance": "energy_variance",
}  # fmt: skip
"""The diagnostics that a reference is judged by, by what the table of references calls them."""
WELL_KNOWN = 0.05
"""A divergence is given where the ELBO's standard error is at most a nat, or this share of it."""
PLACE = [name for name in COORDINATES if name not in ("inference", "recipe")]
"""What cells share of which one is the reference of the others."""


def floor_names(task: str | None = None) -> list[str]:
    """Names of the floors of the metrics against a reference, of one task or of all."""
    return [found.floor for found in registered(task).values() if "reference" in found.inputs and found.floor]


def judged_by() -> list[str]:
    """Names of the metrics that the table of references is made from."""
    return [*GATED.values(), *floor_names()]


def distance_floor(task: str) -> str:
    """The floor of a task's distance to the reference, of its metrics against one the first of which less is better."""
    found = registered(task).values()
    return next(m.floor for m in found if "reference" in m.inputs and m.floor and m.direction == "lower")


def columns() -> list[str]:
    """Columns of the table of references."""
    return ["id", *PLACE, "inference", *GATED, *floor_names(), "passed", "reason", "serves", "seconds"]


def diagnostics(stored: ShardFile, cell_id: str) -> dict[str, float]:
    """The recorded diagnostics of a cell that metrics/ declares, by name; empty where its shard has none."""
    group = stored.groups.get("diagnostics")
    if group is None or cell_id not in group.cell.values:
        return {}
    return {name: float(group[name].sel(cell=cell_id)) for name in declared() if name in group}


def floors(task: Task, group: xr.Dataset, i: int) -> dict[str, float]:
    """The metrics against a reference, between the two halves of the chains of the i-th cell of a group."""
    halves = task.halves(group, i)
    if halves is None:
        return {}
    known = registered(task.name)
    return {known[name].floor: value for name, value in compare(*halves, task.name).items() if known[name].floor}


class References:
    """What the cells of a shard are compared with: of each model, data set and seed the reference that serves."""

    def __init__(self, task: Task, files: list[ShardFile], ids: dict[str, str]):
        """files: what the shards hold, of one method or of several; ids: of the cells that count, with their method."""
        self._task, self._methods = task, list(dict.fromkeys(ids.values()))
        self._file, self._distance, self._evidence = {}, {}, {}
        for stored in files:
            group = stored.groups.get("test")
            for i, cell_id in enumerate([] if group is None else group.cell.values):
                own, found = floors(task, group, i), diagnostics(stored, cell_id)
                if cell_id not in ids or _fault(task.name, found | own):
                    continue
                self._file[cell_id] = stored
                self._distance[cell_id] = own.get(distance_floor(task.name), np.inf)
                if "log_evidence_se" in found:
                    self._evidence[cell_id] = found["log_evidence"], found["log_evidence_se"]

    @classmethod
    def read(cls, plan: Plan, shard: Shard) -> "References":
        """Those that the cells of a shard can be compared with."""
        files, ids = [], {}
        for found in plan.reference_shards(shard):
            path = plan.results / "shards" / f"{found.name}.nc"
            files.append(ShardFile.read(path, ["validation", "test", "diagnostics"]))
            ids |= {cell.id: found.inference for cell in found.trainable}
        return cls(tasks.find(shard.cells[0].dataset.task), files, ids)

    def compare(self, mine: Any, cell: Cell, split: str) -> dict[str, float]:
        """Fidelity to its reference of what the task compares of a cell, with the floors; empty without a reference."""
        passed = [cell.by(name) for name in self._methods if cell.by(name) in self._distance]
        if not passed:
            return {}
        chosen = min(passed, key=self._distance.get)
        group = self._file[chosen].groups[split]
        i = list(group.cell.values).index(chosen)
        reference = self._task.compared(self._task.decode(group, i))
        return compare(mine, reference, self._task.name) | floors(self._task, group, i)

    def missed(self, found: dict[str, float], cell: Cell) -> dict[str, float]:
        """By how much the evidence is above the ELBO in a cell's diagnostics; empty where that is not well known."""
        known = [self._evidence[cell.by(name)] for name in self._methods if cell.by(name) in self._evidence]
        if "elbo" not in found or not known:
            return {}
        evidence, se = known[0]
        kl = evidence - found["elbo"]
        if not found["elbo_se"] <= max(1.0, WELL_KNOWN * kl):
            return {}  # a Gaussian so wide that some draws have hardly any likelihood
        return {
            "kl_to_posterior": kl,
            "kl_to_posterior_se": float(np.hypot(se, found["elbo_se"])),
            "kl_less_symmetry": kl - found["log_symmetries"],
        }


def _fault(task: str, found: dict[str, float]) -> str:
    return fault(found, distance_floor(task))


def table(plan: Plan, cells: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a cell of the plan that may serve as a reference, with its diagnostics, its floors on the test set,
    whether it passed, and whether it is the one that serves."""
    ids = {cell.id: cell for cell in _candidates(plan)}
    test = metrics[(metrics.split == "test") & metrics.id.isin(ids)]
    values = {key: group.set_index("metric").value.to_dict() for key, group in test.groupby("id")}
    stored = cells.set_index("id")
    rows, distances = [], []
    for cell_id, cell in ids.items():
        found, row, task = values.get(cell_id, {}), stored.loc[cell_id], cell.dataset.task
        reason = _fault(task, found) if row.state == "done" else f"{row.state}: {row.reason}"
        facts = {short: found.get(name, np.nan) for short, name in GATED.items()}
        facts |= {name: found.get(name, np.nan) for name in floor_names()}
        facts |= {"id": cell_id, "passed": not reason, "reason": reason, "serves": False, "seconds": row.seconds}
        rows.append({k: v for k, v in cell.coordinates().items() if k in columns()} | facts)
        distances.append(found.get(distance_floor(task), np.inf))
    numbers = dict.fromkeys(("scale", *GATED, *floor_names(), "seconds"), float)
    made = pd.DataFrame(rows, columns=columns())
    made = made.astype(numbers | {"seed": "int64", "passed": bool, "serves": bool})
    made.loc[_serving(made, distances), "serves"] = True
    return made


def _candidates(plan: Plan) -> list[Cell]:
    shards = [shard for shard in plan.shards.values() if plan.holds_references(shard)]
    return [cell for shard in shards for cell in shard.cells if not cell.recipe and not cell.merged]


def _serving(made: pd.DataFrame, distances: list[float]) -> pd.Index:
    """Rows of the references that serve: of those of one place that passed the one with the least distance."""
    ranked = made[PLACE].assign(distance=distances)[made.passed].fillna({"scale": 0.0})
    return ranked.sort_values("distance", kind="stable").drop_duplicates(PLACE).index


def absence(references: pd.DataFrame, study: str) -> str:
    """Why a study has no reference, in words; empty where it has one."""
    rows = references[references.study == study]
    if rows.passed.any():
        return ""
    if rows.empty:
        return "no reference, because the run has no cell of this study that could be one"
    first = rows.reason.iloc[0]
    return f"no reference, because none of the {len(rows)} cells that could be one passed the gate ({first})"


def serving_ids(references: pd.DataFrame) -> set[str]:
    """Ids of the cells that serve as references."""
    return set(references.id[references.serves])


def converged(metrics: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table of cells without those that could have been references and missed the gate, which say nothing of
    their method. Recipes of such methods have no gate to pass.
    """
    return metrics[~metrics.id.isin(references.id[~references.passed])]
