"""A run of its own for the report, that report rendered, and copies of the run that a test may spoil."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from bnnbench import datasets, evaluate, grid, train
from bnnbench.grid import Plan
from bnnbench.report import render
from bnnbench.results import Results, load_results

CONFIG = {
    "studies": ["toy"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "toy": {
            "datasets": {"moons": {"noise": [0.4], "n_test": 1000}, "circles": {"noise": [0.4], "n_test": 1000}},
            "models": ["normal-1", "normal-3", "laplace-1", "laplace-half_cauchy", "cauchy-1", "flat",
                       "flat-half_cauchy"],
            "inference": {
                "map": {"settings": {"steps": 150}}, "mean_field": {"settings": {"steps": 300}}, "pymc_advi": None,
            },
            "draws": 30,
        }
    },
}  # fmt: skip
REPORTS = shutil.ignore_patterns("report*", ".report*", "notebooks")


@pytest.fixture(scope="session")
def toy_plan(tmp_path_factory) -> Plan:
    """A gathered toy run of 56 cells on two data sets with two seeds. Not to be written to."""
    plan = grid.load(CONFIG | {"results_dir": str(tmp_path_factory.mktemp("toy") / "results")})
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds, plan.config.data_dir)
        made.to_netcdf(plan.results / "data" / f"{spec.name}.nc")
    for name, shard in plan.shards.items():
        path = plan.results / "shards" / f"{name}.nc"
        train.train_shard(plan, shard, path)
        evaluate.evaluate_shard(plan, shard, path, plan.results / "metrics" / f"{name}.parquet")
    evaluate.gather(plan)
    return plan


@pytest.fixture(scope="session")
def toy_results(toy_plan) -> Results:
    """The results of `toy_plan`."""
    return load_results(toy_plan.results)


def copy_of(plan: Plan, folder: Path) -> Plan:
    """The plan with its results copied to a folder."""
    shutil.copytree(plan.results, folder, ignore=REPORTS)
    return dataclasses.replace(plan, config=plan.config.model_copy(update={"results_dir": str(folder)}))


@pytest.fixture
def copied(toy_plan, tmp_path) -> Plan:
    """The plan of a copy of the toy run, to be changed."""
    return copy_of(toy_plan, tmp_path / "results")


@pytest.fixture(scope="session")
def rendered(toy_plan, tmp_path_factory) -> Path:
    """The report of the toy run, a notebook's page among it."""
    plan = copy_of(toy_plan, tmp_path_factory.mktemp("report") / "results")
    (plan.results / "notebooks").mkdir()
    remote = '<script src="https://cdnjs.cloudflare.com/require.min.js"></script>'
    page = f"<html><head>{remote}</head><body>plots</body></html>"
    (plan.results / "notebooks" / "toy.html").write_text(page)
    return render(plan)
