"""However a run dies, nothing of it goes on, the next one starts without help, and its tables are the same.

Each death comes while a training job runs, in one folder that all share; in the end the run is let finish.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkout import PATIENCE, Checkout, wait_for
from small_run import NOTHING_ELSE, run

SUPERVISOR, SNAKEMAKE, JOB = "scripts/report.py", "-m snakemake", "bnnbench train"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc"),
]


def config_of(folder: Path) -> dict:
    moons = {"moons": {"noise": [0.4], "n_test": 1000}, "circles": None}
    inference = NOTHING_ELSE | {"map": {"settings": {"steps": 3000}}}
    toy = {"datasets": moons, "models": ["normal-1"], "inference": inference, "draws": 20}
    return {
        "studies": ["toy"], "seeds": [0], "device": "cpu", "compile": "off", "results_dir": str(folder),
        "overrides": {"toy": toy},
    }  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("deaths"), config_of)


def begun(checkout: Checkout) -> subprocess.Popen:
    """make report, once a training job is at work."""
    since = time.time() - 0.1
    make = checkout.start()
    wait_for(lambda: checkout.training(since=since) or make.poll() is not None, "no job began")
    assert make.poll() is None, checkout.output
    return make


def ctrl_c(make, checkout):
    """After another make report has been refused, and has left this one alone."""
    first, other = checkout.log, checkout.folder / "other.yaml"
    other.write_text(yaml.safe_dump(config_of(checkout.folder / "other")), encoding="utf-8")
    assert checkout.start(other).wait(timeout=PATIENCE) == 2
    assert "A run is going on in this folder" in checkout.output and "run.yaml" in checkout.output
    checkout.log = first
    assert make.poll() is None and checkout.pid(JOB)
    os.killpg(make.pid, signal.SIGINT)


def ctrl_c_twice(make, checkout):
    os.killpg(make.pid, signal.SIGINT)
    time.sleep(1.2)
    if make.poll() is None:
        os.killpg(make.pid, signal.SIGINT)


def closed_terminal(make, checkout):
    """make is the first process in it, as under ssh or tmux, and the system tells only that."""
    os.close(checkout.terminal)


def to_group(number):
    return lambda make, checkout: os.killpg(make.pid, number)


def to_process(part, number):
    return lambda make, checkout: os.kill(checkout.pid(part), number)


def to_make(number):
    return lambda make, checkout: os.kill(make.pid, number)


DEATHS = {
    "Ctrl-C": ctrl_c,
    "Ctrl-C twice": ctrl_c_twice,
    "the terminal is closed": closed_terminal,
    "SIGHUP to the group": to_group(signal.SIGHUP),
    "SIGTERM to make": to_make(signal.SIGTERM),
    "SIGKILL to make": to_make(signal.SIGKILL),
    "SIGKILL to the supervisor": to_process(SUPERVISOR, signal.SIGKILL),
    "SIGTERM to Snakemake": to_process(SNAKEMAKE, signal.SIGTERM),
    "SIGKILL to Snakemake": to_process(SNAKEMAKE, signal.SIGKILL),
    "SIGKILL to the group": to_group(signal.SIGKILL),
}


@pytest.mark.parametrize("death", DEATHS)
def test_nothing_goes_on_and_the_next_run_starts(checkout, death):
    make = begun(checkout)
    DEATHS[death](make, checkout)
    wait_for(lambda: not checkout.processes(), f"after 15 s: {checkout.processes()}", 15)
    assert make.wait(timeout=15) != 0
    assert "Traceback" not in checkout.output
    assert not [cell for cell in checkout.results.glob("shards/[!.]*.nc")]  # nothing stored as done, or as failed


def test_the_tables_are_those_of_a_run_without_deaths(checkout, tmp_path):
    left = checkout.results / "shards" / ".cells-abcdefgh.partial.nc"
    left.parent.mkdir(exist_ok=True)
    left.write_text("what a killed process was writing", encoding="utf-8")
    tables = [str(checkout.results / f"{name}.parquet") for name in ("claims", "probes")]
    assert checkout.start(None, *tables).wait(timeout=600) == 0, checkout.output
    assert not left.exists()
    assert not [path for path in checkout.results.rglob(".*") if "partial" in path.name or "tmp" in path.name]
    expected = run(config_of(tmp_path / "results"))
    for name in ("metrics", "tuned", "probes", "claims", "references"):
        found, right = (pd.read_parquet(f / f"{name}.parquet") for f in (checkout.results, expected.results))
        pd.testing.assert_frame_equal(found, right)
