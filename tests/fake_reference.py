"""Copies of runs, and references made up from their mean-field cells: what reads them is tested in seconds."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import xarray as xr

from bnnbench.evaluation import evaluate
from bnnbench.files.shards import ShardFile
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan, Shard, shard_name

REPORTS = shutil.ignore_patterns("report*", ".report*", "notebooks")
SHIFT, HALF = 0.02, 0.004
"""How far the made-up reference is from mean field, and its first half from the whole."""
REFERENCE = "hmc"
PARTICLES = {"log_evidence": -250.0, "log_evidence_se": 0.1, "surviving_roots": 40.0, "acceptance": 0.8}
GOOD = {"function_rhat": 1.003, "function_ess": 900.0, "divergences": 0.0, "acceptance": 0.82, "step_size": 0.11}


def copy_of(plan: Plan, folder: Path) -> Plan:
    """The plan with its results copied to a folder."""
    shutil.copytree(plan.results, folder, ignore=REPORTS)
    return dataclasses.replace(plan, config=plan.config.model_copy(update={"results_dir": str(folder)}))


def moved(p: np.ndarray, by: float) -> np.ndarray:
    """Probabilities moved by `by`, away from the nearer end of [0, 1], as float32."""
    return (p + np.where(p < 0.5, by, -by)).astype(np.float32)


def add_references(
    plan: Plan, keep=lambda cell: True, spoilt: dict[str, dict] | None = None, method: str = REFERENCE, half=HALF
) -> Plan:
    """A plan with a reference for the mean-field cells that `keep` picks, written into its results and evaluated.

    `spoilt` maps ids of references to the diagnostics that replace the good ones; `half` is how far the first half of
    the `method`'s draws is from the whole.
    """
    shards = dict(plan.shards)
    for shard in [s for s in plan.shards.values() if s.inference == "mean_field"]:
        cells = [cell for cell in shard.trainable if not cell.recipe and keep(cell)]
        name = shard_name(_as_reference(cells[0], method))
        shards[name] = Shard(name, shard.study, shard.group, method, tuple(_as_reference(c, method) for c in cells))
        stored = ShardFile.read(plan.results / "shards" / f"{shard.name}.nc")
        path = plan.results / "shards" / f"{name}.nc"
        _fake(stored, [cell.id for cell in cells], spoilt or {}, method, half).write(path, {"shard": name})
    studies = {
        name: study.model_copy(update={"inference": {method: next(iter(study.inference.values()))} | study.inference})
        for name, study in plan.study_configs.items()
    }
    made = dataclasses.replace(plan, shards=shards, study_configs=studies)
    for name, shard in shards.items():
        path, output = made.results / "shards" / f"{name}.nc", made.results / "metrics" / f"{name}.parquet"
        evaluate.evaluate_shard(made, shard, path, output)
    evaluate.gather(made)
    return made


def _as_reference(cell: Cell, method: str) -> Cell:
    made = dataclasses.replace(cell, inference=method)
    made.__dict__["key"] = f"fake-{cell.key}"  # its digest needs the method's source, which this is not about
    return made


def _fake(stored: ShardFile, ids: list[str], spoilt: dict[str, dict], method: str, half: float) -> ShardFile:
    renamed = {cell_id: cell_id.replace("/mean_field/", f"/{method}/") for cell_id in ids}
    done = [row for row in stored.rows if row["id"] in renamed and row["state"] == "done"]
    rows = [
        row | {"id": renamed[row["id"]], "key": f"fake-{row['key']}", "inference": method, "seconds": 40.0}
        for row in done
    ]
    groups = {}
    for name in ("test", "validation", "weights", "scales", "posterior"):
        group = stored.groups[name].sel(cell=[row["id"] for row in done])
        groups[name] = group.assign_coords(cell=[row["id"] for row in rows])
    for name in ("test", "validation"):
        whole = moved(groups[name].mean_proba.values, SHIFT)
        halves = {"mean_proba": whole, "first_half_proba": moved(whole, half)}
        groups[name] = groups[name].assign({k: (("cell", "point"), v) for k, v in halves.items()})
    good = PARTICLES if method == "smc" else GOOD
    facts = [good | spoilt.get(row["id"], {}) for row in rows]
    variables = {name: ("cell", np.array([f[name] for f in facts])) for name in good}
    groups["diagnostics"] = xr.Dataset(variables, {"cell": [row["id"] for row in rows]})
    return ShardFile(rows, groups)
