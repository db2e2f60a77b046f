"""Sequential Monte Carlo from the prior to the posterior, which gives the evidence p(y) beside the draws.

Particles that are drawn from the prior are led to the posterior through prior x likelihood^β, β from 0 to 1 (Del Moral,
Doucet & Jasra 2006; Neal 2001). At each temperature they are weighted by what it adds to the likelihood, resampled
(systematically), and moved by Hamiltonian Monte Carlo, whose target it leaves as it is. The next β is where the
conditional effective sample size is a share `ess` of the particles; the product of the mean weights estimates the
evidence (Del Moral et al., eq. 14), which is unbiased where nothing is adapted, and of a bias of order 1 / particles
where temperatures, steps and scales are.

A cell has several populations, which know nothing of each other: what they disagree by is the error of the evidence
and, as of chains, of the draws. `log_evidence` is the logarithm of the mean evidence of the populations;
`log_evidence_se` is the standard deviation of their log evidences over the root of their number. A population has
particles in several modes at once, in proportion to their mass, where single chains never leave the one they find; of
the mirror images that a network's symmetries make of every mode the evidence counts all.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, ProperShare
from bnnbench.inference import _diagnostics
from bnnbench.inference._ascent import Ascent
from bnnbench.inference._base import DrawsPosterior, Fit, Method
from bnnbench.inference._particles import IMPOSSIBLE, Populations


@dataclass(frozen=True)
class Smc(Method):
    """`populations` of `particles` each; `moves` of `leapfrogs` steps at each temperature, their size tuned to
    `target_acceptance`.

    Populations are even in number, so that halves can be compared. At most `keep` draws a cell are stored, as many of
    each population: first those of the first half of the populations, then the others'.
    """

    populations: Annotated[int, Field(ge=2, multiple_of=2)] = 4
    particles: Annotated[int, Field(ge=2)] = 512
    ess: ProperShare = 0.9
    moves: Count = 2
    leapfrogs: Count = 12
    target_acceptance: ProperShare = 0.8
    keep: Count = 1000

    posterior_class = DrawsPosterior
    needs_exact_density = True
    takes_many_gradients = True

    @property
    def chains(self) -> int:
        """What populations are to the diagnostics and to the order of the draws."""
        return self.populations

    def fit(self, joint, streams, progress=SILENT):
        # A stack may be filled up with copies of a cell: each cell is run once.
        first = {owner: cell for cell, owner in reversed(list(enumerate(streams.owners)))}
        cells = list(first.values())
        places = torch.tensor([cells.index(first[owner]) for owner in streams.owners])
        alone = joint.take(cells)
        found = Ascent.begin(
            self, alone.repeat(self.populations), streams.take(cells).repeat(self.populations), progress
        )
        found = found.complete()
        draws = self._kept(found).unflatten(0, (-1, self.populations))
        facts = self._facts(found) | _diagnostics.of_chains(alone, draws)
        posterior = DrawsPosterior.of_chains(joint.prior, draws[places.to(draws.device)])
        # Steps that a stack shares there are none: a cell's own number of temperatures is among its diagnostics.
        return Fit(posterior, 0, diagnostics={name: values[places.numpy()] for name, values in facts.items()})

    def _kept(self, found: Populations) -> torch.Tensor:
        """Draws (populations, kept, latents), the last of equal stretches; NaN where a likelihood is not finite."""
        n = max(1, min(self.particles, self.keep // self.populations))
        index = torch.arange(1, n + 1, device=found.latents.device) * self.particles // n - 1
        sound = (found.log_likelihood > IMPOSSIBLE).all(1)
        return torch.where(sound[:, None, None], found.latents[:, index], torch.nan)

    def _facts(self, found: Populations) -> dict[str, np.ndarray]:
        """Diagnostics by name, (cells,)."""
        # NumPy's reductions of a row do not depend on how many rows there are.
        temperatures, log_evidence, acceptance, step = (
            t.double().unflatten(0, (-1, self.populations)).cpu().numpy()
            for t in (found.temperatures, found.log_evidence, found.acceptance / self.moves, found.step)
        )
        roots = np.array([len(row.unique()) for row in found.root], float).reshape(log_evidence.shape)
        n, per_temperature = self.populations, self.particles * (self.moves * self.leapfrogs + 1)
        return {
            "log_evidence": np.logaddexp.reduce(log_evidence, axis=1) - np.log(n),
            "log_evidence_se": log_evidence.std(1, ddof=1) / n**0.5,
            "surviving_roots": roots.min(1),
            "temperatures": temperatures.mean(1),
            "acceptance": acceptance.sum(1) / temperatures.sum(1),
            "step_size": step.mean(1),
            "gradients": temperatures.sum(1) * per_temperature,
        }


METHOD = Smc
