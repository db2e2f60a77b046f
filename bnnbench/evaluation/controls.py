"""Metrics of the controls that are fitted, once for each data set, for whichever studies have it."""

import logging
from pathlib import Path

from bnnbench import controls, datasets, metrics, tasks
from bnnbench.datasets import DataSet
from bnnbench.evaluation.evaluate import SPLITS, frame, ideal_of, labels, of_control, tidy
from bnnbench.files.tables import write_table
from bnnbench.study import failures
from bnnbench.study.cells import DatasetSpec
from bnnbench.study.grid import Plan

log = logging.getLogger(__name__)

SECONDS = "fit_seconds"
"""The metric that says what a control cost."""


def evaluate_controls(plan: Plan, name: str, output: str | Path) -> None:
    """Metrics of a data set's controls on both splits of every seed, as a tidy Parquet file without studies.

    A control that fails lacks its rows, and the log says why; so does one that such data are too many for.
    """
    spec, rows = plan.datasets[name], []
    for data in failures.available(plan, [name]).values():
        for seed in data.seeds.tolist():
            for control in datasets.controls(spec.family):
                rows += _rows(spec, data, seed, control)
    write_table(frame(rows), output, shard=name)


def _rows(spec: DatasetSpec, data: DataSet, seed: int, control: str) -> list[dict]:
    try:
        fitted = controls.fit(control, data, seed)
    except Exception as error:  # whatever another library raises costs this control's rows, and no more
        log.warning("%s, seed %d: %s could not be fitted: %s", spec.name, seed, control, error, exc_info=error)
        return []
    if fitted is None:
        log.info("%s: %s is not for such data, or for fewer points", spec.name, control)
        return []
    log.info("%s, seed %d: %s took %.1f s", spec.name, seed, control, fitted.seconds)
    task, where, rows = tasks.find(spec.task), of_control("", spec.name, control, seed), []
    for split in SPLITS:
        x, y = labels(data, split, seed)
        predictions = task.of_truth(task.truth(fitted.laws[split]))
        values = metrics.evaluate(predictions, y, ideal_of(spec, x))
        rows += tidy(where, split, values | ({SECONDS: fitted.seconds} if split == "test" else {}))
    return rows
