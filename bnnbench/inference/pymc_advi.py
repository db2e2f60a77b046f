"""PyMC's own ADVI on PyMC's own form of the model: an independent witness of `mean_field`.

The same approximation, N(loc, softplus(rho)²) on the unconstrained latents, from the same initial values, with
PyMC's Adam on PyMC's ELBO, whose prior term is sampled. One cell after the other, in double precision and on the
processor: thousands of times slower than `mean_field`, so for a stated few cells. Set `stack: 1` to save each at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from bnnbench.inference._base import Fit, GaussianPosterior, Method
from bnnbench.inference._optimise import TRACE_POINTS, initial_gaussian
from bnnbench.philox import generator


@dataclass(frozen=True)
class PymcAdvi(Method):
    """`pm.ADVI` with `pm.adam` at a constant learning rate; initial values as in `mean_field`."""

    steps: int = 5000
    learning_rate: float = 0.01
    initial: str = "fan_in"
    initial_scale: float = 1.0
    initial_sd: float = 0.05

    posterior_class = GaussianPosterior

    def skip(self, network, model):
        from bnnbench import pymc_models

        return pymc_models.unsupported(network, model)

    def fit(self, joint, streams, progress=lambda step, total: None):
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)
        stretch = max(1, self.steps // TRACE_POINTS)
        fitted = {}
        for cell, owner in enumerate(streams.owners):
            if owner not in fitted:  # a stack may be filled up with copies of a cell
                start = loc[cell].cpu().double().numpy(), rho[cell].cpu().double().numpy()
                fitted[owner] = self._fit_cell(joint, cell, start, int(generator(owner, "pymc_advi").integers(2**31)))
            progress(round(self.steps * (cell + 1) / joint.n_cells), self.steps)
        locs, rhos, elbos = (np.stack([fitted[owner][k] for owner in streams.owners]) for k in range(3))
        loc, rho = (torch.from_numpy(a).to(loc) for a in (locs, rhos))
        whole = self.steps // stretch * stretch
        trace = elbos[:, :whole].reshape(len(elbos), -1, stretch).mean(2)
        posterior = GaussianPosterior(joint.prior, {"loc": loc, "sd": F.softplus(rho)})
        return Fit(posterior, self.steps, np.arange(stretch, whole + 1, stretch), trace)

    def _fit_cell(self, joint, cell, start, seed):
        """loc and rho of our latents, (latents,), and the ELBO of each step: NaN from where it diverged."""
        import pymc as pm

        from bnnbench import pymc_models

        model, which = joint.models[cell], joint.which[cell]
        x, y = joint.x[which].cpu().double().numpy(), joint.y[which].cpu().numpy()
        with pymc_models.build(joint.network, model, x, y):
            inference = pm.ADVI(random_seed=seed)
            parameters = inference.approx.params_dict
            slices = {name: (part, shape) for name, part, shape, _ in inference.approx.groups[0].ordering.values()}
            for key, values in zip(("mu", "rho"), start, strict=True):
                point = pymc_models.latents_to_point(joint.network, model, values)
                flat = parameters[key].get_value()
                for name, (part, _) in slices.items():
                    flat[part] = np.ravel(point[name])
                parameters[key].set_value(flat)
            optimiser = pm.adam(learning_rate=self.learning_rate)
            elbo = np.full(self.steps, np.nan)
            try:
                inference.fit(self.steps, obj_optimizer=optimiser, progressbar=False)
            except FloatingPointError:  # PyMC stops at the first NaN; the cell is to be stored as failed
                elbo[: len(inference.hist)] = -inference.hist
                return *(np.full_like(values, np.nan) for values in start), elbo
            elbo[:] = -inference.hist
            found = []
            for key, values in zip(("mu", "rho"), start, strict=True):
                flat = parameters[key].get_value()
                point = {name: flat[part].reshape(shape) for name, (part, shape) in slices.items()}
                latents = pymc_models.point_to_latents(joint.network, model, point)
                inert = (np.arange(len(latents)) >= joint.network.n_weights) & (model.hyperprior is None)
                found.append(np.where(inert, values, latents))
        return *found, elbo


METHOD = PymcAdvi
