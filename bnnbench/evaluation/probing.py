"""Probes of trained cells: their readings, from a shard's stored posteriors to a tidy table. Nothing here trains."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bnnbench.datasets import DataSet
from bnnbench.evaluation.evaluate import config_json
from bnnbench.files.shards import ShardFile, posterior_group
from bnnbench.files.tables import StoredTable, write_parts, write_table
from bnnbench.study import failures
from bnnbench.study.cells import COORDINATES, Cell
from bnnbench.study.grid import Plan, Shard

log = logging.getLogger(__name__)

COLUMNS = ["id", *COORDINATES, "probe", "variable", "level", "metric", "value"]


def probe_shard(plan: Plan, shard: Shard, path: str | Path, output: str | Path, threads: int = 1) -> None:
    """Put every probe to a shard's trained cells and write the readings to `output`, a row each."""
    import torch  # here, since gathering does not need it

    from bnnbench import probes

    torch.set_num_threads(threads)
    wanted = plan.probes(shard)
    stored = ShardFile.read(path)
    data = failures.available(plan, shard.datasets)
    done = {(row["id"], row["key"]) for row in stored.rows if row["state"] == "done" and row["dataset"] in data}
    rows = []
    for name, cells in wanted.items():
        probe = probes.make(name, plan.study_configs[shard.study].probes[name].settings)
        for number, cell in enumerate([cell for cell in cells if (cell.id, cell.key) in done], 1):
            trained = _trained(stored, cell, data)
            found = probe.run(trained, data[cell.dataset.name], cell.seed)
            rows += [cell.coordinates() | {"id": cell.id, "probe": name} | r._asdict() for r in found]
            log.info("%s: %s, %d of %d cells", shard.name, name, number, len(cells))
    write_table(_frame(rows), output, shard=shard.name)


def _trained(stored: ShardFile, cell: Cell, data: dict[str, DataSet]):
    from bnnbench.prediction.trained import TrainedCell

    arrays = stored.groups[posterior_group(cell.recipe)].sel(cell=cell.id)
    centre = stored.groups["centre"].sel(cell=cell.id) if cell.entry.is_centred else None
    return TrainedCell.build(cell, data[cell.dataset.name], arrays, centre)


def _frame(rows: list[dict]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({"seed": "int64", "scale": "float64", "level": "float64", "value": "float64"})


def gather(plan: Plan) -> None:
    """Write probes.parquet from the shards' readings; without rows where no study has probes."""
    write_parts(_readings(plan), plan.results / "probes.parquet", config=config_json(plan))


def _readings(plan: Plan) -> Iterator[pd.DataFrame]:
    yield _frame([])
    for shard in plan.shards.values():
        if plan.probes(shard):
            yield from StoredTable.open(plan.results / "probes" / f"{shard.name}.parquet", shard.name).parts()
