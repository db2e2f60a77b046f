"""Do the tests notice a changed number, sign or comparison in the numerics? `make mutants` tries.

Each mutant is one small change of one module, made in a copy of the project, on which the tests of that module run.
First come KNOWN mutants, which survived once; then a sample of those that the syntax trees of MODULES allow. A mutant
that no test notices survives: the tests have a hole, or the change makes no difference, which EQUIVALENT says then.

    python benchmarks/mutants.py --number 60 --seed 1 [--only inference] [--known-only]

Ends with code 1 if a mutant survives that EQUIVALENT does not name.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event

from mutants_known import EQUIVALENT, KNOWN

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("bnnbench", "tests", "config", "notebooks", "reports", "workflow", "benchmarks", "pyproject.toml",
          "Snakefile", "ARCHITECTURE.md", "docs")  # fmt: skip
LIMIT = 300
"""Seconds of tests for a mutant: one that takes longer counts as noticed. Where all tests take longer than half of that
without a mutant, it is twice as long as they take: on a slow machine tests that pass are no hole that was noticed."""
ENDED_FROM_OUTSIDE = (-signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT)
running: set[subprocess.Popen] = set()
"""Tests that run now, each in a group of its own, which Ctrl-C does not reach."""
stopped = Event()

MODULES = {
    "priors": ["tests/priors/test_priors.py", "tests/model/test_joint.py"],
    "hyperpriors": ["tests/priors/test_priors.py", "tests/model/test_joint.py"],
    "likelihoods": ["tests/likelihoods"],
    "tasks": ["tests/tasks", "tests/evaluation/test_evaluate.py"],
    "model/joint.py": ["tests/model/test_joint.py", "tests/priors/test_priors.py"],
    "model/prior.py": ["tests/model/test_joint.py", "tests/priors/test_priors.py"],
    "inference": ["tests/inference", "tests/training/test_checkpoint.py"],
    "metrics": ["tests/metrics", "tests/evaluation/test_evaluate.py"],
    "base/gate.py": ["tests/evaluation/test_reference.py"],
    "base/statistics.py": ["tests/base/test_statistics.py"],
    "claims": ["tests/claims"],
}
"""Files and folders of the package that are changed, and the tests that answer for them."""

COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


@dataclass(frozen=True)
class Mutant:
    """A module of the package with changed text; `what` says where and how."""

    module: str
    what: str
    text: str
    tests: tuple[str, ...]


def candidates(module: str, tests: list[str], root: Path = ROOT / "bnnbench") -> Iterator[Mutant]:
    """Every mutant of a module: numbers, comparisons, operators and conditions, one changed at a time."""
    tree = ast.parse((root / module).read_text(encoding="utf-8"))
    for number, node in enumerate(ast.walk(tree)):
        for what, change in _changes(node):
            changed = copy.deepcopy(tree)
            target = next(n for i, n in enumerate(ast.walk(changed)) if i == number)
            change(target)
            yield Mutant(module, f"line {node.lineno}: {what}", ast.unparse(changed), tuple(_relevant(module, tests)))


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """(what it is, function that makes it) of the changes that a node allows."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        new = 2 * node.value if node.value else 1
        yield f"{node.value} becomes {new}", lambda n: setattr(n, "value", new)
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        new = COMPARISONS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} becomes {new.__name__}", lambda n: n.ops.__setitem__(0, new())
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS and not isinstance(node.left, ast.JoinedStr):
        new = OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} becomes {new.__name__}", lambda n: setattr(n, "op", new())
    elif isinstance(node, ast.If | ast.IfExp):
        yield "a condition is turned round", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))


def _relevant(module: str, tests: list[str]) -> list[str]:
    """Of the tests of inference those of all methods and those of the module's own."""
    if not module.startswith("inference/"):
        return tests
    own = [f"tests/inference/{p.name}" for p in (ROOT / "tests" / "inference").glob("test_*.py")]
    stem = Path(module).stem.strip("_")
    named = [test for test in own if stem in test]
    general = ["tests/inference/test_every_method.py", "tests/inference/test_tempering.py",
               "tests/inference/test_initial_values.py"]  # fmt: skip
    samplers = ["tests/inference/test_samplers.py"] if not named else []
    return [*named, *samplers, *general]


def modules_of(part: str) -> list[str]:
    """The Python files of a part of the package, as paths in it."""
    place = ROOT / "bnnbench" / part
    return [str(p.relative_to(ROOT / "bnnbench")) for p in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]


def sample(number: int, seed: int, only: list[str]) -> list[Mutant]:
    """So many mutants, drawn evenly from all of them."""
    parts = {part: tests for part, tests in MODULES.items() if not only or Path(part).stem in only}
    everything = [m for part, tests in parts.items() for module in modules_of(part) for m in candidates(module, tests)]
    return random.Random(seed).sample(everything, min(number, len(everything)))


def known(only: list[str]) -> list[Mutant]:
    """The mutants that survived once. ValueError where the code that one changes is there no more."""
    found = []
    for module, old, new, tests in KNOWN:
        text = (ROOT / "bnnbench" / module).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(
                f"benchmarks/mutants_known.py: {module} has {text.count(old)} times {old!r}: bring it up to date"
            )
        if not only or {Path(module).stem, module.split("/")[0]} & set(only):
            found.append(Mutant(module, f"{old.strip()} becomes {new.strip()}", text.replace(old, new), tuple(tests)))
    return found


def copied() -> Path:
    """A copy of what the tests need, in which modules can be changed."""
    folder = Path(tempfile.mkdtemp(prefix="bnnbench-mutants-"))
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".snakemake"))
        elif source.is_file():
            shutil.copy(source, folder / name)
    return folder


def noticed_by(mutant: Mutant, folder: Path, limit: float = LIMIT) -> str:
    """The first test in a copy of the project that fails with a mutant, of tests that may take `limit` seconds; ""
    where it survives."""
    path = folder / "bnnbench" / mutant.module
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.text, encoding="utf-8")
    try:
        return first_failure(mutant.tests, folder, limit)
    except subprocess.TimeoutExpired:
        return f"no end within {limit:.0f} seconds"
    finally:
        path.write_text(original, encoding="utf-8")


def first_failure(tests: Iterable[str], folder: Path, limit: float | None = None) -> str:
    """The first of these tests that fails in a copy of the project; "" where all pass.

    TimeoutExpired beyond `limit` seconds. RuntimeError where none of them can be run, which says nothing of a mutant.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    code, said = _ended(command, folder, limit)
    if code in ENDED_FROM_OUTSIDE and not stopped.is_set():
        # Once: what ends it again may be the mutant, such as by taking all memory.
        code, said = _ended(command, folder, limit)
    if code == 0:
        return ""
    failed = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code in (1, 2) and failed:
        return failed[0].split(" - ")[0].partition(" ")[2]
    if code < 0:
        return f"a run that ended by signal {-code}"
    raise RuntimeError(f"pytest {' '.join(tests)} ended with code {code}:\n{said}")


def _ended(command: list[str], folder: Path, limit: float | None) -> tuple[int, str]:
    """Exit code and output of a command; what it has started in its group ends with it."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, start_new_session=True, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    running.add(process)
    try:
        said, _ = process.communicate(timeout=limit)
    finally:
        running.discard(process)
        _end(process)
    return process.returncode, said


def _end(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run(mutants: list[Mutant], workers: int) -> list[tuple[Mutant, str]]:
    """Each mutant with the test that notices it, printed as they come."""
    folders: Queue[Path] = Queue()
    for _ in range(workers):
        folders.put(copied())

    def judge(mutant: Mutant) -> tuple[Mutant, str]:
        folder = folders.get()
        try:
            found = noticed_by(mutant, folder, limit)
        finally:
            folders.put(folder)
        if not stopped.is_set():
            print(f"{mutant.module}, {mutant.what}: {found or 'SURVIVED'}", flush=True)
        return mutant, found

    try:
        tests = dict.fromkeys(test for mutant in mutants for test in mutant.tests)
        start = time.monotonic()
        if failure := first_failure(tests, folders.queue[0]):
            sys.exit(f"Without a mutant {failure} fails: mend it first.")
        limit = max(LIMIT, 2 * (time.monotonic() - start))
        pool = ThreadPoolExecutor(workers)
        try:
            return list(pool.map(judge, mutants))
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                _end(process)
            pool.shutdown()
    finally:
        while not folders.empty():
            shutil.rmtree(folders.get(), ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=40, help="mutants drawn beside the known ones (default 40)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help=f"of {', '.join(Path(p).stem for p in MODULES)}")
    parser.add_argument("--known-only", action="store_true", help="none but those that survived once")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends its tests too, as Ctrl-C does
    mutants = known(options.only) + ([] if options.known_only else sample(options.number, options.seed, options.only))
    survived = [(m, EQUIVALENT.get((m.module, m.what))) for m, test in run(mutants, options.workers) if not test]
    unexplained = [m for m, reason in survived if not reason]
    print(f"\n{len(mutants)} mutants, {len(mutants) - len(survived)} noticed, {len(survived)} survived")
    for mutant, reason in survived:
        print(f"  {mutant.module}, {mutant.what}: {reason or 'a hole in the tests, or a change without effect'}")
    return int(bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
