"""Small real runs that tests of storage, evaluation, plots and report share."""

from pathlib import Path

import pytest
from small_run import SMALL, run

from bnnbench import grid
from bnnbench.results import Results, load_results


@pytest.fixture(scope="session")
def small_plan(tmp_path_factory) -> grid.Plan:
    """A toy run of 48 cells on two data sets with two seeds."""
    folder: Path = tmp_path_factory.mktemp("run") / "results"
    return run(SMALL | {"results_dir": str(folder)})


@pytest.fixture(scope="session")
def small_results(small_plan) -> Results:
    """The results of `small_plan`."""
    return load_results(small_plan.results)
