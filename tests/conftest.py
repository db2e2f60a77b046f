"""Small real runs that tests of storage, evaluation, plots and report share."""

import os
from pathlib import Path

import pytest

# As many processes as cores run the tests: where each has as many threads too, they wait for each other, and tests take
# up to ten times as long. Libraries read this when they are imported, processes that tests start when they start.
os.environ["OMP_NUM_THREADS"] = "1"

from fake_reference import add_references, copy_of
from small_run import SMALL, run

from bnnbench.evaluation.results import Results, load_results
from bnnbench.study import grid

LONG = ("test_workflow.py", "test_every_method.py", "test_deaths.py", "test_mean_field.py", "test_notebooks.py")
"""Files that take minutes: begun first, so that no process is left with one of them at the end."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def small_plan(tmp_path_factory) -> grid.Plan:
    """A toy run of 48 cells on two data sets with two seeds."""
    folder: Path = tmp_path_factory.mktemp("run") / "results"
    return run(SMALL | {"results_dir": str(folder)})


@pytest.fixture(scope="session")
def small_results(small_plan) -> Results:
    """The results of `small_plan`."""
    return load_results(small_plan.results)


@pytest.fixture(scope="session")
def referenced(small_plan, tmp_path_factory) -> grid.Plan:
    """A copy of the toy run with made-up references of its normal and Laplace models, of which one fails the gate."""
    plan = copy_of(small_plan, tmp_path_factory.mktemp("referenced") / "results")
    failed = {"toy/moons-0.4/mlp-5-5/laplace-1/hmc/seed-1": {"function_rhat": 1.07}}
    return add_references(plan, lambda cell: cell.prior in ("normal", "laplace"), failed)
