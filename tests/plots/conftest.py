"""A small real run of two studies, for the figures of both."""

import pytest
from small_run import NOTHING_ELSE, run

from bnnbench.evaluation.results import Results, load_results

CONFIG = {
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
            "inference": NOTHING_ELSE
            | {
                "map": {"settings": {"steps": 60}},
                "mean_field": {"settings": {"steps": 120}, "recipes": None},
            },
            "draws": 20,
        },
        "digits": {
            "networks": {"lenet-8-16": None},
            "models": ["normal-1", "laplace-1", "laplace-half_normal", "cauchy-half_normal", "flat"],
            "inference": {"map": {"settings": {"steps": 60}}, "mean_field": {"settings": {"steps": 100}, "curve": 5}},
            "draws": 20,
        },
    },
}


@pytest.fixture(scope="session")
def two_studies(tmp_path_factory) -> Results:
    """Results of a small toy and digits run: two seeds, few steps, MAP and mean field. Not to be written to."""
    return load_results(run(CONFIG | {"results_dir": str(tmp_path_factory.mktemp("small") / "results")}).results)
