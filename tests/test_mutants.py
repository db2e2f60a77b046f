"""The hunt for holes in the tests finds one, and sees where there is none."""

import os
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import mutants  # noqa: E402

MODULE = """
def larger(a, b):
    if a > b:
        return a + 0
    return b * 1.5
"""
NOTICES_ALL_BUT_EQUALITY = """
from bnnbench.toy import larger

def test_larger():
    assert larger(3, 2) == 3
    assert larger(2, 4) == 6
"""


@pytest.fixture
def project(tmp_path):
    """A project of one module with one test."""
    for name in ("bnnbench", "tests"):
        (tmp_path / name).mkdir()
    (tmp_path / "bnnbench" / "__init__.py").touch()
    (tmp_path / "bnnbench" / "toy.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "tests" / "test_toy.py").write_text(NOTICES_ALL_BUT_EQUALITY, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\nmarkers = ['slow']\n", encoding="utf-8")
    return tmp_path


def test_every_small_change_is_tried_and_one_that_no_test_notices_survives(project):
    found = {m.what: m for m in mutants.candidates("toy.py", ["tests/test_toy.py"], project / "bnnbench")}
    assert set(found) == {
        "line 3: a condition is turned round",
        "line 3: Gt becomes GtE",
        "line 4: Add becomes Sub",
        "line 4: 0 becomes 1",
        "line 5: Mult becomes Div",
        "line 5: 1.5 becomes 3.0",
    }
    assert "tests/test_toy.py::test_larger" in mutants.noticed_by(found["line 5: Mult becomes Div"], project)
    assert mutants.noticed_by(found["line 3: Gt becomes GtE"], project) == ""
    assert (project / "bnnbench" / "toy.py").read_text(encoding="utf-8") == MODULE


def test_samples_can_be_repeated_and_known_mutants_are_of_code_that_is_there():
    assert len(mutants.known([])) == len(mutants.KNOWN)
    first, second = (mutants.sample(20, 3, ["statistics", "gate"]) for _ in range(2))
    assert [m.what for m in first] == [m.what for m in second] and len(first) == 20
    assert {m.module for m in first} <= {"base/statistics.py", "base/gate.py"}


def noticed(project, test: str, limit: float = 60) -> str:
    """What notices a change of the project's module where this is its test."""
    (project / "tests" / "test_toy.py").write_text(test, encoding="utf-8")
    return mutants.noticed_by(mutants.Mutant("toy.py", "", "X = 1\n", ("tests/test_toy.py",)), project, limit)


def test_a_run_that_was_ended_from_outside_is_tried_again(project):
    test = """
import os, pathlib, signal

def test_once():
    if not pathlib.Path("begun").exists():
        pathlib.Path("begun").touch()
        os.kill(os.getpid(), signal.SIGTERM)
"""
    assert noticed(project, test) == ""
    assert noticed(project, test.replace(".touch()", ".exists()")) == ""  # the first run's mark is there
    (project / "begun").unlink()
    assert noticed(project, test.replace(".touch()", ".exists()")) == "a run that ended by signal 15"


def test_tests_that_cannot_be_run_notice_nothing(project):
    with pytest.raises(RuntimeError, match="ended with code 5"):
        noticed(project, "import pytest\n\n@pytest.mark.slow\ndef test_slow():\n    pass\n")
    with pytest.raises(RuntimeError, match="ended with code 4"):
        mutants.first_failure(["tests/test_gone.py"], project)


def test_a_mutant_that_hangs_is_noticed_and_leaves_no_process_behind(project):
    test = """
import pathlib, subprocess, time

def test_hangs():
    pathlib.Path("pid").write_text(str(subprocess.Popen(["sleep", "60"]).pid))
    time.sleep(60)
"""
    assert noticed(project, test, limit=4) == "no end within 4 seconds"
    pid = int((project / "pid").read_text(encoding="utf-8"))
    for _ in range(50):
        if not _runs(pid):
            return
        time.sleep(0.1)
    os.kill(pid, 9)
    raise AssertionError("what the test had started goes on")


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
