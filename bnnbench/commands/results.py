"""What a run would do, and what became of one: commands for people, which train nothing."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnnbench.base import lifetime
from bnnbench.commands._options import load
from bnnbench.study.config import ConfigError


def plan(options) -> None:
    """List the cells that a run would train, or sum the run up."""
    from bnnbench.study import planning

    plan = load(options)
    planning.check(plan, options.config)
    print(planning.summary(plan) if options.summary else planning.listing(plan))


def check(options) -> int:
    """Exit with code 1 if a cell, a notebook or a figure failed, naming them; data and notebooks are tried again."""
    from bnnbench.files.tables import read_table
    from bnnbench.study import failures

    plan = load(options)
    cells = read_table(plan.results / "cells.parquet")
    bad = cells[cells.state.isin(["failed", "missing"])]
    for row in bad.itertuples():
        logging.error("%s %s: %s", row.state, row.id, row.reason)
    if len(bad):
        logging.error("%d of %d cells failed; the report names them: %s", len(bad), len(cells), plan.results / "report")
    broken = failures.notebook_faults(plan)
    for study, fault in broken.items():
        logging.error("the notebook of study %s failed: %s; %s", study, fault, failures.failed_notebook(plan, study))
    figures = failures.figure_faults(plan)
    for name, fault in figures.items():
        logging.error("a figure of the report failed: %s: %s", name, fault)
    failures.forget(plan)
    return int(len(bad) > 0 or bool(broken) or bool(figures))


def verify(options) -> int:
    """Exit with code 1 unless the results are whole, naming what is damaged, stale, missing or foreign."""
    from bnnbench.report import verification

    plan = load(options)
    found = verification.verify(plan)
    print("\n".join(found.lines()))
    if options.repair:
        with _no_run(options):
            removed = verification.repair(found)
        for path in removed:
            logging.info("removed: %s", path)
    return 0 if found.is_whole else 1


def retry(options) -> None:
    """Forget the failed cells, so that the next run of the same config trains them again."""
    from bnnbench.training import train

    plan = load(options)
    with _no_run(options):
        forgotten = train.forget_failed(plan)
    for cell in forgotten:
        logging.info("forgotten: %s", cell)
    if forgotten:
        logging.info("These %d cells are trained by the next make report CONFIG=%s", len(forgotten), options.config)
    else:
        logging.info("No cell of %s failed.", options.config)


def show(options) -> None:
    """Print the state and the metrics of one cell."""
    from bnnbench.evaluation.results import load_results

    try:
        print(load_results(load(options).results).describe(options.cell))
    except KeyError as error:
        raise ValueError(error.args[0]) from None


@contextmanager
def _no_run(options) -> Iterator[None]:
    """While no run goes on in this folder, whose jobs would write over what is changed. ConfigError where one does."""
    try:
        with lifetime.claimed(Path(".snakemake"), f"a command that changes results of {options.config}", patience=5):
            yield
    except lifetime.Busy as busy:
        raise ConfigError(str(busy)) from None
