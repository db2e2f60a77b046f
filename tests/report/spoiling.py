"""Ways to spoil a copy of a run."""

import pandas as pd

from bnnbench.files.tables import about, read_table, write_table
from bnnbench.study.grid import Plan

HOSTILE = 'ValueError: <b>bold</b> & "quoted" #[code] $x$ \\ @ref *star* _under_ `tick` // no comment'


def edit(plan: Plan, table: str, change) -> None:
    """Rewrite a table of a run."""
    path = plan.results / f"{table}.parquet"
    write_table(change(read_table(path)), path, **about(path))


def lose(plan: Plan, cell_id: str, reason: str) -> None:
    """Make a cell of a run failed, as if training had diverged."""

    def fail(cells: pd.DataFrame) -> pd.DataFrame:
        lost = cells.id == cell_id
        assert lost.sum() == 1
        return cells.assign(state=cells.state.mask(lost, "failed"), reason=cells.reason.mask(lost, reason))

    edit(plan, "cells", fail)
    edit(plan, "metrics", lambda metrics: metrics[metrics.id != cell_id])
