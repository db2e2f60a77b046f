"""Worker: PyMC's ADVI on the same models, one model at a time, as `pm.fit(method="advi")` runs it."""

import time
from importlib.metadata import version

import numpy as np
import pymc as pm
from serve import serve
from stacked import NETWORK, model_named

from bnnbench.model import pymc_models

prepared = {}


def _inference(model: str, sets: str, at: int) -> pm.ADVI:
    data = np.load(sets)
    with pymc_models.build(NETWORK, model_named(model), data["x"][at], data["y"][at]):
        return pm.ADVI(random_seed=at)


def _fit(inference: pm.ADVI, steps: int) -> None:
    inference.fit(steps, obj_optimizer=pm.adam(learning_rate=0.02), progressbar=False)


def prepare(model: str, sets: str) -> dict:
    """Build and compile one model on the first training set."""
    prepared[model] = _inference(model, sets, 0)
    _fit(prepared[model], 10)
    return {"versions": f"pymc {version('pymc')}, pytensor {version('pytensor')}"}


def step(model: str, n: int) -> dict:
    """Seconds a step: the time of 2n steps less that of n, of the function that is compiled already."""

    def more(steps):
        started = time.perf_counter()
        prepared[model].refine(steps, progressbar=False)
        return time.perf_counter() - started

    short, long = more(n), more(2 * n)
    return {"seconds": (long - short) / n}


def one(model: str, sets: str, at: int, steps: int) -> dict:
    """Seconds for one model from its definition to its posterior, compilation included."""
    started = time.perf_counter()
    _fit(_inference(model, sets, at), steps)
    return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    serve(prepare, step, one)
