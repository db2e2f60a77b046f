"""The chains of Hamiltonian Monte Carlo: stretches of moves that adapt or sample, and going on in the middle of one."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.inference._hamiltonian import DualAveraging, Kernel, Spread, State, Target, trajectory_lengths, transition
from bnnbench.inference._optimise import initial_latents
from bnnbench.model.joint import block_size
from bnnbench.model.streams import Streams

WINDOWS = (0.15, 0.3, 0.5, 0.8, 1.0)
"""Ends of the stretches of warm-up as shares of it; the mass is learned from the second, third and fourth."""

RECORDED = 1000
"""Iterations of a chain, at even distances, whose functions are recorded at most: bounds memory."""


@dataclass
class Run:
    """Cells that still run, what was found of each so far, and the log joint (cells,) of the first round's moves."""

    todo: list[int]
    found: dict[int, dict] = field(default_factory=dict)
    trace: list[torch.Tensor] = field(default_factory=list)


@dataclass
class Gathered:
    """What a stretch of moves has gathered after `moves` of them."""

    moves: int = 0
    kept: list[torch.Tensor] = field(default_factory=list)
    functions: list[torch.Tensor] = field(default_factory=list)
    accepted: torch.Tensor | float = 0.0
    divergences: torch.Tensor | float = 0.0
    averaging: dict | None = None


@dataclass
class Chains:
    """The chains of some cells where they stand. `kernel` and the wanted `acceptance` belong to cells, `state` to rows.

    `target` and `streams` have a row for each chain. Cells are filled up with copies of the last to whole blocks of
    rows: compiled code wants them, and elsewhere torch rounds what is left over of a vector differently, which chains
    of many steps would make visible.
    """

    settings: Any
    target: Target
    streams: Streams
    state: State
    kernel: Kernel
    acceptance: torch.Tensor
    spread: Spread | None = None
    stored: dict | None = None
    """A state that was kept in the middle of a stretch which is still to come; None once it has been gone on from."""

    @classmethod
    def start(cls, settings, joint, streams, cells):
        cells = _whole_blocks(cells, settings.chains)
        joint, streams = joint.take(cells), streams.take(cells)
        kernel = Kernel.initial(joint)
        joint, streams = joint.repeat(settings.chains), streams.repeat(settings.chains)
        target = Target(joint, joint.x.new_full((joint.n_cells, joint.prior.n_scales), settings.centring))
        initial = initial_latents(joint, streams, settings.initial, settings.initial_scale)
        state, wanted = (
            State.at(target, target.position(initial)),
            torch.full_like(kernel.step, settings.target_acceptance),
        )
        return cls(settings, target, streams, state, kernel, wanted)

    def take(self, cells):
        cells = _whole_blocks(cells, self.settings.chains)
        index = torch.tensor(cells, device=self.acceptance.device)
        rows = (index.unsqueeze(1) * self.settings.chains + torch.arange(self.settings.chains).to(index)).flatten()
        kernel = Kernel(self.kernel.step[index], self.kernel.inverse_mass[index])
        target, state, streams = self.target.take(rows), self.state.take(rows), self.streams.take(rows.tolist())
        spread = self.spread and self.spread.take(rows)
        return Chains(self.settings, target, streams, state, kernel, self.acceptance[index], spread)

    def snapshot(self, stretch: str, gathered: Gathered, run: Run) -> dict:
        """All that is needed to go on in the middle of a stretch."""
        parts = {"state": self.state, "kernel": self.kernel, "spread": self.spread, "gathered": gathered, "run": run}
        found = {name: dict(vars(part)) for name, part in parts.items()}
        return found | {"stretch": stretch, "acceptance": self.acceptance}

    def restore(self, stored: dict) -> None:
        """Stand where the chains of a snapshot stood; the stretch goes on from there when its turn comes."""
        self.state, self.kernel = State(**stored["state"]), Kernel(**stored["kernel"])
        self.acceptance, self.stored = stored["acceptance"], stored

    def past(self, stretch: str) -> bool:
        """Whether a stretch lies before the one that the chains go on with."""
        return self.stored is not None and self.stored["stretch"] != stretch

    def _begin(self) -> Gathered:
        """Nothing gathered yet; where the stretch was cut off, what it had gathered."""
        stored, self.stored, self.spread = self.stored, None, Spread(self.settings.chains)
        if stored is None:
            return Gathered()
        self.spread.__dict__.update(stored["spread"])
        return Gathered(**stored["gathered"])

    @property
    def joint(self):
        return self.target.joint

    @property
    def latents(self):
        return self.target.latents(self.state.position)

    @property
    def active(self):
        return self.joint.prior.active[:: self.settings.chains]

    def warm_up(self, run, progress):
        """Step size all along; mass at the end of each window but the first and the last."""
        n, longest, start = self.settings.tune, self.settings.leapfrogs, 0
        lengths = trajectory_lengths(n, longest, 0)
        for window, share in enumerate(WINDOWS):
            end, name = round(share * n), f"warm-up-{window}"
            if self.past(name):
                start = end
                continue
            # Far from the posterior, and with no mass known, long trajectories are wasted.
            cap = max(1, longest // 4) if window == 0 else longest
            self._adapt(name, [min(k, cap) for k in lengths[start:end]], run, True, progress)
            if 0 < window < len(WINDOWS) - 1 and self.spread.n > 1:
                self._learn_mass()
            start = end

    def tune_again(self, number, diverged, run, progress):
        """Mass from the round before, then a step size for it, smaller in cells that diverged."""
        name = f"tune-{number}"
        if self.past(name):
            return
        if self.stored is None:
            self._learn_mass()
            diverged += diverged[-1:] * (len(self.acceptance) - len(diverged))
            diverged = torch.tensor(diverged, device=self.acceptance.device)
            self.acceptance = torch.where(diverged, (1 + self.acceptance) / 2, self.acceptance)
        lengths = trajectory_lengths(max(1, self.settings.tune // 4), self.settings.leapfrogs, 2 * number)
        self._adapt(name, lengths, run, False, progress)

    def sample(self, number, run, progress):
        """Run a round with all fixed; what it found of each cell."""
        s, n, name = self.settings, self.settings.samples * 2**number, f"round-{number}"
        lengths = trajectory_lengths(n, s.leapfrogs, 2 * number + 1)
        per_chain = max(1, s.keep // s.chains)
        thin, every = n // per_chain, -(-n // RECORDED)
        functions_of, g = probe(self.joint, s.probes), self._begin()
        for acceptance, divergent in self._moves(name, lengths, g, run, number == 0, progress):
            g.accepted, g.divergences = g.accepted + acceptance, g.divergences + divergent
            self.spread.add(self.state.position)
            if g.moves % thin == 0 and len(g.kept) < per_chain:
                g.kept.append(self.latents)
            if g.moves % every == 0:
                g.functions.append(functions_of(self.latents).float())
        cells = (-1, s.chains)
        draws = torch.stack(g.kept, 1).unflatten(0, cells)
        functions = torch.stack(g.functions, 1).unflatten(0, cells).cpu().numpy()
        acceptance, divergences = (g.accepted / n).tolist(), g.divergences.tolist()
        rows = zip(draws, functions, acceptance, divergences, self.kernel.step.tolist(), strict=True)
        return [
            {"draws": d, "facts": self._facts(f, acceptance, divergences, step, n, sum(lengths))}
            for d, f, acceptance, divergences, step in rows
        ]

    def _facts(self, functions, acceptance, divergences, step, n, gradients):
        rhat, ess = worst_rhat_and_ess(functions)
        return {
            "function_rhat": float(rhat), "function_ess": float(ess), "divergences": divergences,
            "acceptance": acceptance, "step_size": step, "draws_run": n * self.settings.chains,
            "gradients": gradients * self.settings.chains, "earlier_divergences": 0.0,
        }  # fmt: skip

    def _moves(self, stretch, lengths, gathered, run, traced, progress):
        """Move all chains once for each of the lengths that are left; yields acceptance and number of divergences, each
        (cells,). What is done with these belongs to the move, so the state is offered before the next one."""
        noise = self.streams.normals(f"hmc-{stretch}", (self.joint.prior.n_latents + 1,))
        begun = gathered.moves
        for t in range(begun, len(lengths)):
            if t > begun:
                progress.keep("hmc", lambda: self.snapshot(stretch, gathered, run))
            self.state, probability, divergent = transition(
                self.target, self.state, self.kernel, noise.step(t), lengths[t]
            )
            gathered.moves = t + 1
            if traced:
                run.trace.append(self._by_cell(self.target.log_joint(self.state).double()))
            progress(t + 1, len(lengths))
            yield self._by_cell(probability), self._by_cell(divergent.double()) * self.settings.chains

    def _by_cell(self, rows):
        return rows.unflatten(0, (-1, self.settings.chains)).mean(1)

    def _adapt(self, stretch, lengths, run, traced, progress):
        """Move with a step size that is being tuned; leaves the averaged step and the variances of the stretch."""
        gathered, averaging = self._begin(), DualAveraging(self.kernel.step, self.acceptance)
        if gathered.averaging:
            averaging.__dict__.update(gathered.averaging)
        gathered.averaging = vars(averaging)
        for acceptance, _ in self._moves(stretch, lengths, gathered, run, traced, progress):
            self.spread.add(self.state.position)
            self.kernel = replace(self.kernel, step=averaging.update(acceptance))
        if lengths:
            self.kernel = replace(self.kernel, step=averaging.averaged())

    def _learn_mass(self):
        self.kernel = replace(self.kernel, inverse_mass=self.spread.inverse_mass(self.active).to(self.joint.x))


def _whole_blocks(cells: list[int], chains: int) -> list[int]:
    cells_of_a_block = block_size() // math.gcd(block_size(), chains)
    return cells + [cells[-1]] * (-len(cells) % cells_of_a_block)
