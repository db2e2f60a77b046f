"""A small real run of two studies, for the figures of both."""

import pytest

from bnnbench import datasets, evaluate, grid, train
from bnnbench.results import Results, load_results

SMALL = {
    "studies": ["toy", "digits"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "toy": {
            "datasets": {"moons": {"noise": [0.4], "n_test": 400}, "circles": {"noise": [0.2, 0.4], "n_test": 400}},
            "scales": [0.3, 1],
            "hyperpriors": ["half_normal", "half_cauchy"],
            "priors": {"scale_mixture": None},
            "inference": {
                "map": {"settings": {"steps": 60}},
                "mean_field": {"settings": {"steps": 120}},
                "pymc_advi": None,
            },
            "draws": 20,
        },
        "digits": {
            "networks": {"lenet-8-16": None},
            "models": ["normal-1", "laplace-1", "laplace-half_normal", "cauchy-half_normal", "flat"],
            "inference": {"map": {"settings": {"steps": 60}}, "mean_field": {"settings": {"steps": 100}}},
            "draws": 20,
        },
    },
}


def run(config: dict) -> Results:
    """Data, training and evaluation of a config, in this process."""
    plan = grid.load(config)
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds, plan.config.data_dir)
        made.to_netcdf(plan.results / "data" / f"{spec.name}.nc")
    for shard in plan.shards.values():
        path = plan.results / "shards" / f"{shard.name}.nc"
        train.train_shard(plan, shard, path)
        evaluate.evaluate_shard(plan, shard, path, plan.results / "metrics" / f"{shard.name}.parquet")
    evaluate.gather(plan)
    return load_results(plan.results)


@pytest.fixture(scope="session")
def two_studies(tmp_path_factory) -> Results:
    """Results of a small toy and digits run: two seeds, few steps, MAP and mean field. Not to be written to."""
    return run(SMALL | {"results_dir": str(tmp_path_factory.mktemp("small") / "results")})
