"""Results of a large grid, made up without training: what gathers and shows them can be measured in seconds."""

import numpy as np
import pandas as pd
import xarray as xr
from small_run import NOTHING_ELSE

from bnnbench import datasets, metrics
from bnnbench.evaluation.evaluate import SPLITS
from bnnbench.files.shards import NUMBERS, TEXT, ShardFile
from bnnbench.files.tables import write_table
from bnnbench.study import grid
from bnnbench.study.cells import COORDINATES
from bnnbench.study.grid import Plan, Shard


def config_of(folder, n_seeds: int) -> dict:
    """A grid of two data sets, three methods and all of the study's models: some 200 cells a seed."""
    small = {"noise": [0.4], "n_train": 20, "n_validation": 10, "n_test": 20}
    toy = {
        "datasets": {"moons": small, "circles": small},
        "inference": NOTHING_ELSE | {name: {"recipes": None} for name in ("map", "mean_field", "mc_dropout")},
    }
    return {"studies": ["toy"], "seeds": list(range(n_seeds)), "results_dir": str(folder), "overrides": {"toy": toy}}


def make(folder, n_seeds: int) -> Plan:
    """Data, shards without arrays and metrics of all cells of such a grid, ready to be gathered."""
    plan = grid.load(config_of(folder, n_seeds), thorough=False)
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds)
        datasets.store(spec.family, spec.options, made, plan.results / "data" / f"{spec.name}.nc")
    for shard in plan.shards.values():
        _write(plan, shard)
    return plan


def _write(plan: Plan, shard: Shard) -> None:
    cells = shard.trainable
    plain = dict.fromkeys(TEXT, "") | dict.fromkeys(NUMBERS, 1.0) | {"state": "done", "device": "cpu"}
    rows = [
        plain | cell.coordinates() | {"id": cell.id, "key": cell.key, "family": cell.dataset.family} for cell in cells
    ]
    posterior = {name: (("cell", f"{name}_1"), np.ones((len(cells), 63), np.float32)) for name in ("loc", "sd")}
    weights = {name: (("cell", "weight"), np.ones((len(cells), 57))) for name in ("mean", "sd", "q025", "q50", "q975")}
    ids, parameters = [cell.id for cell in cells], np.repeat(["dense1.weight", "dense1.bias"], [50, 7]).astype(object)
    groups = {
        "posterior": xr.Dataset(posterior, {"cell": ids}),
        "weights": xr.Dataset(weights, {"cell": ids, "parameter": ("weight", parameters)}),
    }
    ShardFile(rows, groups).write(plan.results / "shards" / f"{shard.name}.nc", {"shard": shard.name})
    names = list(metrics.registered("classification"))
    random, parts = np.random.default_rng(len(cells)), []
    coordinates = pd.DataFrame([cell.coordinates() | {"id": cell.id} for cell in cells])
    for split in SPLITS:
        part = coordinates.loc[coordinates.index.repeat(len(names))].assign(split=split)
        parts.append(part.assign(metric=names * len(cells), value=random.uniform(size=len(part))))
    table = pd.concat(parts, ignore_index=True)[["id", *COORDINATES, "split", "metric", "value"]]
    table = table.astype({"seed": "int64", "scale": "float64"})
    write_table(table, plan.results / "metrics" / f"{shard.name}.parquet", shard=shard.name)
