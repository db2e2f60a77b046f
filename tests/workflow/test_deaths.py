"""However a run dies, nothing of it goes on, the next one starts without help, and its tables are the same.

Each death comes while a training job runs, in one folder that all share; in the end the run is let finish.
"""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_run import NOTHING_ELSE, run

ROOT = Path(__file__).parents[2]
PARTS = ("Makefile", "Snakefile", "config", "notebooks", "profiles", "reports", "workflow")
MARK = "BNNBENCH_TEST_OF_DEATHS"
SUPERVISOR, SNAKEMAKE, JOB = "scripts/report.py", "-m snakemake", "bnnbench train"
PATIENCE = 120
"""Seconds to wait for what takes a few on an idle machine."""

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


def as_in_a_terminal() -> None:
    """Signals as a command line has them: a shell's background jobs are deaf to Ctrl-C, those of nohup to SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Checkout:
    """A folder with the checkout's files, so that `make report` works there and not in this one."""

    def __init__(self, folder: Path):
        self.folder, self.results, self.number = folder, folder / "results", 0
        for name in PARTS:
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv").symlink_to(sys.prefix)
        self.config = folder / "run.yaml"
        self.config.write_text(yaml.safe_dump(config_of(self.results)), encoding="utf-8")
        self.log = folder / "output"

    def start(self, config: Path | None = None, *targets: str) -> subprocess.Popen:
        """make report, or where there are targets the script that it calls; the output is in `output`."""
        self.number += 1
        self.log = self.folder / f"output-{self.number}"
        config = str(config or self.config)
        command = ["make", "-o", "env", "report", f"CONFIG={config}"]
        if targets:
            command = ["workflow/scripts/report.sh", config, *targets]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | {MARK: str(self.folder)}
        self.terminal, self._slave = pty.openpty()
        with self.log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, env=environment,
                stdin=self._slave, start_new_session=True, preexec_fn=self._set_up,
            )  # fmt: skip
        os.close(self._slave)
        return process

    def _set_up(self) -> None:
        """In the new process: a terminal of its own, and ears for Ctrl-C, which a shell's background jobs have not."""
        as_in_a_terminal()
        fcntl.ioctl(self._slave, termios.TIOCSCTTY, 0)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def training(self, *, since: float) -> bool:
        logs = [log for log in self.results.glob("logs/train/*.log") if log.stat().st_mtime >= since]
        return any("cells to train" in log.read_text(encoding="utf-8") for log in logs)

    def processes(self) -> dict[int, str]:
        """Command lines of everything that `start` has started and that lives."""
        found, mark = {}, f"{MARK}={self.folder}".encode()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_text(encoding="utf-8").replace("\0", " ")
            except OSError:  # it has ended, or is another user's
                continue
        return found

    def pid(self, part: str) -> int:
        """The process whose command line has this in it; where its shell has it too, the last to start."""
        return max(pid for pid, command in self.processes().items() if part in command)


def wait_for(condition, what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found, what


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("deaths"))


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
