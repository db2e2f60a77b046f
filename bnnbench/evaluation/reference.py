"""The reference posterior: which cells may serve as one, and how far other cells are from it.

A reference is a cell of the method `cells.REFERENCE` (HMC). Weights are not identified, so it is judged by its
predictions: R-hat and effective sample size of the log-odds at training inputs, and no divergence after warm-up. The
gate and its record follow posteriordb (Magnusson et al. 2024).
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bnnbench.base.gate import fault
from bnnbench.files.shards import ShardFile
from bnnbench.metrics import compare, declared, registered
from bnnbench.study.cells import COORDINATES, REFERENCE
from bnnbench.study.grid import Plan, Shard
from bnnbench.tasks import Task

GATED = {"rhat": "function_rhat", "ess": "function_ess", "divergences": "divergences"}
"""The diagnostics that a reference is judged by, in the gate's order, by what the table of references calls them."""


def floor_names(task: str | None = None) -> list[str]:
    """Names of the floors of the metrics against a reference, of one task or of all."""
    return [found.floor for found in registered(task).values() if "reference" in found.inputs and found.floor]


def columns() -> list[str]:
    """Columns of the table of references."""
    where = [name for name in COORDINATES if name not in ("inference", "recipe")]
    return ["id", *where, *GATED, *floor_names(), "passed", "reason", "seconds"]


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
    """The references in a shard file that passed the gate: what other cells are compared with."""

    def __init__(self, stored: ShardFile, ids: set[str]):
        self.groups = {}
        for split in ("validation", "test"):
            group = stored.groups.get(split)
            found = [] if group is None else list(group.cell.values)
            rows = {c: i for i, c in enumerate(found) if c in ids and not _fault_of(diagnostics(stored, c))}
            self.groups[split] = group, rows

    @classmethod
    def read(cls, plan: Plan, shard: Shard) -> "References | None":
        """Those that the cells of a shard can be compared with; None where the study has none for them."""
        reference = plan.reference_shard(shard)
        if reference is None:
            return None
        path = plan.results / "shards" / f"{reference.name}.nc"
        ids = {cell.id for cell in reference.trainable}
        return cls(ShardFile.read(path, ["validation", "test", "diagnostics"]), ids)

    def compare(self, task: Task, mine: Any, reference_id: str, split: str) -> dict[str, float]:
        """Fidelity of what a task compares to a reference, with its floors; empty where there is none."""
        group, rows = self.groups[split]
        if reference_id not in rows:
            return {}
        reference = task.compared(task.decode(group, rows[reference_id]))
        return compare(mine, reference, task.name) | floors(task, group, rows[reference_id])


def _fault_of(found: dict[str, float]) -> str:
    return fault(*(found.get(name, np.nan) for name in GATED.values()))


def table(plan: Plan, cells: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """One row a reference cell of the plan, with its diagnostics, its floors on the test set, and whether it passed."""
    test = metrics[(metrics.split == "test") & (metrics.inference == REFERENCE)]
    values = {key: group.set_index("metric").value.to_dict() for key, group in test.groupby("id")}
    stored = cells.set_index("id")
    rows = []
    for cell in plan.cells:
        if cell.inference != REFERENCE or cell.recipe or cell.merged:
            continue
        found, row = values.get(cell.id, {}), stored.loc[cell.id]
        reason = _fault_of(found) if row.state == "done" else f"{row.state}: {row.reason}"
        facts = {short: found.get(name, np.nan) for short, name in GATED.items()}
        facts |= {name: found.get(name, np.nan) for name in floor_names()}
        facts |= {"id": cell.id, "passed": not reason, "reason": reason, "seconds": row.seconds}
        rows.append({k: v for k, v in cell.coordinates().items() if k in columns()} | facts)
    numbers = dict.fromkeys(("scale", *GATED, *floor_names(), "seconds"), float)
    return pd.DataFrame(rows, columns=columns()).astype(numbers | {"seed": "int64", "passed": bool})


def absence(references: pd.DataFrame, study: str) -> str:
    """Why a study has no reference, in words; empty where it has one."""
    rows = references[references.study == study]
    if rows.passed.any():
        return ""
    if rows.empty:
        return "no reference, because the run has no HMC cell of this study"
    return f"no reference, because none of the {len(rows)} HMC cells passed the gate ({rows.reason.iloc[0]})"


def valid_ids(references: pd.DataFrame) -> set[str]:
    """Ids of the cells that serve as references."""
    return set(references.id[references.passed])


def converged(metrics: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """Rows of a metrics table without those of chains that missed the gate, which say nothing of the method.

    Recipes of the method are no references and have no gate to pass.
    """
    return metrics[(metrics.inference != REFERENCE) | (metrics.recipe != "") | metrics.id.isin(valid_ids(references))]
