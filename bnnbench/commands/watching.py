"""What `make report` says while it runs: a line for each running job and one for the whole.

All that Snakemake and its jobs print goes to a file, `logs/run.log` in the results folder. Here it is read as it grows.
In a terminal the lines stay in their place; a log file gets one now and then.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TextIO

from bnnbench.study.batches import batches, in_words
from bnnbench.study.grid import Plan
from bnnbench.words.prose import count, duration

STARTED = re.compile(r"Job (\d+): (.+)")
FINISHED = re.compile(r"Finished jobid: (\d+)")
TOTAL = re.compile(r"total +(\d+)")
STEPS = re.compile(r"(\d+) of (\d+) steps \(")
FAILED = re.compile(r"Error in rule (\S+):")
OF_FAILED = re.compile(r"    (jobid|log): (\S+)")
OF_JOB = re.compile(r"(\S+): (.+)")
AT_STEP = re.compile(r"step (\d+) of (\d+)")
CELLS_FAILED = re.compile(r", [1-9]\d* failed")

OTHER_STEP = 1.0
"""Seconds that a step takes which trains nothing, about."""
MOST_OF_JOB = 0.95
"""A job of several stacks begins anew at step 0 with each: no more than this of it is taken for done before it ends."""
LEARNT, LEARNT_SHARE = 30.0, 0.03
"""After so many seconds, and so much of its work, a run's own speed tells what is left; before, planned costs do."""
BETWEEN_LINES = 10.0
"""Seconds between lines about the whole where there is no terminal."""
BETWEEN_LOOKS = 0.5
"""Seconds between looks at the output."""
LAST_LINES, LAST_OF_RUN = 4, 20
"""So many lines of a failed job's log are shown, and of a run's in which none failed."""


@dataclass
class Job:
    """A job that runs: what it does, by its message, what it said last and the share of it that is done."""

    title: str
    said: str = ""
    done: float = 0.0


class Account:
    """What a run's output tells so far. `expected` maps messages of training jobs to their planned seconds."""

    def __init__(self, expected: dict[str, float], names: dict[str, str], cores: int):
        self.expected, self._job_of, self._cores = expected, names, cores
        self.running: dict[str, Job] = {}
        self.steps = self.total = self.n_failed = 0
        self._finished, self._failure = 0.0, None

    @classmethod
    def of_plan(cls, plan: Plan, cores: int) -> "Account":
        """Of a run of this plan; shards whose files are there already cost nothing."""
        expected, names = {}, {}
        for name, shards in batches(plan).items():
            title, files = f"Train {in_words(name, shards)}", plan.results / "shards"
            todo = [plan.shards[shard] for shard in shards if not (files / f"{shard}.nc").exists()]
            expected[title] = sum(map(plan.expected_seconds, todo))
            names |= dict.fromkeys(shards, title)
        return cls(expected, names, cores)

    def read(self, line: str) -> str | None:
        """Take notice of a line; returns what is to be said at once, such as that a job failed."""
        if self._failure is not None and (found := OF_FAILED.match(line)):
            self._failure[found[1]] = found[2]
            return self._told() if found[1] == "log" else None
        if found := FAILED.match(line):
            self._failure = {"rule": found[1]}
        elif found := STARTED.match(line):
            self.running[found[1]] = Job(found[2])
        elif found := FINISHED.match(line):
            if job := self.running.pop(found[1], None):
                self._finished += self._work(job)
        elif found := STEPS.match(line):
            self.steps, self.total = int(found[1]), int(found[2])
        elif found := TOTAL.fullmatch(line):
            self.total = int(found[1])
        elif found := OF_JOB.fullmatch(line):
            return self._heard(found[1], found[2])
        return None

    def _told(self) -> str:
        """That a job failed, with the end of its log."""
        failure, self._failure = self._failure, None
        job = self.running.pop(failure.get("jobid", ""), Job(failure["rule"]))
        self.n_failed += 1
        log = Path(failure["log"])
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
        return "\n".join([f"Failed: {job.title}; its log is {log}", *(f"  {text}" for text in lines[-LAST_LINES:])])

    def _heard(self, name: str, text: str) -> str | None:
        """What a job says of a shard."""
        title = self._job_of.get(name)
        for job in self.running.values():
            if job.title == title:
                job.said = text if title.startswith(f"Train {name}") else f"{name}: {text}"
                if found := AT_STEP.search(text):
                    job.done = MOST_OF_JOB * int(found[1]) / int(found[2])
        return f"{name}: {text}" if CELLS_FAILED.search(text) else None

    def _work(self, job: Job) -> float:
        return self.expected.get(job.title, OTHER_STEP)

    @property
    def jobs(self) -> list[str]:
        """A line for each running job."""
        return [f"{job.title}: {job.said}" if job.said else job.title for job in self.running.values()]

    def left(self, elapsed: float) -> float:
        """Seconds that the run will still take, about, after so many."""
        done = self._finished + sum(job.done * self._work(job) for job in self.running.values())
        others = max(0, self.total - sum(seconds > 0 for seconds in self.expected.values()))
        whole = max(sum(self.expected.values()) + OTHER_STEP * others, done)
        if elapsed > LEARNT and done > LEARNT_SHARE * whole:
            return (whole - done) * elapsed / done
        return (whole - done) / self._cores

    def whole(self, elapsed: float) -> str:
        """A line about the whole run."""
        if not self.total:
            return "Looking for what has to be done ..."
        failed = f", {count(self.n_failed, 'job')} failed" if self.n_failed else ""
        so_far = f"{self.steps:,} of {count(self.total, 'step')} done{failed}"
        if not self.running and (self.steps == self.total or self.n_failed):
            return f"{so_far} in {duration(elapsed)}"
        return f"{so_far}, about {duration(self.left(elapsed))} left"


class Screen:
    """Lines at the end of a terminal that are written anew in their place. The terminal may go away."""

    def __init__(self, out: TextIO):
        self._out, self._shown = out, 0

    def draw(self, lines: list[str]) -> None:
        """Show these lines, cut to the terminal, in place of the last ones."""
        width, height = shutil.get_terminal_size()
        room = max(2, height - 2)
        if len(lines) > room:
            lines = [*lines[: room - 2], f"and {len(lines) - room + 1} more jobs", lines[-1]]
        cut = [line if len(line) < width else f"{line[: max(1, width - 2)]}…" for line in lines]
        self.clear()
        write(self._out, "".join(f"{line}\n" for line in cut))
        self._shown = len(cut)

    def clear(self) -> None:
        """Remove the lines, so that something else can be said."""
        if self._shown:
            write(self._out, f"\x1b[{self._shown}A\x1b[J")  # up so many lines; erase to the end
            self._shown = 0


def write(out: TextIO, text: str) -> None:
    """Write at once, if there is anybody to read it."""
    with suppress(OSError):
        out.write(text)
        out.flush()


class Unwatched:
    """Takes the place of a `Watch` where a run's output goes where ours goes."""

    @contextmanager
    def output(self) -> Iterator[None]:
        """Where the run's output goes to: where ours does."""
        yield None

    def look(self) -> None:
        """Nothing is looked at."""

    def pause(self) -> None:
        """Nothing was said."""

    def end(self, went_well: bool) -> None:
        """Nor is it now."""


class Watch:
    """Sends a run's output to the file `log`, follows it there, and says on `out` what there is to say."""

    def __init__(self, plan: Plan, log: Path, out: TextIO, cores: int | None = None):
        self.account, self._log, self._out = Account.of_plan(plan, cores or os.cpu_count() or 1), log, out
        self._screen = Screen(out) if out.isatty() else None
        self._position, self._rest, self._paused = 0, b"", False
        self._began = self._looked_at = time.monotonic()
        self._said_at, self._said = self._began - BETWEEN_LINES, ""

    @contextmanager
    def output(self) -> Iterator[IO[bytes]]:
        """The file that the run's output goes to, begun anew."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as file:
            yield file

    def look(self) -> None:
        """Read what is new and show how far the run is; call it as often as you like."""
        now = time.monotonic()
        if now - self._looked_at < BETWEEN_LOOKS:
            return
        self._looked_at = now
        self._read()
        if self._paused:
            return
        if self._screen:
            self._screen.draw([*self.account.jobs, self.account.whole(now - self._began)])
        elif now - self._said_at >= BETWEEN_LINES and self.account.total:
            self._say_how_far(now)

    def pause(self) -> None:
        """Say no more of how far the run is: it was told to end."""
        self._paused = True
        if self._screen:
            self._screen.clear()

    def end(self, went_well: bool) -> None:
        """The last look; where the run failed and no job said why, the end of its output."""
        self._read()
        if self._paused:
            return
        if self._screen:
            self._screen.clear()
        if self.account.total:
            self._say_how_far(time.monotonic())
        elif went_well:
            self._say("Nothing to be done: everything is up to date.")
        if not went_well and not self.account.n_failed:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
            self._say("\n".join(lines[-LAST_OF_RUN:]))

    def _read(self) -> None:
        for line in self._new_lines():
            text = self.account.read(line)
            if text and not self._paused:  # jobs that are told to end have not failed
                self._say(text)

    def _new_lines(self) -> list[str]:
        """Whole lines since the last look; none where the file is gone."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._position)
                text = self._rest + file.read()
                self._position = file.tell()
        except OSError:
            return []
        *lines, self._rest = text.split(b"\n")
        return [line.decode("utf-8", errors="replace").rstrip("\r") for line in lines]

    def _say_how_far(self, now: float) -> None:
        """A line for a log file: the whole, and what runs; not the same twice."""
        text = "; ".join([self.account.whole(now - self._began), *self.account.jobs])
        if text != self._said:
            self._say(f"{time.strftime('%H:%M:%S')} {text}")
        self._said, self._said_at = text, now

    def _say(self, text: str) -> None:
        if self._screen:
            self._screen.clear()
        write(self._out, f"{text}\n")
