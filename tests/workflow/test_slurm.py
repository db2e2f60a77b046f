"""A real Slurm of this machine alone: the same tables as without it, and killed jobs go on when tried again."""

import os
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from slurm_here import obstacle, slurm
from small_run import NOTHING_ELSE, run
from test_workflow import ROOT, Run

from bnnbench.files.shards import ShardFile
from bnnbench.files.tables import read_table
from bnnbench.study import grid, requests

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.skipif(bool(obstacle()), reason=obstacle())]

TABLES = ("metrics", "cells", "tuned", "references")
PLANE = "toy--plane-n_test-500--mlp-5-5"
UNEQUAL = {"seconds", "fit_seconds", "git_commit"}
CONFIG = {
    "studies": ["toy"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "toy": {
            "datasets": {"moons": {"noise": [0.4], "n_test": 500}, "circles": None},
            "models": ["normal-0.3", "normal-1", "flat"],
            "inference": NOTHING_ELSE | {
                "map": {"settings": {"steps": 100}},
                "mean_field": {"settings": {"steps": 150}, "recipes": None},
                "sgld": {"settings": {"steps": 3000, "chains": 2, "keep": 20}, "draws": 20},
                "hmc": {
                    "settings": {"chains": 4, "tune": 30, "samples": 40, "leapfrogs": 16, "rounds": 1, "keep": 40},
                    "draws": 40, "only": {"dataset": ["moons-0.4"], "model": ["normal-1"], "seed": [0]},
                },
            },
            "draws": 20,
        },
    },
}  # fmt: skip
ON_SLURM = (
    "--profile", str(ROOT / "profiles" / "slurm"),
    "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
)  # fmt: skip


def targets(run: Run) -> list[str]:
    return ["--", str(run.results / "metrics.parquet")]


def jobs() -> pd.DataFrame:
    """Slurm's jobs so far: their rules, memory (MB), minutes and exit states."""
    command = ["squeue", "-h", "-t", "all", "-S", "i", "-o", "%i|%k|%m|%l|%T"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return pd.DataFrame([line.split("|") for line in lines], columns=["id", "rule", "memory", "time", "state"])


def stored(path) -> dict[str, float]:
    """When its cells took how long, by id: a cell that is trained again has another time."""
    return {row["id"]: row["seconds"] for row in ShardFile.read(path, []).rows}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Path, Run]:
    """Results made here, without the workflow, and a run on Slurm, whose job of several shards was cancelled once."""
    here = tmp_path_factory.mktemp("here") / "results"
    run(CONFIG | {"results_dir": str(here)})
    remote = Run(tmp_path_factory.mktemp("remote"), CONFIG)
    with slurm(tmp_path_factory.mktemp("daemons") / "slurm"):
        process = remote.start(*ON_SLURM, *targets(remote))
        try:
            remote.before = _cancel_in_the_middle(remote, process)
            remote.output, _ = process.communicate(timeout=500)
            remote.jobs = jobs()
        finally:
            process.kill()
    assert process.returncode == 0, remote.output
    return here, remote


def _cancel_in_the_middle(run: Run, process: subprocess.Popen) -> dict[str, float]:
    kept = run.results / "shards" / f".{PLANE}--map.unfinished.nc"
    deadline = time.monotonic() + 400
    while not kept.is_file():
        assert process.poll() is None and time.monotonic() < deadline, jobs()
        time.sleep(0.2)
    found, training = stored(kept), jobs().query("rule == 'rule_train_toy--short-1'")
    subprocess.run(["scancel", *training.id], check=True)
    return found


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_a_run_without_slurm(runs, name):
    here, there = (read_table(results / f"{name}.parquet") for results in (runs[0], runs[1].results))
    if "metric" in here:
        here, there = (table[~table.metric.isin(UNEQUAL)].reset_index(drop=True) for table in (here, there))
    assert len(here)
    columns = [column for column in here.columns if column not in UNEQUAL]
    pd.testing.assert_frame_equal(here[columns], there[columns], check_exact=True)


def test_every_step_was_a_job_and_short_shards_shared_one(runs):
    names = runs[1].jobs.rule
    assert sum(names.str.startswith("rule_train_toy")) == 2  # map, mean field and SGLD, which was cancelled once
    assert {
        "rule_gather",
        "rule_evaluate_toy--short-1",
        "rule_train_first_wildcards_toy--plane-n_test-500--mlp-5-5--hmc",
    } <= {*names}


def test_a_job_that_was_ended_is_sent_again_asks_for_more_and_goes_on(runs):
    remote = runs[1]
    first, second = remote.jobs.query("rule == 'rule_train_toy--short-1'").itertuples()
    assert (first.state, second.state) == ("CANCELLED", "COMPLETED")
    asked = [pd.Timedelta(job.time.replace("-", " days ")).total_seconds() / 60 for job in (first, second)]
    plan = grid.load(remote.config, thorough=False)
    shards = [name for name, shard in plan.shards.items() if shard.study == "toy" and shard.inference != "hmc"]
    assert asked == [requests.minutes(plan, shards, attempt) for attempt in (1, 2)]
    assert [job.memory for job in (first, second)] == [
        f"{requests.megabytes(plan, shards, attempt)}M" for attempt in (1, 2)
    ]
    after = stored(remote.results / "shards" / f"{PLANE}--map.nc")
    assert remote.before and remote.before.items() <= after.items()  # not trained again


def test_nothing_is_left_of_it(runs):
    assert not os.path.exists("/etc/slurm/slurm.conf")
    assert not obstacle()  # no daemon runs
