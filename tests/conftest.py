"""Small real runs that tests of storage, evaluation, plots and report share."""

from pathlib import Path

import pytest

from bnnbench import datasets, evaluate, grid, train
from bnnbench.results import Results, load_results

SMALL = {
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
                "map": {"settings": {"steps": 200}},
                "mean_field": {"settings": {"steps": 400}},
                "pymc_advi": None,
            },
            "draws": 30,
        }
    },
}  # fmt: skip


def run(config: dict) -> grid.Plan:
    """Data, training, metrics and tables of a config, without the workflow."""
    plan = grid.load(config)
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds, plan.config.data_dir)
        made.to_netcdf(plan.results / "data" / f"{spec.name}.nc")
    for name, shard in plan.shards.items():
        path = plan.results / "shards" / f"{name}.nc"
        train.train_shard(plan, shard, path, threads=2)
        evaluate.evaluate_shard(plan, shard, path, plan.results / "metrics" / f"{name}.parquet")
    evaluate.gather(plan)
    return plan


@pytest.fixture(scope="session")
def small_plan(tmp_path_factory) -> grid.Plan:
    """A toy run of 48 cells on two data sets with two seeds."""
    folder: Path = tmp_path_factory.mktemp("run") / "results"
    return run(SMALL | {"results_dir": str(folder)})


@pytest.fixture(scope="session")
def small_results(small_plan) -> Results:
    """The results of `small_plan`."""
    return load_results(small_plan.results)
