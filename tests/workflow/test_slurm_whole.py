"""config/ci.yaml through a real Slurm: every table as without it, and the whole report.

It takes as long as half the other tests together, and `.ci/run` asks for it by a variable.
"""

import os

import pandas as pd
import pytest
import yaml
from slurm_here import obstacle, slurm
from test_slurm import ON_SLURM, UNEQUAL, jobs
from test_workflow import ROOT, Run

from bnnbench.files.tables import read_table
from bnnbench.study import grid

ASKED_FOR = "BNNBENCH_SLURM_WHOLE"
REASON = obstacle() or ("" if os.environ.get(ASKED_FOR) else f"it takes minutes: set {ASKED_FOR}=1 to run it")
pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.skipif(bool(REASON), reason=REASON)]

CONFIG = yaml.safe_load((ROOT / "config" / "ci.yaml").read_text(encoding="utf-8")) | {"device": "cpu"}
TABLES = ("metrics", "cells", "tuned", "references", "probes", "claims")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Run, Run]:
    """The run here, and the one on Slurm, each with its report."""
    here, there = (Run(tmp_path_factory.mktemp(name), CONFIG) for name in ("here", "there"))
    code, output = here.finish()
    assert code == 0, output
    with slurm(tmp_path_factory.mktemp("daemons") / "slurm"):
        code, output = there.finish(*ON_SLURM)
        there.jobs = jobs()
    assert code == 0, output
    return here, there


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_the_same(runs, name):
    here, there = (read_table(run.results / f"{name}.parquet") for run in runs)
    if "metric" in here:
        here, there = (table[~table.metric.isin(UNEQUAL)].reset_index(drop=True) for table in (here, there))
    assert len(here)
    columns = [column for column in here.columns if column not in UNEQUAL]
    pd.testing.assert_frame_equal(here[columns], there[columns], check_exact=True)


def test_every_cell_is_done_and_the_report_is_there(runs):
    there = runs[1]
    assert set(read_table(there.results / "cells.parquet").state) == {"done", "merged"}
    assert (there.results / "report" / "index.html").is_file()
    assert (there.results / "report" / "report.pdf").is_file()


def test_all_training_was_slurms_and_ended_well(runs):
    there = runs[1]
    plan = grid.load(there.config, thorough=False)
    training = there.jobs[there.jobs.rule.str.startswith("rule_train")]
    assert 1 <= len(training) <= len(plan.shards)
    assert set(there.jobs.state) == {"COMPLETED"}
