"""What a run has left behind, opened: tables, arrays, and trained cells that predict on new inputs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bnnbench import tasks
from bnnbench.datasets import DataSet
from bnnbench.evaluation.evaluate import labels
from bnnbench.files.folders import expanded
from bnnbench.files.shards import ShardFile, posterior_group
from bnnbench.files.tables import StoredTable, about, plain, read_table
from bnnbench.metrics import Summary
from bnnbench.study import grid
from bnnbench.study.config import RunConfig, StudyConfig
from bnnbench.study.grid import Plan

if TYPE_CHECKING:
    from bnnbench.prediction.trained import TrainedCell


DATA_SETS_KEPT = 8
"""So many at most, for those of images take hundreds of megabytes."""
BYTES_KEPT = 2**27
"""Of the arrays of shards, beside the one that was asked for last."""
ANSWERS_KEPT = 32
"""So many of the last questions to a table: figures and findings ask the same ones again."""


def load_results(folder: str | Path = "results") -> "Results":
    """Open the results in `folder`. FileNotFoundError where no run has finished there, ValueError for `$NAME` unset."""
    folder = expanded(folder)
    if not (folder / "cells.parquet").is_file():
        raise FileNotFoundError(f"no results in '{folder}': run `make report` first, or give the results_dir of a run")
    return Results(folder)


@dataclass(frozen=True)
class Results:
    """The results in a folder: tables as pandas DataFrames (see ARCHITECTURE.md), arrays loaded when asked for."""

    folder: Path

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row a cell."""
        return read_table(self.folder / "cells.parquet")

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row per cell, split and metric; words are categories. All of them: `rows` gives those asked for."""
        return read_table(self.folder / "metrics.parquet", compact=True)

    @cached_property
    def tuned(self) -> pd.DataFrame:
        """The fixed scale with the best validation NLL, per data set, network, prior and method."""
        return read_table(self.folder / "tuned.parquet")

    @cached_property
    def references(self) -> pd.DataFrame:
        """One row a reference cell: its diagnostics, its floors, and whether it passed."""
        return read_table(self.folder / "references.parquet")

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row a statistic of a claim, with its effect and its verdict."""
        return read_table(self.folder / "claims.parquet")

    @cached_property
    def probes(self) -> pd.DataFrame:
        """One row a reading of a probe: coordinates, probe, variable, level, metric, value. All, as `metrics`."""
        return read_table(self.folder / "probes.parquet")

    def rows(self, table: str, columns: Sequence[str] | None = None, **where: Any) -> pd.DataFrame:
        """Rows of `metrics` or `probes` whose columns have the values in `where`, each one or several in a list, such
        as `rows("metrics", study="toy", metric=["nll", "ece"], split="test")`.

        columns: those of the result; default: all
        Read from the file, unless the whole table is in memory. Do not change them: the last few answers are kept.
        """
        if table in self.__dict__:
            return _narrowed(self.__dict__[table], columns, where)
        hashable = ((name, tuple(value) if isinstance(value, list) else value) for name, value in where.items())
        asked = table, tuple(columns or ()), tuple(hashable)
        found = self._answers.pop(asked, None)
        self._answers[asked] = self._stored(table).read(columns, **where) if found is None else found
        if len(self._answers) > ANSWERS_KEPT:
            del self._answers[next(iter(self._answers))]
        return self._answers[asked]

    def distinct(self, table: str, *columns: str) -> pd.DataFrame:
        """What stands in these columns of `metrics` or `probes` together, each once."""
        if table in self.__dict__:
            return plain(self.__dict__[table][list(columns)].drop_duplicates(ignore_index=True))
        return self._stored(table).distinct(*columns)

    def _stored(self, table: str) -> StoredTable:
        """The table's file, whose seal is looked at once."""
        if table not in self._tables:
            self._tables[table] = StoredTable.open(self.folder / f"{table}.parquet")
        return self._tables[table]

    @cached_property
    def _tables(self) -> dict[str, StoredTable]:
        return {}

    @cached_property
    def _answers(self) -> dict[tuple, pd.DataFrame]:
        return {}

    @cached_property
    def plan(self) -> Plan:
        """The plan that made the tables, from the settings stored with them, whatever the config files say by now."""
        facts = about(self.folder / "cells.parquet")
        config = json.loads(facts["config"])
        studies = {name: StudyConfig.model_validate(study) for name, study in config["studies"].items()}
        return grid.build(RunConfig.model_validate(config["run"]), studies)

    @cached_property
    def _files(self) -> dict[tuple[str, str], xr.Dataset]:
        return {}

    @cached_property
    def _opened(self) -> dict[str, DataSet]:
        return {}

    def data(self, dataset: str) -> DataSet:
        """The data set of this name, such as circles-0.4. The last few are kept: cell after cell asks for the same."""
        if dataset not in self._opened:
            self._opened[dataset] = DataSet.from_netcdf(self.folder / "data" / f"{dataset}.nc", dataset)
            if len(self._opened) > DATA_SETS_KEPT:
                del self._opened[next(iter(self._opened))]
        return self._opened[dataset]

    def group(self, shard: str, group: str) -> xr.Dataset:
        """Arrays of a shard: test, validation, weights, scales, trace or posterior. The last ones are kept."""
        found = self._files.pop((shard, group), None)
        if found is None:
            stored = ShardFile.read(self.folder / "shards" / f"{shard}.nc", [group])
            if group not in stored.groups:
                raise ValueError(f"shard '{shard}' has no group '{group}': none of its cells is done")
            found = stored.groups[group]
        self._files[shard, group] = found
        while len(self._files) > 1 and sum(kept.nbytes for kept in self._files.values()) > BYTES_KEPT:
            del self._files[next(iter(self._files))]
        return found

    def row(self, cell_id: str) -> pd.Series:
        """The cell's row of `cells`; KeyError with near ids where there is none."""
        match = self.cells[self.cells.id == cell_id]
        if match.empty:
            import difflib

            near = difflib.get_close_matches(cell_id, self.cells.id, n=3)
            raise KeyError(f"no cell '{cell_id}' in {self.folder}: nearest are {near}")
        return match.iloc[0]

    def arrays(self, cell_id: str, group: str) -> xr.Dataset:
        """Arrays of one cell. ValueError where the cell is not done."""
        row = self.row(cell_id)
        if row.state != "done":
            raise ValueError(f"cell '{cell_id}' is {row.state} ({row.reason}) and so has no arrays")
        name = posterior_group(row.recipe) if group == "posterior" else group
        found = self.group(row.shard, name).sel(cell=cell_id)
        # Recipes of a shard share its axis of steps, whose lengths may differ.
        return found.dropna("step", how="all") if "step" in found.dims else found

    def predictions(self, cell_id: str, split: str = "test") -> Summary:
        """Stored predictions of one cell on `test` or `validation`."""
        group = self.group(self.row(cell_id).shard, split)
        task = self.plan.datasets[self.row(cell_id).dataset].task
        return tasks.find(task).decode(group, group.indexes["cell"].get_loc(cell_id))

    def labels(self, cell_id: str, split: str = "test") -> tuple[np.ndarray, np.ndarray]:
        """Inputs (n, ...) and true classes (n,) that the predictions belong to."""
        row = self.row(cell_id)
        return labels(self.data(row.dataset), split, int(row.seed))

    def trained(self, cell_id: str) -> "TrainedCell":
        """The trained cell, ready to predict on new inputs: from its stored posterior and the tables' config.

        KeyError with near ids for an unknown one, ValueError where the cell is not done.
        """
        from bnnbench.prediction.trained import TrainedCell

        row, arrays = self.row(cell_id), self.arrays(cell_id, "posterior")
        cell = next(c for c in self.plan.cells if c.id == cell_id)
        centre = self.arrays(cell_id, "centre") if cell.entry.is_centred else None
        return TrainedCell.build(cell, self.data(row.dataset), arrays, centre)

    def describe(self, cell_id: str) -> str:
        """State and test metrics of one cell, as text."""
        row = self.row(cell_id)
        lines = [f"{cell_id}: {row.state} {row.reason or ''}".rstrip()]
        table = self.rows("metrics", id=cell_id, split="test")
        lines += [f"  {metric:32s} {value:.4f}" for metric, value in zip(table.metric, table.value, strict=True)]
        return "\n".join(lines)


def _narrowed(table: pd.DataFrame, columns: Sequence[str] | None, where: dict[str, Any]) -> pd.DataFrame:
    """What `StoredTable.read` gives, of a table in memory: with words, where that has categories."""
    for name, value in where.items():
        table = table[table[name].isin(value if isinstance(value, list) else [value])]
    return plain(table if columns is None else table[list(columns)])
