"""Microcanonical Langevin ensembles: chains of unadjusted microcanonical Langevin dynamics that start from an ensemble.

Sommer, Robnik, Nozadze, Seljak & Rügamer (2025), Microcanonical Langevin ensembles. Every chain starts where a run of
`map` from initial values of its own has ended, so that none spends its warm-up on the way to a mode. Its step size is
tuned to the variance of the energy error, which is lowered while it warms up; the length over which it forgets its
direction is the width of the region that it went through in the second half of the warm-up. Chains move with two
gradients a step on all data; nothing is rejected, so that draws have a bias of the order of that variance. Whether
chains agree is judged in function space as those of other samplers, at RECORDED of their steps, of which the stored
draws are fewer.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, Positive
from bnnbench.inference import _microcanonical as micro
from bnnbench.inference._base import DrawsPosterior, Fit, Method
from bnnbench.inference._chains import check_kept, whole_blocks
from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.inference._optimise import Initial
from bnnbench.inference._trace import Trace
from bnnbench.inference.map import Map

PROBED, RECORDED = 20, 1000
"""Training inputs at which functions are followed, and steps of a chain at which they are recorded at most."""


@dataclass(frozen=True)
class Mile(Method):
    """`chains` a cell, each with `tune` steps of warm-up and `samples` of which about `keep` in all are stored.

    `start_steps` and `learning_rate` are those of the ensemble's `map`. `energy_variance` is that of a step's energy
    error, per latent, to which the step size is tuned; it begins at `early_energy_variance`. The paper goes from .5 to
    .1, where the bias is larger.
    """

    chains: Annotated[int, Field(ge=2, multiple_of=2)] = 8
    start_steps: Count = 1500
    learning_rate: Positive = 0.02
    tune: Count = 800
    samples: Count = 2500
    keep: Count = 1000
    energy_variance: Positive = 0.0005
    early_energy_variance: Positive = 0.1
    initial: Initial = "fan_in"
    initial_scale: Positive = 1.0

    posterior_class = DrawsPosterior
    needs_exact_density = True
    takes_many_gradients = True

    def __post_init__(self):
        super().__post_init__()
        check_kept(self)

    def fit(self, joint, streams, progress=SILENT):
        # Copies of the last cell fill up whole blocks of rows, so that a cell's rounding does not depend on the others.
        cells = whole_blocks(list(range(joint.n_cells)), self.chains)
        wide, of_chain = joint.take(cells).repeat(self.chains), streams.take(cells).repeat(self.chains)
        start = Map(
            steps=self.start_steps,
            learning_rate=self.learning_rate,
            initial=self.initial,
            initial_scale=self.initial_scale,
        ).fit(wide, of_chain, progress)
        walk = _Walk(self, wide, of_chain, progress, start.posterior.arrays["loc"])
        walk.complete()
        return self._summed_up(joint, walk)

    def _summed_up(self, joint, walk) -> Fit:
        def by_cell(rows):
            return rows.unflatten(0, (-1, self.chains))[: joint.n_cells]

        draws, means = by_cell(torch.stack(walk.kept, 1)), by_cell(walk.trace.means)
        sound = means.isfinite().all(2).all(1)
        draws = torch.where(sound[:, None, None, None], draws, torch.nan)
        functions = by_cell(torch.stack(walk.functions, 1)).cpu().numpy()
        rhat, ess = zip(*map(worst_rhat_and_ess, functions), strict=True)
        facts = {"function_rhat": np.array(rhat), "function_ess": np.array(ess)}
        found = {
            "step_size": walk.tuned.step,
            "decoherence_length": walk.length,
            "energy_variance": walk.squares / self.samples / walk.d,
        }
        facts |= {name: by_cell(rows).double().mean(1).cpu().numpy() for name, rows in found.items()}
        of_a_chain = self.start_steps + 2 * (self.tune + self.samples)
        facts["gradients"] = np.full(joint.n_cells, float(self.chains * of_a_chain))
        posterior = DrawsPosterior.of_chains(joint.prior, draws)
        return Fit(posterior, self.tune + self.samples, walk.trace.steps, means.mean(1).cpu().numpy(), facts)


class _Walk:
    """All chains on their way, and what they leave: `kept` positions, each (rows, latents), `functions` (rows, values)
    of them, the trace, the errors."""

    def __init__(self, settings: Mile, joint, streams, progress, start: torch.Tensor):
        self._settings, self._progress = settings, progress
        self._density = joint.value_and_gradient
        self._active = joint.prior.active.to(start)
        self.d = self._active.sum(1)
        self._noise = streams.normals("microcanonical", (joint.prior.n_latents,))
        first = streams.normals("directions", (joint.prior.n_latents,)).step(0) * self._active
        self._functions_of = probe(joint, PROBED)
        self.trace, self._done = Trace(settings.tune + settings.samples), 0
        self.kept, self.functions = [], []
        if state := progress.restored("mile"):
            self._restore(state)
            return
        self.walkers = micro.Walkers.at(self._density, start, first)
        # A step that any chain of so many latents can take, and the length of a posterior of sds of about 1.
        self.length = self.d.sqrt()
        self.tuned = micro.StepSize.start(0.01 * self.length)
        self.extent = micro.Extent.start(start)
        self.squares = torch.zeros_like(self.walkers.value, dtype=torch.float64)

    def complete(self) -> None:
        """Warm up and sample."""
        tune = self._settings.tune
        total = tune + self._settings.samples
        for t in range(self._done, total):
            error = self._move(t)
            if t < tune:
                self._learn(t, error)
            else:
                self.squares = self.squares + error.square()
                self._record(t - tune + 1)
            self._done = t + 1
            if self.trace.add(t + 1, self.walkers.value):
                self._progress(t + 1, total)
                self._progress.keep("mile", self._state)

    def _record(self, step: int) -> None:
        """Keep where the chains are, and their functions, at steps of even distances, from 1."""
        if self._is_due(step, self._settings.keep // self._settings.chains, len(self.kept)):
            self.kept.append(self.walkers.position)
        if self._is_due(step, RECORDED, len(self.functions)):
            with torch.no_grad():
                self.functions.append(self._functions_of(self.walkers.position).float())

    def _is_due(self, step: int, wanted: int, there: int) -> bool:
        every = max(1, self._settings.samples // max(1, wanted))
        return step % every == 0 and there < max(1, wanted)

    def _move(self, t: int) -> torch.Tensor:
        """A step of all chains; their energy errors (rows,)."""
        step, noise = self.tuned.step, self._noise.step(t) * self._active
        moved, error = micro.move(self._density, self.walkers, step, self._active)
        self.walkers = micro.decohere(moved, step, self.length, noise, self._active)
        return error

    def _learn(self, t: int, error: torch.Tensor) -> None:
        """Tune the step to an error that falls from early to late, geometrically; learn the length from the second
        half."""
        settings, share = self._settings, (t + 1) / self._settings.tune
        wanted = settings.early_energy_variance ** (1 - share) * settings.energy_variance**share
        self.tuned.update(error, self.d, wanted)
        if 2 * t == settings.tune or 2 * t == settings.tune - 1:
            self.extent = micro.Extent.start(self.walkers.position)
        self.extent.add(self.walkers.position)
        if t + 1 == settings.tune:
            found = self.extent.length(self.length)
            # Never less than some steps: a chain that forgets its direction at each goes nowhere.
            self.length = torch.maximum(found, 10 * self.tuned.step)

    def _state(self) -> dict:
        return {
            "done": self._done, "walkers": dict(vars(self.walkers)), "tuned": dict(vars(self.tuned)),
            "extent": dict(vars(self.extent)), "length": self.length, "squares": self.squares,
            "kept": list(self.kept), "functions": list(self.functions), "trace": self.trace.state,
        }  # fmt: skip

    def _restore(self, state: dict) -> None:
        self._done, self.kept, self.functions = state["done"], state["kept"], state["functions"]
        self.walkers, self.tuned = micro.Walkers(**state["walkers"]), micro.StepSize(**state["tuned"])
        self.extent, self.length, self.squares = micro.Extent(**state["extent"]), state["length"], state["squares"]
        self.trace.restore(state["trace"])


METHOD = Mile
