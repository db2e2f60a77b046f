"""Worker: bnnbench's own stacked mean-field and HMC, compiled, on all cores."""

import os
import sys
import time
from importlib.metadata import version

import numpy as np
import torch
from serve import serve

from bnnbench import datasets, hyperpriors, networks, priors
from bnnbench.base.allocation import keep_freed_memory
from bnnbench.inference.hmc import Hmc
from bnnbench.inference.map import Map
from bnnbench.inference.mean_field import MeanField
from bnnbench.model.joint import LogJoint, block_size
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.prediction.trained import build_model
from bnnbench.study import grid

NETWORK = networks.make({"kind": "mlp", "hidden": [5, 5], "activation": "tanh"}, (2,), 2)
prepared = {}


def model_named(name: str) -> Model:
    """`normal-1` or `laplace-half_cauchy` as a model."""
    family, scale = name.split("-")
    known = scale.replace(".", "").isdigit()
    return Model(priors.make(family), *([float(scale)] if known else [None, hyperpriors.make(scale)]))


def prepare(model: str, sets: str) -> dict:
    """Build and compile a stack with one model on each of the training sets in a file."""
    data = np.load(sets)
    x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    n = len(x)
    joint = LogJoint(NETWORK, [model_named(model)] * n, x, y, torch.arange(n), compiled=True)
    streams = Streams([f"model-{i}" for i in range(n)], [f"pair-{i}" for i in range(n)])
    prepared[model] = joint, streams
    MeanField(steps=3).fit(joint, streams)
    return {"versions": f"torch {version('torch')}", "threads": torch.get_num_threads()}


def step(model: str, n: int) -> dict:
    """Seconds a step and model: the time of 2n steps less that of n."""
    joint, streams = prepared[model]

    def fit(steps):
        started = time.perf_counter()
        MeanField(steps=steps).fit(joint, streams)
        return time.perf_counter() - started

    short, long = fit(n), fit(2 * n)
    return {"seconds": (long - short) / n / joint.n_cells}


def train_grid(n_models: int, steps: int, stack: int) -> dict:
    """Train that many cells of the toy study, from nothing compiled to the last posterior."""
    seeds = list(range(1 + n_models // 190))
    plan = grid.load({"studies": ["toy"], "seeds": seeds})
    cells = [c for c in plan.cells if c.inference == "mean_field" and not c.merged]
    cells = [cells[i] for i in np.linspace(0, len(cells) - 1, n_models).astype(int)]
    cells.sort(key=lambda c: (c.prior, c.hyperprior, c.scale or 0))
    data = {s.name: datasets.make(s.family, s.options | {"n_test": 1}, seeds) for s in plan.datasets.values()}
    started = time.perf_counter()
    finite, n_padded = 0, 0
    for start in range(0, n_models, stack):
        part = cells[start : start + stack]
        padded = part + [part[-1]] * (-len(part) % block_size())
        splits = [data[c.dataset.name].split(c.seed) for c in padded]
        x, y = (torch.from_numpy(np.stack([s[k] for s in splits])) for k in (0, 1))
        joint = LogJoint(NETWORK, [build_model(c) for c in padded], x, y, torch.arange(len(padded)), compiled=True)
        fit = MeanField(steps=steps).fit(joint, Streams([c.id for c in padded], [c.pair for c in padded]))
        finite += int(np.isfinite(fit.trace[: len(part), -1]).sum())
        n_padded += len(padded) - len(part)
    return {"seconds": time.perf_counter() - started, "finite": finite, "padding": n_padded}


def sample(model: str, sets: str, n_cells: int, settings: dict) -> dict:
    """One round of HMC, warm-up included and compilation not: seconds an effective draw of functions."""
    data = np.load(sets)
    x, y = (torch.from_numpy(data[name][:n_cells]) for name in ("x", "y"))
    joint = LogJoint(NETWORK, [model_named(model)] * n_cells, x, y, torch.arange(n_cells), compiled=True)
    streams = Streams([f"model-{i}" for i in range(n_cells)], [f"pair-{i}" for i in range(n_cells)])
    Hmc(tune=2, samples=2, keep=2, leapfrogs=1, rounds=1).fit(joint, streams)  # compiles
    started = time.perf_counter()
    found = Hmc(rounds=1, **settings).fit(joint, streams).diagnostics
    seconds = (time.perf_counter() - started) / n_cells
    ess = float(np.median(found["function_ess"]))
    return {"seconds": seconds / max(ess, 1.0), "ess": ess, "rhat": float(np.median(found["function_rhat"]))}


def image_steps(variant: str, n: int) -> dict:
    """Seconds a step of the sources' MNIST network at batch 250: `map`, or an estimator of mean field."""
    if variant not in prepared:
        network = networks.make({"kind": "lenet"}, (1, 28, 28), 10)
        noise = torch.Generator().manual_seed(0)
        x = torch.rand(1, 5000, 1, 28, 28, generator=noise)
        y = torch.randint(10, (1, 5000), generator=noise)
        model = Model(priors.make("normal"), 1.0)
        joint = LogJoint(network, [model], x, y, torch.zeros(1, dtype=torch.long), compiled=True, block=1)
        prepared[variant] = joint, Streams(["model"], ["pair"])
    joint, streams = prepared[variant]

    def fit(steps):
        # The rates of config/studies/mnist.yaml: at far higher ones numbers too small for full precision slow the step.
        method = Map(steps=steps, batch_size=250, learning_rate=0.002)
        if variant != "map":
            settings = {"learning_rate": 0.003, "initial_sd": 0.02, "warm_up": 0.3}
            method = MeanField(steps=steps, batch_size=250, estimator=variant, **settings)
        started = time.perf_counter()
        method.fit(joint, streams)
        return time.perf_counter() - started

    fit(2)
    short, long = fit(n), fit(2 * n)
    return {"seconds": (long - short) / n}


if __name__ == "__main__":
    keep_freed_memory()  # as a training job
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else len(os.sched_getaffinity(0)))
    serve(prepare, step, train_grid, sample, image_steps)
