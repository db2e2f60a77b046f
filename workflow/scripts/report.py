"""report.py CONFIG [snakemake options]: say what will be done, do it, and say where the report is.

Snakemake runs in a process group of its own, and nothing of a run outlives this process or Snakemake: see
bnnbench/base/lifetime.py.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from bnnbench import cli
from bnnbench.base import lifetime
from bnnbench.commands import watching
from bnnbench.files import writing
from bnnbench.study import grid

IN_ORDER, AT_ONCE = 10.0, 5.0
"""Seconds that a run has to end in order after Ctrl-C, and those that what is left of it then has."""

CUDA = "import torch; raise SystemExit(not torch.cuda.is_available())"


def main(config: str, options: list[str]) -> int:
    """Exit code of the run: 0 where everything went well, 128 + its number where a signal ended it."""
    about = f"process {os.getpid()}, make report CONFIG={config}"
    try:
        with lifetime.claimed(Path(".snakemake"), about, say=say) as alive:
            if code := cli.main(["plan", "--config", config, "--summary"]):
                return code
            plan = grid.load(config, thorough=False)
            results = plan.results
            writing.remove_leftovers(results)
            started = time.time()
            # Who gives Snakemake options, such as for a dry run, wants to see what it says.
            log = None if options else results / "logs" / "run.log"
            watch = watching.Watch(plan, log, sys.stdout) if log else watching.Unwatched()
            status = supervise(snakemake(config, options), alive, watch)
    except lifetime.Busy as busy:
        say(str(busy))
        return 2
    except OSError as error:
        say(f"{error.filename}: {error.strerror}: make room or give permission there, or name another results_dir")
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    conclude(config, results, status, started)
    return status


def snakemake(config: str, options: list[str]) -> list[str]:
    """The command: on the GPU too where there is one. Options may be targets, which --configfile would swallow."""
    profile = []
    if shutil.which("nvidia-smi"):
        asked = subprocess.run([sys.executable, "-c", CUDA], stderr=subprocess.DEVNULL)
        profile = [] if asked.returncode else ["--profile", "profiles/gpu"]
    return [sys.executable, "-m", "snakemake", "--configfile", config, *profile, "--cores", "all", *options]


def supervise(command: list[str], alive: Path | None, watch: watching.Watch | watching.Unwatched) -> int:
    """Run a command whose process group ends with it, and when this process is told to end; its exit code.

    Its processes end by themselves when the lock on `alive` is given up. `watch` says how far they are.
    """
    told: list[int] = []
    # Of a signal that is ignored only SIGINT gets a handler: what is started inherits that it is ignored, and could
    # not be told to end. A shell's background jobs ignore it.
    background = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, lambda number, frame: background or told.append(number))
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: told.append(number))
    parent = os.getppid() if "MAKELEVEL" in os.environ else None  # make that is killed tells nobody
    terminal = None if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else Terminal()
    environment = os.environ | ({lifetime.VARIABLE: str(alive)} if alive else {})
    with watch.output() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0, env=environment
        )
    signal.signal(signal.SIGTSTP, lambda number, frame: _suspend(process.pid))
    first = None
    while process.poll() is None:
        watch.look()
        if not told and parent not in (None, os.getppid()):
            told.append(signal.SIGTERM)
        if not told and terminal and terminal.closed():
            told.append(signal.SIGHUP)
        if told and first is None:
            first = time.monotonic()
            watch.pause()
            say("\nEnding the run (once more: at once) ...")
            _tell(process.pid, signal.SIGINT)
            told_before = len(told)
        elif first is not None:
            now = time.monotonic()
            if now - first < 1:  # make passes SIGTERM on: the same signal may come twice
                told_before = len(told)
            if now - first > IN_ORDER or len(told) > told_before:
                _tell(process.pid, signal.SIGKILL)
        time.sleep(0.1)
    _end_group(process.pid)
    watch.end(process.returncode == 0)
    if told:
        return 128 + told[0]
    if process.returncode < 0:
        what = f"Snakemake was ended from outside by signal {-process.returncode}"
        say(f"\n{what}" + (", as the system does where memory runs out." if process.returncode == -9 else "."))
        return 128 - process.returncode
    return process.returncode


class Terminal:
    """The terminal, if any, that this run has in its foreground.

    Where it is closed, the system tells only the first process in it: a shell, which tells us, or make, which does not.
    """

    def __init__(self):
        self._foreground, self._poll = False, select.poll()
        try:
            self._handle = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            self._poll.register(self._handle, 0)
        except OSError:
            self._handle = None

    def closed(self) -> bool:
        """Whether it has been closed while we were in its foreground; ask often."""
        if self._handle is None:
            return False
        try:
            if not self._poll.poll(0):
                self._foreground = os.tcgetpgrp(self._handle) == os.getpgrp()
                return False
        except OSError:
            pass
        return self._foreground


def _tell(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _end_group(group: int) -> None:
    """End what Snakemake has left, where it was killed itself."""
    _tell(group, signal.SIGTERM)
    deadline = time.monotonic() + AT_ONCE
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.1)
        os.killpg(group, signal.SIGKILL)


def _suspend(group: int) -> None:
    """Ctrl-Z stops all of the run, until it is taken up again."""
    _tell(group, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    _tell(group, signal.SIGCONT)


def conclude(config: str, results: Path, status: int, started: float) -> None:
    """Say what can be done about a run that did not end well, and where the report is."""
    if status:
        say(
            f"\nThe run did not end well: what failed is said above and in {results}/logs. Run the same again to go on."
        )
        say("A failed cell stays failed until its settings or its source change, or until "
            f".venv/bin/bnnbench retry --config {config}")  # fmt: skip
    for path in (results / "report" / "index.html", results / "report" / "report.pdf"):
        if path.is_file():
            of_this_run = not status or path.stat().st_mtime >= started
            say(f"Report: {path}" if of_this_run else f"Report of an earlier run: {path}")


def say(text: str) -> None:
    """To the terminal, which may be gone."""
    with suppress(OSError):
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
