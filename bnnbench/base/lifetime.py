"""No process of a run outlives it, and no two runs share a folder: both by locks that end with whoever holds them.

The operating system gives up a lock when its holder ends, however it ends, so a lock that was left behind can be told
from one that is held without a process id, which may be another's by then. In `.snakemake/bnnbench` are

- `run.lock`, held by the run that `make report` started: there is one a folder;
- `alive-<random>`, held by the same run: whatever belongs to it looks every second whether it still is;
- `jobs.lock`, shared by everything that may write results: the next run starts when nobody has it.
"""

import fcntl
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "BNNBENCH_RUN"
"""The environment variable that names the run's `alive` file to its jobs; those of a bare `snakemake` have none."""

LOOKED_EVERY, GRACE = 1.0, 5.0
"""Seconds between looks at the run; and those that a process has to end in order, before it is ended at once."""

_held = []
"""Files that stay locked for as long as this process lives."""


class Busy(Exception):
    """The folder is another run's; the message says whose and what to do."""


@contextmanager
def claimed(
    folder: Path, about: str, patience: float = 60.0, say: Callable[[str], None] = print
) -> Iterator[Path | None]:
    """Hold `folder` (`.snakemake`) for a run, and yield the file for `VARIABLE`; None on a file system without locks.

    about: what another run is told of this one
    patience: seconds to wait for jobs of an earlier run, which end by themselves within a few
    Snakemake's own lock is removed where a killed run left it: nobody lives who could hold it.
    Raises Busy where a run is going on.
    """
    place = folder / "bnnbench"
    place.mkdir(parents=True, exist_ok=True)
    with _opened(place / "run.lock") as claim:
        free = _lock_if_any(claim)
        if free is None:
            yield None
            return
        if not free:
            other = os.pread(claim, 1000, 0).decode(errors="replace") or "another make report"
            raise Busy(f"A run is going on in this folder: {other}. Let it end, or end it there with Ctrl-C.")
        os.ftruncate(claim, 0)
        os.pwrite(claim, about.encode(), 0)
        with _opened(place / "jobs.lock") as jobs:
            _wait_for(jobs, patience, say)
            _remove_locks(folder / "locks")
            for left in place.glob("alive-*"):
                left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix="alive-", dir=place)
        try:
            _lock(handle, fcntl.LOCK_EX)
            yield Path(name).absolute()
        finally:
            Path(name).unlink(missing_ok=True)
            os.close(handle)
            os.ftruncate(claim, 0)


def share(folder: Path) -> None:
    """Keep the next run waiting for as long as this process lives."""
    place = folder / "bnnbench"
    place.mkdir(parents=True, exist_ok=True)
    handle = os.open(place / "jobs.lock", os.O_RDWR | os.O_CREAT, 0o666)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_SH)
    _held.append(handle)


def end_with_run() -> None:
    """End this process when the run that it belongs to has ended; nothing where it belongs to none."""
    name = os.environ.get(VARIABLE)
    if not name:
        return
    try:
        handle = os.open(name, os.O_RDONLY)
    except FileNotFoundError:
        raise SystemExit(128 + signal.SIGTERM) from None
    share(Path(name).parents[1])
    if _lock(handle, fcntl.LOCK_SH):
        raise SystemExit(128 + signal.SIGTERM)
    threading.Thread(target=_watch, args=[handle], name="end with the run", daemon=True).start()


def end_when_told() -> None:
    """Make Ctrl-C, SIGTERM and SIGHUP end this process in order, whoever catches KeyboardInterrupt, with 128 + signal.

    Call it in the main thread. A signal that is ignored, as by nohup, stays so.
    """
    for number in _endings():
        signal.signal(number, _leave)


def end_group_when_told() -> None:
    """Make SIGTERM of a run's Snakemake, which leads its process group, do what Ctrl-C does: end its jobs, then itself.

    By itself it would wait for its jobs, which may take hours.
    """
    if os.environ.get(VARIABLE) and os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, lambda number, frame: os.killpg(0, signal.SIGINT))


def _endings() -> list[signal.Signals]:
    known = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]


def _leave(number, frame):
    for other in _endings():  # what tidies up now is not to be disturbed
        signal.signal(other, signal.SIG_IGN)
    # The exception may be swallowed by what runs just now, such as a finaliser.
    end = threading.Timer(GRACE, os._exit, [128 + number])
    end.daemon = True
    end.start()
    raise SystemExit(128 + number)


def _watch(handle: int) -> None:
    while not _lock(handle, fcntl.LOCK_SH):
        time.sleep(LOOKED_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    if os.getpgrp() == os.getpid():  # Snakemake: what it started goes with it
        os.killpg(0, signal.SIGKILL)
    os._exit(128 + signal.SIGTERM)


def _wait_for(jobs: int, patience: float, say: Callable[[str], None]) -> None:
    started, said = time.monotonic(), False
    while not _lock(jobs, fcntl.LOCK_EX):
        waited = time.monotonic() - started
        if waited > patience:
            raise Busy(
                "A run is going on in this folder, though not by make report: a snakemake command, or a job of a run "
                "that was killed. Let it end, or end it, then ask again."
            )
        if waited > 2 and not said:
            said = True
            say("Waiting for another snakemake in this folder, or for jobs of a run that was killed, to end ...")
        time.sleep(0.2)


def _remove_locks(folder: Path) -> None:
    for lock in folder.glob("*.lock") if folder.is_dir() else ():
        lock.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)


def _lock_if_any(handle: int) -> bool | None:
    """As `_lock`, for oneself alone; None where the file system has no locks."""
    try:
        return _lock(handle, fcntl.LOCK_EX)
    except OSError:
        return None


def _lock(handle: int, kind: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
