"""From stored predictions to tidy tables. Nothing here trains, and nothing imports torch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bnnbench import datasets, metrics, tasks
from bnnbench.datasets import DataSet, law
from bnnbench.evaluation import reference
from bnnbench.evaluation.reference import References
from bnnbench.files.shards import ShardFile
from bnnbench.files.tables import StoredTable, plain, write_parts, write_table
from bnnbench.study import failures
from bnnbench.study.cells import COORDINATES, DatasetSpec
from bnnbench.study.grid import Plan, Shard

SPLITS = ("validation", "test")
ROWS_AT_ONCE = 4096
"""Rows of a shard that are held before they are made a part of its table: as dictionaries they take a kilobyte each."""
CELL_COLUMNS = ["id", "key", *COORDINATES, "family", "noise", "state", "reason", "steps", "seconds", "device", "shard",
                "versions", "git_commit", "pretrained"]  # fmt: skip


def labels(data: DataSet, split: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels of a split of one seed."""
    return data.test(seed) if split == "test" else data.split(seed)[2:]


def ideal_of(spec: DatasetSpec, x: np.ndarray) -> Any:
    """What one who knows the generator says at x, as the data set's task has it; None where nobody does."""
    task = tasks.find(spec.task)
    found = law(spec.family, spec.options, x, task.law)
    return None if found is None else task.truth(found)


def known_of(spec: DatasetSpec, data: DataSet, split: str, seed: int) -> Any:
    """What the task's metrics of a split of one seed are given for the truth; None where nothing is known."""
    x, _ = labels(data, split, seed)
    return tasks.find(spec.task).known(ideal_of(spec, x), data, split, seed)


def evaluate_shard(plan: Plan, shard: Shard, path: str | Path, output: str | Path) -> None:
    """Metrics of every trained cell of a shard on both splits, as a tidy Parquet file.

    Cells that have a reference are compared with it, and the cells of a method that may serve as one with that of
    another such method; these get their floors too, passed or not.
    Cells that are stored under another key count as missing. Raises ValueError where predictions of a trained cell are
    missing.
    """
    write_parts(_evaluated(plan, shard, path), output, shard=shard.name)


def _evaluated(plan: Plan, shard: Shard, path: str | Path) -> Iterator[pd.DataFrame]:
    """The rows of a shard, split by split and cell by cell."""
    stored = ShardFile.read(path, [*SPLITS, "diagnostics"])
    references = References.read(plan, shard)
    cells = {cell.id: cell for cell in shard.trainable}
    data = failures.available(plan, shard.datasets)
    exact: dict[tuple, tuple] = {}
    keys = {cell.id: cell.key for cell in shard.trainable}
    done = {row["id"] for row in stored.rows if row["state"] == "done" and keys.get(row["id"]) == row["key"]}
    rows: list[dict] = []
    for split in SPLITS:
        group = stored.groups.get(split)
        if lost := done - set([] if group is None else group.cell.values):
            raise ValueError(f"{path} holds no {split} predictions of {min(lost)}: delete it and run again")
        for i, cell_id in enumerate([] if group is None else group.cell.values):
            if cell_id not in done or cells[cell_id].dataset.name not in data:
                continue
            cell = cells[cell_id]
            of_data = data[cell.dataset.name]
            shared = split == "test" and of_data.test_index is None
            where = (split, cell.dataset.name, None if shared else cell.seed)
            if where not in exact:
                _, y = labels(of_data, split, cell.seed)
                exact[where] = y, known_of(cell.dataset, of_data, split, cell.seed)
            y, ideal = exact[where]
            task = tasks.find(cell.dataset.task)
            predictions = task.decode(group, i)
            values = metrics.evaluate(predictions, y, ideal)
            values |= references.compare(task.compared(predictions), cell, split)
            if split == "test":
                found = reference.diagnostics(stored, cell.id)
                values |= found | references.missed(found, cell)
            if plan.holds_references(shard) and split == "test":
                values |= reference.floors(task, group, i)
            rows += tidy(cell.coordinates() | {"id": cell_id}, split, values)
            if len(rows) >= ROWS_AT_ONCE:
                yield frame(rows)
                rows.clear()
    yield frame(rows)


def tidy(coordinates: dict, split: str, values: dict[str, float]) -> list[dict]:
    """Rows of the metrics table: a value each."""
    return [coordinates | {"split": split, "metric": name, "value": value} for name, value in values.items()]


def frame(rows: list[dict]) -> pd.DataFrame:
    """Rows of the metrics table as a table, with its columns and types."""
    frame = pd.DataFrame(rows, columns=["id", *COORDINATES, "split", "metric", "value"])
    return frame.astype({"seed": "int64", "scale": "float64", "value": "float64"})


def config_json(plan: Plan) -> str:
    """The run and study configs, as JSON: what a table carries so that the plan can be rebuilt from it."""
    studies = {name: study.model_dump() for name, study in plan.study_configs.items()}
    return json.dumps({"run": plan.config.model_dump(), "studies": studies})


def gather(plan: Plan) -> None:
    """Write metrics.parquet, cells.parquet, tuned.parquet and references.parquet from the shards' files.

    Of the metrics no more is held than one file's, and then the few rows that the other tables are made from.
    """
    config, path = config_json(plan), plan.results / "metrics.parquet"
    write_parts(_metrics(plan), path, config=config)
    cells = _cells(plan)
    write_table(cells, plan.results / "cells.parquet", config=config)
    table = StoredTable.open(path)
    references = reference.table(plan, cells, table.read(split="test", metric=reference.judged_by()))
    scores = table.read(split="validation", metric="nll", hyperprior="fixed")
    write_table(tuned(scores, references), plan.results / "tuned.parquet", config=config)
    write_table(references, plan.results / "references.parquet", config=config)


def _metrics(plan: Plan) -> Iterator[pd.DataFrame]:
    """The rows of all shards and of the controls, in the plan's order."""
    for name in plan.shards:
        yield from StoredTable.open(plan.results / "metrics" / f"{name}.parquet", name).parts()
    yield from _controls(plan)


def _cells(plan: Plan) -> pd.DataFrame:
    """One row a cell of the plan: as its shard's file has it, or merged."""
    faults = failures.data_faults(plan)
    return pd.concat([_cells_of(plan, shard, faults) for shard in plan.shards.values()], ignore_index=True)


def _cells_of(plan: Plan, shard: Shard, faults: dict[str, str]) -> pd.DataFrame:
    stored = {r["id"]: r for r in ShardFile.read(plan.results / "shards" / f"{shard.name}.nc", []).rows}
    rows = []
    for cell in shard.cells:
        facts = {"id": cell.id, "key": cell.key, "family": cell.dataset.family, "shard": shard.name}
        facts["noise"] = cell.dataset.options.get("noise", np.nan)
        if cell.merged:
            state = {"state": "merged", "reason": f"into {cell.merged}"}
        elif cell.dataset.name in faults:
            state = {"state": "failed", "reason": f"no data: {faults[cell.dataset.name]}"}
        else:
            state = stored.get(cell.id, {"state": "missing", "reason": "not in its shard's file", "key": cell.key})
            if state["key"] != cell.key:
                state = {"state": "missing", "reason": "stored with other settings or source: train it again"}
        rows.append(dict.fromkeys(CELL_COLUMNS) | state | cell.coordinates() | facts)
    frame = pd.DataFrame(rows, columns=CELL_COLUMNS)
    numbers = {"scale": float, "noise": float, "steps": float, "seconds": float, "seed": "int64"}
    text = {name: "str" for name in CELL_COLUMNS if name not in numbers}
    return frame.astype(text | numbers).assign(steps=lambda f: f.steps.fillna(0).astype("int64"))


def _controls(plan: Plan) -> Iterator[pd.DataFrame]:
    """What bounds every metric: `chance` knows the training targets alone, `bayes_rule` the generator; and then what
    was fitted beside the cells (`controls.evaluate_controls`)."""
    faults, fitted = failures.data_faults(plan), []
    for spec in plan.datasets.values():
        if spec.name in faults:
            continue
        studies = [
            s for s in plan.studies if any(spec.name in h.datasets for h in plan.shards.values() if h.study == s)
        ]
        data = failures.data_set(plan, spec.name)
        for seed in data.seeds.tolist():
            yield frame(_bounds(spec, data, seed, studies))
        fitted += [(spec, study) for study in studies if datasets.controls(spec.family)]
    for spec, study in fitted:
        yield _fitted(plan, spec, study)


def _bounds(spec: DatasetSpec, data: DataSet, seed: int, studies: list[str]) -> list[dict]:
    """Rows of the controls that need no fitting, of one seed, for every study that has the data set."""
    task, rows = tasks.find(spec.task), []
    x_train, y_train, *_ = data.split(seed)
    for split in SPLITS:
        x, y = labels(data, split, seed)
        ideal = known_of(spec, data, split, seed)
        known = {"chance": task.chance_at(x_train, y_train, data.n_classes, x)}
        if ideal is not None:
            known["bayes_rule"] = task.of_truth(ideal)
        for name, predictions in known.items():
            values = metrics.evaluate(predictions, y, ideal)
            for study in studies:
                rows += tidy(of_control(study, spec.name, name, seed), split, values)
    return rows


def of_control(study: str, dataset: str, control: str, seed: int) -> dict:
    """The columns that identify a control in the metrics table."""
    facts = (study, dataset, "none", "", "none", "fixed", np.nan, control, "", seed)
    return dict(zip(COORDINATES, facts, strict=True)) | {"id": f"{study}/{dataset}/{control}/seed-{seed}"}


def _fitted(plan: Plan, spec: DatasetSpec, study: str) -> pd.DataFrame:
    """Rows of a data set's fitted controls, as those of a study."""
    table = StoredTable.open(plan.results / "controls" / f"{spec.name}.parquet", spec.name).read()
    return table.assign(study=study, id=study + table.id)


def tuned(table: pd.DataFrame, references: pd.DataFrame | None = None) -> pd.DataFrame:
    """The fixed scale with the best mean validation NLL over seeds, for each data set, network, likelihood, prior and
    method.

    Columns: study dataset network likelihood prior inference recipe scale validation_nll. Priors with one scale only
    have no row; a scale that lacks a seed is not chosen. With `references`, the table of that name, chains that missed
    the gate do not compete, unless those of all scales did: the figures would show none of a scale chosen for such
    chains.
    """
    by = ["study", "dataset", "network", "likelihood", "prior", "inference", "recipe"]
    rows = table[(table.split == "validation") & (table.metric == "nll") & (table.hyperprior == "fixed")]
    rows = rows.dropna(subset=["scale"]).reset_index(drop=True)
    rows = rows[rows.groupby(by).scale.transform("nunique") > 1]
    if references is not None:
        passed = rows.index.isin(reference.converged(rows, references).index)
        any_passed = rows.assign(passed=passed).groupby(by).passed.transform("any")
        rows = rows[passed | ~any_passed]
    means = rows.groupby([*by, "scale"], as_index=False).agg(validation_nll=("value", "mean"), n=("value", "size"))
    means = means[means.n == means.groupby(by).n.transform("max")]
    best = means.sort_values("validation_nll", kind="stable").drop_duplicates(by)
    return plain(best.drop(columns="n").sort_values(by).reset_index(drop=True))
