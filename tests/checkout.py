"""A folder in which `make report` works as in a checkout, and what lives of it."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PARTS = ("Makefile", "Snakefile", "config", "notebooks", "profiles", "reports", "workflow")
MARK = "BNNBENCH_TEST_OF_DEATHS"
PATIENCE = 120
"""Seconds to wait for what takes a few on an idle machine."""


def as_in_a_terminal() -> None:
    """Signals as a command line has them: a shell's background jobs are deaf to Ctrl-C, those of nohup to SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Checkout:
    """A folder with the checkout's files, so that `make report` works there and not in this one."""

    def __init__(self, folder: Path, config_of):
        """config_of: function of the results folder giving a run config."""
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
        """What the last run told the terminal, and what it kept for its log."""
        files = [self.log, self.results / "logs" / "run.log"]
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file())

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
