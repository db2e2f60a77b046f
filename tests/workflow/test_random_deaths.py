"""A run that is killed in every stage, at a moment drawn at random, ends with the tables of an undisturbed one.

Once in each stage; so many times as BNNBENCH_TEST_DEATHS says, such as 3, which takes minutes.
"""

import os
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from checkout import Checkout, wait_for
from small_run import NOTHING_ELSE, run

STAGES = {
    "Data set": "data/*",
    "Train": "shards/*",
    "Evaluate": "metrics/*",
    "Probe": "probes/*",
    "Gather the tables": "*.parquet",
    "Notebook of study": "notebooks/*",
    "Report": "report/index.html",
}
"""How the message of a stage's jobs begins, and what they write."""
LONGEST = {"Train": 4.0, "Notebook of study": 4.0, "Report": 3.0}
"""Seconds from a job's message within which the death comes, where they are not one."""
TIMES = int(os.environ.get("BNNBENCH_TEST_DEATHS", "1"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]


def config_of(folder: Path) -> dict:
    """One regression with a probe, so that there is a job of every kind."""
    study = {
        "datasets": dict.fromkeys(("blundell", "three_intervals", "wiggle", "matern", "depeweg", "cubic"))
        | {"foong": {"n_test": 100}},
        "likelihoods": ["gaussian"], "models": ["normal-1"], "draws": 10,
        "probes": {"regions": {"settings": {"points": 10, "draws": 10}}},
        "inference": NOTHING_ELSE | {"map": {"settings": {"steps": 3000}}},
    }  # fmt: skip
    return {
        "studies": ["regression"], "seeds": [0], "device": "cpu", "compile": "off", "results_dir": str(folder),
        "overrides": {"regression": study},
    }  # fmt: skip


def begun(checkout: Checkout, stage: str) -> bool:
    """Whether the run has started a job of this stage."""
    log = checkout.results / "logs" / "run.log"
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return re.search(rf"^Job \d+: {stage}", text, re.M) is not None


def kill_all(checkout: Checkout) -> None:
    """Everything at once, so that nothing has time to put things in order."""
    for pid in checkout.processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # with another that was killed
            continue


def test_tables_are_the_same_after_deaths_in_every_stage(tmp_path):
    checkout, rng = Checkout(tmp_path, config_of), np.random.default_rng(0)
    deaths = 0
    for stage, written in [item for item in STAGES.items() for _ in range(TIMES)]:
        for path in checkout.results.glob(written):  # what earlier runs came to: so that the stage comes again
            path.unlink() if path.is_file() else shutil.rmtree(path)
        (checkout.results / "logs" / "run.log").unlink(missing_ok=True)
        make = checkout.start()
        wait_for(lambda make=make, stage=stage: begun(checkout, stage) or make.poll() is not None, f"no {stage}")
        time.sleep(rng.uniform(0, LONGEST.get(stage, 1.0)))
        deaths += make.poll() is None
        kill_all(checkout)
        wait_for(lambda: not checkout.processes(), "something lives on", 20)
        make.wait(timeout=20)
        assert "Traceback" not in checkout.output, checkout.output
    assert deaths >= 0.7 * TIMES * len(STAGES)  # the others had ended before
    assert checkout.start().wait(timeout=600) == 0, checkout.output
    assert (checkout.results / "report" / "index.html").is_file() and (checkout.results / "checked").is_file()
    assert not [path for path in checkout.results.rglob(".*") if "partial" in path.name or "tmp" in path.name]
    expected = run(config_of(tmp_path / "undisturbed"))
    for name in ("metrics", "tuned", "probes", "claims", "references"):
        found, right = (pd.read_parquet(f / f"{name}.parquet") for f in (checkout.results, expected.results))
        pd.testing.assert_frame_equal(found, right)
