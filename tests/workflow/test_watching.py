"""What a run says while it goes on, from what Snakemake and its jobs print."""

import io
import re

import pytest

from bnnbench.commands import watching
from bnnbench.commands.watching import Account, Screen, Watch
from bnnbench.study import grid

LONG, SHORT = "Train a--b", "Train toy--short-1 (map, swag)"
BEGINNING = """Building DAG of jobs...
Job stats:
job        count
-------  -------
train          2
total          6

Select jobs to execute...
Execute 1 jobs...

[Tue Dec  1 04:47:44 2026]
Job 5: Data set boston
boston: of each seed 409 points to train on, 46 to validate, 51 to test
Finished jobid: 5 (Rule: dataset)
1 of 6 steps (17%) done
Job 7: Train a--b
Job 8: Train toy--short-1 (map, swag)
a--b: 10 of 10 cells to train
a--b: 10 cells, step 500 of 1000, 9 s left
toy--x--map: 3 cells, step 20 of 100, 2 s left
"""


def account(cores: int = 2) -> Account:
    expected = {LONG: 100.0, SHORT: 10.0}
    return Account(expected, {"a--b": LONG, "toy--x--map": SHORT, "toy--x--swag": SHORT}, cores)


def read(found: Account, text: str) -> list[str]:
    return [said for line in text.splitlines() if (said := found.read(line))]


def test_each_running_job_has_a_line_and_the_whole_one():
    found = account()
    assert found.whole(0.0) == "Looking for what has to be done ..."
    assert read(found, BEGINNING) == []
    assert found.jobs == [
        "Train a--b: 10 cells, step 500 of 1000, 9 s left",
        "Train toy--short-1 (map, swag): toy--x--map: 3 cells, step 20 of 100, 2 s left",
    ]
    assert found.whole(1.0).startswith("1 of 6 steps done, about ")
    read(found, "Finished jobid: 7 (Rule: train)\n2 of 6 steps (33%) done\n")
    assert len(found.jobs) == 1 and found.whole(1.0).startswith("2 of 6 steps done")


def test_what_is_left_follows_the_plan_first_and_then_the_runs_own_speed():
    found = account(cores=2)
    read(found, BEGINNING)
    # Of 114 seconds, 1 for each of four steps that train nothing, about half of a long job and some of a short one.
    done = 1 + 0.95 * 0.5 * 100 + 0.95 * 0.2 * 10
    assert found.left(10.0) == pytest.approx((114 - done) / 2)
    assert found.left(500.0) == pytest.approx((114 - done) * 500 / done)
    ended = "Finished jobid: 7 (Rule: train)\nFinished jobid: 8 (Rule: train)\n6 of 6 steps (100%) done\n"
    read(found, ended + "".join(f"Job {i}: Evaluate x\nFinished jobid: {i} (Rule: evaluate)\n" for i in range(20, 23)))
    assert found.left(500.0) == 0 and found.whole(90.0) == "6 of 6 steps done in 1 min 30 s"


def test_a_failed_job_is_told_at_once_with_the_end_of_its_log(tmp_path):
    found, log = account(), tmp_path / "job.log"
    log.write_text("\n".join(f"line {i}" for i in range(9)) + "\nboston: disk full\n", encoding="utf-8")
    read(found, BEGINNING)
    block = f"Error in rule train:\n    message: None\n    jobid: 7\n    log: {log} (check log file(s) for details)\n"
    (said,) = read(found, block + "    shell:\n        bnnbench train\n")
    assert said.startswith(f"Failed: Train a--b; its log is {log}\n") and said.endswith("boston: disk full")
    assert "line 5" not in said and "line 6" in said
    assert [job.title for job in found.running.values()] == [SHORT]
    assert "1 job failed" in found.whole(5.0)
    gone = read(found, "Error in rule train:\n    jobid: 8\n    log: nowhere.log (check log file(s) for details)\n")
    assert gone == [f"Failed: {SHORT}; its log is nowhere.log"] and found.whole(5.0).endswith("2 jobs failed in 5.0 s")


def test_cells_that_failed_are_told_and_those_that_did_not_are_not():
    found = account()
    read(found, BEGINNING)
    assert read(found, "a--b: 10 cells, 10 done, 0 failed, 2.1 s a cell\n") == []
    assert read(found, "a--b: 10 cells, 9 done, 1 failed, 2.1 s a cell\n") == [
        "a--b: 10 cells, 9 done, 1 failed, 2.1 s a cell"
    ]


class Terminal(io.StringIO):
    """What a terminal would show, for text and the two movements that are used."""

    def isatty(self):
        return True

    @property
    def shown(self) -> list[str]:
        lines = [""]
        for part in re.split(r"(\x1b\[\d+A\x1b\[J|\n)", self.getvalue()):
            if part == "\n":
                lines.append("")
            elif part.startswith("\x1b"):
                up = int(re.search(r"\d+", part)[0])
                lines = [*lines[: len(lines) - 1 - up], ""]
            else:
                lines[-1] += part
        return lines[:-1]


def test_lines_are_written_in_their_place_and_fit_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "6")
    out = Terminal()
    screen = Screen(out)
    screen.draw(["one", "whole"])
    screen.draw(["a line that is far too long for it", "whole"])
    assert out.shown == ["a line that is far…", "whole"]
    screen.draw([f"job {i}" for i in range(7)] + ["whole"])
    assert out.shown == ["job 0", "job 1", "and 5 more jobs", "whole"]
    screen.clear()
    assert out.shown == []


@pytest.fixture
def watched(monkeypatch, tmp_path):
    """A watch on a made-up run with a clock that is set by hand."""
    clock = [1000.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Account, "of_plan", classmethod(lambda cls, plan, cores: account(cores)))

    def watch(out):
        made = Watch(None, tmp_path / "logs" / "run.log", out, 2)
        with made.output() as file:
            assert file.name == str(tmp_path / "logs" / "run.log")
        return made, tmp_path / "logs" / "run.log", clock

    return watch


def test_a_log_file_has_a_line_now_and_then_and_nothing_twice(watched):
    out = io.StringIO()
    watch, log, clock = watched(out)
    with log.open("a") as file:
        file.write(BEGINNING + "a--b: 10 cells, step 9")  # half a line
    for second in range(25):
        clock[0] += 1
        watch.look()
        if second in (1, 2, 3):
            with log.open("a") as file:
                file.write(f"0{second} of 1000, 8 s left\na--b: 10 cells, step 9")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 and all("1 of 6 steps done" in line for line in lines) and "step 903 of 1000" in lines[1]
    assert "step 500 of 1000" in lines[0] and "\x1b" not in out.getvalue() and "Select jobs" not in out.getvalue()
    watch.end(went_well=True)
    assert len(out.getvalue().splitlines()) == 2  # there is nothing new


def test_a_terminal_shows_jobs_and_the_end_leaves_one_line(watched):
    out = Terminal()
    watch, log, clock = watched(out)
    log.write_text(BEGINNING, encoding="utf-8")
    clock[0] += 1
    watch.look()
    assert len(out.shown) == 3 and out.shown[-1].startswith("1 of 6 steps done, about")
    log.write_text(BEGINNING + "Finished jobid: 7 ()\nFinished jobid: 8 ()\n6 of 6 steps (100%) done\n", "utf-8")
    watch.end(went_well=True)
    (line,) = out.shown
    assert line.endswith("6 of 6 steps done in 1.0 s")


def test_a_run_that_failed_before_any_job_shows_what_it_said_last(watched):
    out = io.StringIO()
    watch, log, _ = watched(out)
    log.write_text("".join(f"line {i}\n" for i in range(40)) + "LockException: Error\n", encoding="utf-8")
    watch.end(went_well=False)
    assert out.getvalue().splitlines()[-1] == "LockException: Error" and "line 19" not in out.getvalue()
    other = io.StringIO()
    watch, log, _ = watched(other)
    log.write_text("Nothing to be done (all requested files are present and up to date).\n", encoding="utf-8")
    watch.end(went_well=True)
    assert other.getvalue() == "Nothing to be done: everything is up to date.\n"


def test_after_it_was_told_to_end_a_run_says_nothing_of_how_far_it_is(watched):
    out = Terminal()
    watch, log, clock = watched(out)
    log.write_text(BEGINNING, encoding="utf-8")
    clock[0] += 1
    watch.look()
    watch.pause()
    with log.open("a") as file:
        file.write("Error in rule train:\n    jobid: 7\n    log: nowhere.log (check log file(s) for details)\n")
    clock[0] += 60
    watch.look()
    watch.end(went_well=False)
    assert out.shown == []


def test_what_shards_there_are_already_costs_nothing(tmp_path):
    plan = grid.load({"studies": ["digits"], "seeds": [0], "results_dir": str(tmp_path)})
    whole = Account.of_plan(plan, 2)
    assert sum(whole.expected.values()) == pytest.approx(sum(map(plan.expected_seconds, plan.shards.values())))
    (tmp_path / "shards").mkdir()
    name = next(iter(plan.shards))
    (tmp_path / "shards" / f"{name}.nc").touch()
    less = sum(whole.expected.values()) - sum(Account.of_plan(plan, 2).expected.values())
    assert less == pytest.approx(plan.expected_seconds(plan.shards[name])) and less > 0
