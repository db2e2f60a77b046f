"""PyMC's own full-rank ADVI on PyMC's own form of the model: an independent witness of `full_rank`.

The same approximation, N(loc, L L^T) on the unconstrained latents, from the same initial values, with PyMC's Adam on
PyMC's ELBO, whose prior term is sampled. One cell after the other, in double precision and on the processor, so for
a stated few cells. Set `stack: 1` to save each at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive
from bnnbench.inference._base import Fit
from bnnbench.inference._optimise import Initial, initial_gaussian
from bnnbench.inference._pymc import PymcMethod, fit_each, model_of, optimise, order, trace_of
from bnnbench.inference.full_rank import FullRankPosterior


@dataclass(frozen=True)
class PymcFullRank(PymcMethod):
    """`pm.FullRankADVI` with `pm.adam` at a constant learning rate; initial values as in `full_rank`.

    The factor's entries are not in units of their row as those of `full_rank` are, so rates have to be far lower.
    """

    steps: Count = 25_000
    learning_rate: Positive = 0.002
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0
    initial_sd: Positive = 0.05

    posterior_class = FullRankPosterior

    def fit(self, joint, streams, progress=SILENT):
        loc, rho = initial_gaussian(joint, streams, self.initial, self.initial_scale, self.initial_sd)

        def fit_cell(cell, seed):
            return self._fit_cell(joint, cell, [a[cell].cpu().double().numpy() for a in (loc, rho)], seed)

        locs, roots, elbos = fit_each(joint, streams, "pymc_fullrank", fit_cell, progress, self.steps)
        arrays = {name: torch.from_numpy(a).to(loc) for name, a in (("loc", locs), ("cholesky", roots))}
        return Fit(FullRankPosterior(joint.prior, arrays), self.steps, *trace_of(elbos))

    def _fit_cell(self, joint, cell, start, seed):
        """loc (latents,) and L (latents, latents) of our latents, and the ELBO of each step: NaN if it diverged."""
        import pymc as pm

        loc, rho = start
        with model_of(joint, cell):
            inference = pm.FullRankADVI(random_seed=seed)
            places, parameters = order(joint, cell, inference.approx), inference.approx.params_dict
            active = places >= 0
            mu, rows = parameters["mu"].get_value(), np.tril_indices(active.sum())
            mu[places[active]] = loc[active]
            raw = np.zeros((active.sum(),) * 2)
            raw[places[active], places[active]] = rho[active]  # PyMC too takes the diagonal's softplus
            parameters["mu"].set_value(mu)
            parameters["L_tril"].set_value(raw[rows])
            elbo = optimise(inference, self.steps, self.learning_rate)
            root = np.diag(F.softplus(torch.from_numpy(rho)).numpy())
            if np.isnan(elbo[-1]):
                return np.full_like(loc, np.nan), np.full_like(root, np.nan), elbo
            covariance = inference.approx.cov.eval()[np.ix_(places[active], places[active])]
            # Its variables come in another order, so the covariance is factored anew in ours.
            root[np.ix_(active, active)] = np.linalg.cholesky(covariance)
            loc = np.where(active, parameters["mu"].get_value()[places], loc)
        return loc, root, elbo


METHOD = PymcFullRank
