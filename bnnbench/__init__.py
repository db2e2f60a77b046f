"""bnnbench: a reproducible benchmark of priors, hyperpriors and inference for Bayesian neural networks.

`BNNClassifier` and `BNNRegressor` are the scikit-learn face of the suite's parts, `metrics` its measures, and
`load_results` opens what a run has left behind. They are imported when first asked for, so that planning a run stays
quick.
"""

import importlib
import os

__version__ = "0.1.0"
__all__ = ["BNNClassifier", "BNNRegressor", "load_results", "metrics"]

# Threads that wait for each other spin by default: where other work has the cores, fits of small arrays take up to ten
# times as long. Libraries read this when they are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "BNNClassifier": "bnnbench.estimators",
    "BNNRegressor": "bnnbench.estimators",
    "load_results": "bnnbench.evaluation.results",
}


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "metrics":
        return importlib.import_module("bnnbench.metrics")
    raise AttributeError(f"module 'bnnbench' has no attribute '{name}'")
