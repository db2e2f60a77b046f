"""Hamiltonian Monte Carlo with many chains: the reference that the other methods are measured against.

Targets the log joint on the unconstrained latents, hyperpriors' log scales included, with all data in each gradient
(Neal 2011; Izmailov et al. 2021 for networks). Every chain starts at initial values of its own, drawn at the width of
a network's usual initialisation: networks that differ in function, and far from the posterior's typical set.

Warm-up adapts each cell's step size by dual averaging (Hoffman & Gelman 2014) and its diagonal mass in growing
windows from within-chain variances; sampling keeps both fixed. Trajectories have a random number of leapfrog steps,
the same for the whole stack. Convergence is judged in function space (Vehtari et al. 2021): a cell whose worst split
R-hat of the log-odds at its probes is not below `rhat`, whose worst bulk ESS is not above `ess`, or which had a
divergence after warm-up, goes on for another round of twice the length, for which the failed round counts as warm-up:
mass from its variances, step size tuned anew, with a higher target acceptance after divergences. What the last round
leaves unconverged is returned as it is, with its diagnostics.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from bnnbench.base.gate import DIVERGENCES, ESS_ABOVE, RHAT_BELOW
from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, ProperShare, Share
from bnnbench.inference._base import DrawsPosterior, Fit, Method
from bnnbench.inference._chains import check_kept
from bnnbench.inference._optimise import Initial
from bnnbench.inference._rounds import Run
from bnnbench.inference._trace import stretch_of


@dataclass(frozen=True)
class Hmc(Method):
    """`samples` iterations a chain in the first round; trajectories of 1 to `leapfrogs` steps.

    `chains` are even in number, so that halves can be compared.
    `keep` draws a cell are stored, thinned evenly: first those of the first half of the chains, then the others'.
    Learned scales are centred in part, by `centring`: 0 moves (w / s, log s), 1 moves (w, log s) (see `Target`).
    """

    chains: Annotated[int, Field(ge=2, multiple_of=2)] = 8
    tune: Count = 300
    samples: Count = 400
    leapfrogs: Count = 128
    target_acceptance: ProperShare = 0.9
    rounds: Count = 3
    keep: Count = 1000
    probes: Count = 50
    rhat: Annotated[float, Field(gt=1)] = RHAT_BELOW
    ess: NonNegative = ESS_ABOVE
    centring: Share = 0.5
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0

    posterior_class = DrawsPosterior
    needs_exact_density = True
    takes_many_gradients = True

    def __post_init__(self):
        super().__post_init__()
        check_kept(self)

    def fit(self, joint, streams, progress=SILENT):
        # A stack may be filled up with copies of a cell: each cell is run once.
        first = {owner: cell for cell, owner in reversed(list(enumerate(streams.owners)))}
        cells = list(first.values())
        run = Run.begin(self, joint, streams, cells, progress)
        run.complete()
        results = [run.found[first[owner]] for owner in streams.owners]
        draws = torch.stack([result.draws for result in results])
        facts = {name: np.array([result.facts[name] for result in results]) for name in results[0].facts}
        steps, values = _trace(run.trace)
        values = values[[cells.index(first[owner]) for owner in streams.owners]]
        draws[~np.isfinite(values[:, -1])] = torch.nan  # never left where the log joint is not finite
        return Fit(DrawsPosterior.of_chains(joint.prior, draws), len(run.trace), steps, values, facts)

    def passes(self, facts: dict) -> bool:
        """Whether a cell with these facts of its last round needs no other."""
        sound = facts["divergences"] <= DIVERGENCES
        return facts["function_rhat"] < self.rhat and facts["function_ess"] > self.ess and sound


def _trace(values: list[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Mean log joint over chains and stretches of iterations, as the other methods' traces."""
    stretch = stretch_of(len(values))
    ends = np.arange(stretch, len(values) + 1, stretch)
    return ends, torch.stack([torch.stack(values[e - stretch : e]).mean(0) for e in ends], 1).cpu().numpy()


METHOD = Hmc
