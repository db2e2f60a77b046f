"""Locks tell a run that lives from one that is gone; processes end with their run, and in order when told to."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bnnbench.base import lifetime

JOB = "from bnnbench.base import lifetime; lifetime.end_when_told(); lifetime.end_with_run()"


def as_in_a_terminal() -> None:
    """Signals as a command line has them: a shell's background jobs are deaf to Ctrl-C, those of nohup to SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture
def started():
    """Start a Python process of this code, and wait until it prints a line; it is killed in the end."""
    processes = []

    def start(code: str, **variables: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-uc", code], stdout=subprocess.PIPE, text=True, env=os.environ | variables,
            preexec_fn=as_in_a_terminal,
        )  # fmt: skip
        processes.append(process)
        process.line = process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def holder(folder: Path) -> str:
    return (
        f"import time; from pathlib import Path; from bnnbench.base import lifetime\n"
        f"with lifetime.claimed(Path({str(folder)!r}), 'process 123, CONFIG=first.yaml') as alive:\n"
        f"    print(alive); time.sleep(100)"
    )


def test_a_living_run_keeps_its_folder_and_a_killed_one_does_not(tmp_path, started):
    first = started(holder(tmp_path))
    with pytest.raises(lifetime.Busy, match="first"), lifetime.claimed(tmp_path, "second"):
        pass
    first.kill()
    first.wait()
    with lifetime.claimed(tmp_path, "second"):
        pass


def test_snakemakes_lock_goes_where_its_holder_was_killed(tmp_path):
    lock = tmp_path / "locks" / "0.output.lock"
    lock.parent.mkdir()
    lock.touch()
    (tmp_path / "report.pid").write_text(str(os.getpid()))  # of a process that lives, and is another by now
    with lifetime.claimed(tmp_path, "second"):
        assert not lock.exists()


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refused(handle, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lifetime.fcntl, "flock", refused)
    with lifetime.claimed(tmp_path, "") as alive:
        assert alive is None
        lifetime.share(tmp_path)


def test_what_shares_the_folder_keeps_the_next_run_waiting(tmp_path, started):
    code = "import pathlib, time; from bnnbench.base import lifetime; "
    code += f"lifetime.share(pathlib.Path({str(tmp_path)!r}))"
    other = started(f"{code}; print(1); time.sleep(100)")
    lock = tmp_path / "locks" / "0.output.lock"
    lock.parent.mkdir()
    lock.touch()
    with pytest.raises(lifetime.Busy, match="not by make report"), lifetime.claimed(tmp_path, "", patience=0.5):
        pass
    assert lock.exists()
    other.kill()
    with lifetime.claimed(tmp_path, "second"):
        pass


def test_a_job_ends_with_its_run_though_the_next_holds_the_folder(tmp_path, started):
    run = started(holder(tmp_path))
    job = started(f"{JOB}; import time; print(1); time.sleep(100)", **{lifetime.VARIABLE: run.line.strip()})
    time.sleep(2 * lifetime.LOOKED_EVERY)
    assert job.poll() is None
    run.kill()
    run.wait()
    with lifetime.claimed(tmp_path, "next"):  # waits for the job
        assert job.wait(timeout=5) == 128 + signal.SIGTERM


def test_a_job_that_starts_after_its_run_is_gone_ends(tmp_path, started):
    job = started(f"{JOB}; print(1)", **{lifetime.VARIABLE: str(tmp_path / "bnnbench" / "alive-gone")})
    assert job.wait(timeout=60) == 128 + signal.SIGTERM and not job.line


SWALLOWED = """
import time
try:
    print(1)
    while True:
        try:
            time.sleep(100)
        except KeyboardInterrupt:
            pass
finally:
    print("tidied up")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_job_in_order_whoever_swallows_keyboard_interrupt(started, number):
    job = started(f"{JOB}{SWALLOWED}")
    job.send_signal(number)
    assert job.wait(timeout=10) == 128 + number
    assert job.stdout.read() == "tidied up\n"


def test_a_signal_that_is_ignored_stays_so(started):
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    job = started(f"{ignored}; {JOB}{SWALLOWED}")
    job.send_signal(signal.SIGHUP)
    job.send_signal(signal.SIGTERM)
    assert job.wait(timeout=10) == 128 + signal.SIGTERM
