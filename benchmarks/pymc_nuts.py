"""Worker: PyMC's NUTS on the same models, one model at a time, as `pm.sample` runs it, chains spread over all cores."""

import os
from importlib.metadata import version

import numpy as np
import pymc as pm
import torch
from serve import serve
from stacked import NETWORK, model_named

from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.model import pymc_models
from bnnbench.model.joint import LogJoint


def sample(model: str, sets: str, at: int, tune: int, draws: int, chains: int = 4) -> dict:
    """Seconds an effective draw of functions, as `stacked.sample` counts them: tuning included, compilation not."""
    data, described = np.load(sets), model_named(model)
    x, y = data["x"][at], data["y"][at]
    cores = min(chains, len(os.sched_getaffinity(0)))
    with pymc_models.build(NETWORK, described, x, y):
        trace = pm.sample(draws, tune=tune, chains=chains, cores=cores, random_seed=at, progressbar=False,
                          compute_convergence_checks=False)  # fmt: skip
    posterior = trace.posterior
    weights = [posterior[p.name].values.reshape(chains * draws, -1) for p in NETWORK.parameters]
    weights = torch.from_numpy(np.concatenate(weights, axis=1)).float()
    # The weights themselves are what a model of fixed scale has as its latents.
    latents = torch.cat([weights, weights.new_zeros(len(weights), len(NETWORK.parameters))], dim=1)
    inputs = torch.from_numpy(x)[None], torch.from_numpy(y)[None]
    joint = LogJoint(NETWORK, [model_named("normal-1")] * len(latents), *inputs, torch.zeros(len(latents)).long())
    values = probe(joint, 50)(latents).reshape(chains, draws, -1).numpy()
    rhat, ess = worst_rhat_and_ess(values)
    seconds = posterior.attrs["sampling_time"]
    return {"seconds": seconds / max(ess, 1.0), "ess": ess, "rhat": rhat, "versions": f"pymc {version('pymc')}"}


if __name__ == "__main__":
    serve(sample)
