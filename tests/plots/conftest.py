"""Small real runs, for the figures: of two studies of classes, of one of curves, and of one of maps."""

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

CURVES = {
    "studies": ["regression"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "regression": {
            "datasets": {
                **dict.fromkeys(("blundell", "wiggle", "matern", "depeweg", "cubic")),
                "foong": {"n_train": 40, "n_validation": 30, "n_test": 60},
                "three_intervals": {
                    "noise": [0.25], "heteroscedastic": [False, True], "n_train": 40, "n_validation": 30, "n_test": 60,
                },
            },
            "networks": {"mlp-20": {"kind": "mlp", "hidden": [8]}},
            "likelihoods": ["gaussian", "gaussian_heteroscedastic"],
            "models": ["normal-1", "laplace-1"],
            "inference": NOTHING_ELSE
            | {"map": {"settings": {"steps": 80}}, "mean_field": {"settings": {"steps": 80}}},
            "probes": {"regions": {"settings": {"points": 20, "draws": 10}}},
            "draws": 20,
        }
    },
}  # fmt: skip


MAPS = {
    "studies": ["segmentation"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "segmentation": {
            "datasets": {"shapes": {"size": 16, "n_train": 20, "n_validation": 10, "n_test": 15}},
            "networks": {"segnet-8-16": {"channels": [4, 6]}},
            "likelihoods": {"pixels_logit_noise": {"points": 8}},
            "models": ["normal-1"],
            "inference": NOTHING_ELSE
            | {name: {"settings": {"steps": 30}, "stack": 2} for name in ("map", "mc_dropout")},
            "draws": 10,
        }
    },
}


@pytest.fixture(scope="session")
def map_results(tmp_path_factory) -> Results:
    """Results of a small segmentation run: two seeds, few steps, MAP and MC dropout. Not to be written to."""
    return load_results(run(MAPS | {"results_dir": str(tmp_path_factory.mktemp("maps") / "results")}).results)


@pytest.fixture(scope="session")
def two_studies(tmp_path_factory) -> Results:
    """Results of a small toy and digits run: two seeds, few steps, MAP and mean field. Not to be written to."""
    return load_results(run(CONFIG | {"results_dir": str(tmp_path_factory.mktemp("small") / "results")}).results)


@pytest.fixture(scope="session")
def curve_results(tmp_path_factory) -> Results:
    """Results of a small regression run: two seeds, few steps, MAP and mean field. Not to be written to."""
    return load_results(run(CURVES | {"results_dir": str(tmp_path_factory.mktemp("curves") / "results")}).results)
