"""Worker: fits of scikit-learn estimators, ours or another library's, on 1,000 rows of 10 columns.

It runs in an environment of its own for another library, and imports only the one that it is asked for.
"""

import importlib
import time
from importlib.metadata import version

import numpy as np
from serve import serve
from sklearn.datasets import make_classification, make_friedman1

MODULES = {"bnnbench": "bnnbench", "scikit-learn": "sklearn.neural_network", "sklearn-contrib-bde": "bde"}
CLASSES = {
    ("bnnbench", "regression"): "BNNRegressor",
    ("bnnbench", "classification"): "BNNClassifier",
    ("scikit-learn", "regression"): "MLPRegressor",
    ("scikit-learn", "classification"): "MLPClassifier",
    ("sklearn-contrib-bde", "regression"): "BdeRegressor",
    ("sklearn-contrib-bde", "classification"): "BdeClassifier",
}
ROWS, COLUMNS = 1000, 10


def data(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Standardised features and, of regression, targets, float32: bde takes no others."""
    if task == "regression":
        X, y = make_friedman1(ROWS, COLUMNS, noise=1.0, random_state=0)
        y = ((y - y.mean()) / y.std()).astype(np.float32)
    else:
        X, y = make_classification(ROWS, COLUMNS, random_state=0)
        y = y.astype(np.int32)
    return ((X - X.mean(0)) / X.std(0)).astype(np.float32), y


def fit(library: str, task: str, settings: dict) -> dict:
    """Seconds that one fit takes, the import of the library not counted, and its score on the training data."""
    model = getattr(importlib.import_module(MODULES[library]), CLASSES[library, task])(**settings)
    X, y = data(task)
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "score": float(model.score(X, y)),
        "versions": f"{library} {version(library)}",
    }


if __name__ == "__main__":
    serve(fit)
