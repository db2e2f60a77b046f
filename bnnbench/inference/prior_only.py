"""A control that never looks at the data: networks drawn from the prior. No method should do worse."""

from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.base.philox import generator
from bnnbench.base.progress import SILENT
from bnnbench.inference._base import Fit, Method, Posterior


class PriorPosterior(Posterior):
    """The prior itself. `kept` (cells, 0) holds nothing: it only says how many cells there are."""

    def draws(self, streams, purpose):
        network, models = self.prior.network, self.prior.models

        def draw(s):
            latents = np.empty((len(models), self.prior.n_latents))
            for row, owner, model in zip(latents, streams.owners, models, strict=True):
                rng = generator(owner, f"prior-{purpose}", s)
                row[: network.n_weights] = model.fixed * model.prior.draw(rng, network.n_weights)
                if model.centre is not None and model.hyperprior is None:
                    row[: network.n_weights] *= model.centre.spread
                scales = len(network.parameters)  # drawn for all; `LogPrior` passes over inert ones
                of_scales = slice(network.n_weights, network.n_weights + scales)
                row[of_scales] = 0 if model.hyperprior is None else np.log(model.hyperprior.draw(rng, scales))
                if self.prior.n_own:
                    row[of_scales.stop :] = self.prior.likelihood.draw(rng)
            # Beyond float32's range the network's output is saturated anyway.
            return torch.from_numpy(np.clip(latents, -1e12, 1e12)).to(self.arrays["kept"])

        return draw


@dataclass(frozen=True)
class PriorOnly(Method):
    """No settings, no steps."""

    posterior_class = PriorPosterior
    reaches = "prior"
    finds_optima = True  # it does not look at the likelihood at all

    def fit(self, joint, streams, progress=SILENT):
        return Fit(PriorPosterior(joint.prior, {"kept": joint.x.new_zeros(joint.n_cells, 0)}), 0)


METHOD = PriorOnly
