"""PyMC's own NUTS on PyMC's own form of the model: an independent witness of what the posterior is.

The No-U-Turn sampler (Hoffman & Gelman 2014) on the same unconstrained latents, with PyMC's own initial values and
adaptation. One cell after the other, one chain after the other, in double precision and on the processor: minutes a
cell, so for a stated few cells. Set `stack: 1` to save each at once.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, ProperShare
from bnnbench.inference._base import DrawsPosterior, Fit
from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.inference._pymc import Counted, PymcMethod, fit_each, model_of
from bnnbench.model import pymc_models

PROBES = 50
"""Training inputs at which chains are compared, at even distances in the training set."""


@dataclass(frozen=True)
class PymcNuts(PymcMethod):
    """`pm.sample`: `chains` chains of `tune` discarded and `samples` kept draws each.

    `stored` draws are kept, at even distances in every chain and the first half of the chains first. Chains are judged
    by all of their draws.
    """

    chains: Annotated[int, Field(ge=2)] = 4
    tune: Count = 1000
    samples: Count = 500
    stored: Count = 100
    target_accept: ProperShare = 0.9

    posterior_class = DrawsPosterior

    def __post_init__(self):
        super().__post_init__()
        if self.stored % self.chains or self.stored > self.chains * self.samples:
            raise ValueError(
                f"stored must be a multiple of the {self.chains} chains and at most their "
                f"{self.chains * self.samples} samples, got {self.stored}"
            )

    def fit(self, joint, streams, progress=SILENT):
        total = self.chains * (self.tune + self.samples)
        draws, *numbers = fit_each(
            joint, streams, "pymc_nuts", lambda cell, seed: self._fit_cell(joint, cell, seed), progress, total
        )
        names = ("function_rhat", "function_ess", "divergences", "acceptance", "step_size")
        chain = torch.arange(self.chains).repeat_interleave(self.stored // self.chains)
        posterior = DrawsPosterior.of_draws(joint.prior, torch.from_numpy(draws).to(joint.x), chain)
        return Fit(posterior, total, diagnostics=dict(zip(names, numbers, strict=True)))

    def _fit_cell(self, joint, cell, seed):
        """Stored draws of our latents, (stored, latents), and the diagnostics of all draws."""
        data = self._sampled(joint, cell, seed)
        latents, statistics = self._latents(joint, cell, data.posterior), data.sample_stats
        rhat, ess = self._agreement(joint, cell, latents)
        # The last draw of each of equal stretches, so that the tuning's end is farthest away.
        kept = np.linspace(0, self.samples, self.stored // self.chains + 1).astype(int)[1:] - 1
        numbers = rhat, ess, statistics.diverging.sum(), statistics.acceptance_rate.mean(), statistics.step_size.mean()
        return latents[:, kept].reshape(self.stored, -1), *(np.asarray(float(n)) for n in numbers)

    def _sampled(self, joint, cell, seed):
        """What `pm.sample` returns. Raises KeyboardInterrupt where it was interrupted and PyMC would go on."""
        import pymc as pm

        counted = Counted(self.chains, self.tune + self.samples)
        try:
            with model_of(joint, cell):
                data = pm.sample(
                    draws=self.samples, tune=self.tune, chains=self.chains, cores=1, target_accept=self.target_accept,
                    random_seed=seed, progressbar=False, compute_convergence_checks=False, quiet=True,
                    callback=counted,
                )  # fmt: skip
        except (ValueError, IndexError) as error:  # of too few draws
            if counted.interrupted:
                raise KeyboardInterrupt from error
            raise
        if counted.interrupted:
            raise KeyboardInterrupt
        return data

    def _latents(self, joint, cell, posterior):
        """Our latents of all draws, (chains, samples, latents)."""
        values = {name: posterior[name].values for name in posterior.data_vars}
        positive = [name for name in values if name.split(".")[-1] == "scale" or name in joint.likelihood.latents]
        values |= {f"{name}_log__": np.log(values[name]) for name in positive}
        found = np.empty((self.chains, self.samples, joint.prior.n_latents))
        for index in np.ndindex(found.shape[:2]):
            point = {name: v[index] for name, v in values.items()}
            found[index] = pymc_models.point_to_latents(joint.network, joint.models[cell], point, joint.likelihood)
        return found

    def _agreement(self, joint, cell, latents):
        """Largest R-hat and smallest ESS over functions, as of `hmc`."""
        log_odds = probe(joint.take([cell]), PROBES)
        with torch.no_grad():
            values = [
                log_odds(torch.from_numpy(row[None]).to(joint.x)).cpu().numpy()
                for row in latents.reshape(-1, latents.shape[2])
            ]
        return worst_rhat_and_ess(np.concatenate(values).reshape(*latents.shape[:2], -1))


METHOD = PymcNuts
