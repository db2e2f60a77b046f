"""PyMC's own ADVI on PyMC's own form of the model: an independent witness of `mean_field`.

The same approximation, N(loc, softplus(rho)²) on the unconstrained latents, from the same initial values, with
PyMC's Adam on PyMC's ELBO, whose prior term is sampled. One cell after the other, in double precision and on the
processor: thousands of times slower than `mean_field`, so for a stated few cells. Set `stack: 1` to save each at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive
from bnnbench.inference._base import Fit, GaussianPosterior
from bnnbench.inference._optimise import Initial, initial_gaussian
from bnnbench.inference._pymc import PymcMethod, fit_each, model_of, optimise, order, trace_of


@dataclass(frozen=True)
class PymcAdvi(PymcMethod):
    """`pm.ADVI` with `pm.adam` at a constant learning rate; initial values as in `mean_field`."""

    steps: Count = 5000
    learning_rate: Positive = 0.01
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0
    initial_sd: Positive = 0.05

    posterior_class = GaussianPosterior
    reaches = "factorised"

    def fit(self, joint, streams, progress=SILENT):
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)

        def fit_cell(cell, seed):
            return self._fit_cell(joint, cell, [a[cell].cpu().double().numpy() for a in (loc, rho)], seed)

        locs, rhos, elbos = fit_each(joint, streams, "pymc_advi", fit_cell, progress, self.steps)
        loc, rho = (torch.from_numpy(a).to(loc) for a in (locs, rhos))
        return Fit(GaussianPosterior(joint.prior, {"loc": loc, "sd": F.softplus(rho)}), self.steps, *trace_of(elbos))

    def _fit_cell(self, joint, cell, start, seed):
        """loc and rho of our latents, (latents,), and the ELBO of each step: NaN from where it diverged."""
        import pymc as pm

        with model_of(joint, cell):
            inference = pm.ADVI(random_seed=seed)
            places, parameters = order(joint, cell, inference.approx), inference.approx.params_dict
            active = places >= 0
            for key, values in zip(("mu", "rho"), start, strict=True):
                flat = parameters[key].get_value()
                flat[places[active]] = values[active]
                parameters[key].set_value(flat)
            elbo = optimise(inference, self.steps, self.learning_rate)
            if np.isnan(elbo[-1]):
                return *(np.full_like(values, np.nan) for values in start), elbo
            found = [np.where(active, parameters[key].get_value()[places], values)
                     for key, values in zip(("mu", "rho"), start, strict=True)]  # fmt: skip
        return *found, elbo


METHOD = PymcAdvi
