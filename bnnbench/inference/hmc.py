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

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from bnnbench.gate import DIVERGENCES, ESS_ABOVE, RHAT_BELOW
from bnnbench.inference._base import DrawsPosterior, Fit, Method
from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.inference._hamiltonian import DualAveraging, Kernel, Spread, State, Target, trajectory_lengths, transition
from bnnbench.inference._optimise import TRACE_POINTS, initial_latents
from bnnbench.joint import block_size
from bnnbench.progress import SILENT
from bnnbench.streams import Streams

WINDOWS = (0.15, 0.3, 0.5, 0.8, 1.0)
"""Ends of the stretches of warm-up as shares of it; the mass is learned from the second, third and fourth."""

RECORDED = 1000
"""Iterations of a chain, at even distances, whose functions are recorded at most: bounds memory."""


@dataclass(frozen=True)
class Hmc(Method):
    """`samples` iterations a chain in the first round; trajectories of 1 to `leapfrogs` steps.

    `keep` draws a cell are stored, thinned evenly: first those of the first half of the chains, then the others'.
    Learned scales are centred in part, by `centring`: 0 moves (w / s, log s), 1 moves (w, log s) (see `Target`).
    """

    chains: int = 8
    tune: int = 300
    samples: int = 400
    leapfrogs: int = 128
    target_acceptance: float = 0.9
    rounds: int = 3
    keep: int = 1000
    probes: int = 50
    rhat: float = RHAT_BELOW
    ess: float = ESS_ABOVE
    centring: float = 0.5
    initial: str = "fan_in"
    initial_scale: float = 1.0

    posterior_class = DrawsPosterior

    def __post_init__(self):
        if self.chains < 2 or self.chains % 2:
            raise ValueError(f"hmc.chains must be even, so that halves can be compared, got {self.chains}")
        if not 0 < self.keep <= self.chains * self.samples:
            raise ValueError(f"hmc.keep must be from 1 to chains x samples = {self.chains * self.samples}")

    def fit(self, joint, streams, progress=SILENT):
        # A stack may be filled up with copies of a cell: each cell is run once.
        first = {owner: cell for cell, owner in reversed(list(enumerate(streams.owners)))}
        cells = list(first.values())
        todo, chains, found, trace = cells, _Chains.start(self, joint, streams, cells), {}, []
        chains.warm_up(trace, progress)
        for number in range(self.rounds):
            results = chains.sample(number, trace if number == 0 else [], progress)
            for cell, result in zip(todo, results, strict=False):
                if number:
                    old = found[cell]["facts"]
                    for name in ("earlier_divergences", "gradients"):
                        result["facts"][name] += old[name] + (old["divergences"] if name[0] == "e" else 0)
                found[cell] = result
            failing = [i for i, cell in enumerate(todo) if not self._passes(found[cell]["facts"])]
            if not failing or number + 1 == self.rounds:
                break
            diverged = [found[todo[i]]["facts"]["divergences"] > 0 for i in failing]
            chains, todo = chains.take(failing), [todo[i] for i in failing]
            chains.tune_again(number + 1, diverged, progress)
        ordered = [first[owner] for owner in streams.owners]
        draws = torch.stack([found[cell]["draws"] for cell in ordered])
        facts = {name: np.array([found[cell]["facts"][name] for cell in ordered]) for name in found[cells[0]]["facts"]}
        steps, values = _trace(trace)
        values = values[[cells.index(cell) for cell in ordered]]
        draws[~np.isfinite(values[:, -1])] = torch.nan  # never left where the log joint is not finite
        return Fit(DrawsPosterior.of_chains(joint.prior, draws), len(trace), steps, values, facts)

    def _passes(self, facts: dict) -> bool:
        sound = facts["divergences"] <= DIVERGENCES
        return facts["function_rhat"] < self.rhat and facts["function_ess"] > self.ess and sound


@dataclass
class _Chains:
    """The chains of some cells where they stand. `kernel` and the wanted `acceptance` belong to cells, `state` to rows.

    `target` and `streams` have a row for each chain. Cells are filled up with copies of the last to whole blocks of
    rows: compiled code wants them, and elsewhere torch rounds what is left over of a vector differently, which chains
    of many steps would make visible.
    """

    settings: Hmc
    target: Target
    streams: Streams
    state: State
    kernel: Kernel
    acceptance: torch.Tensor
    spread: Spread | None = None

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
        target, state, spread = self.target.take(rows), self.state.take(rows), self.spread.take(rows)
        streams = self.streams.take(rows.tolist())
        return _Chains(self.settings, target, streams, state, kernel, self.acceptance[index], spread)

    @property
    def joint(self):
        return self.target.joint

    @property
    def latents(self):
        return self.target.latents(self.state.position)

    @property
    def active(self):
        return self.joint.prior.active[:: self.settings.chains]

    def warm_up(self, trace, progress):
        """Step size all along; mass at the end of each window but the first and the last."""
        n, longest, start = self.settings.tune, self.settings.leapfrogs, 0
        lengths = trajectory_lengths(n, longest, 0)
        for window, share in enumerate(WINDOWS):
            end = round(share * n)
            # Far from the posterior, and with no mass known, long trajectories are wasted.
            cap = max(1, longest // 4) if window == 0 else longest
            self._adapt("warm-up", start, [min(k, cap) for k in lengths[start:end]], trace, progress)
            if 0 < window < len(WINDOWS) - 1 and self.spread.n > 1:
                self._learn_mass()
            start = end

    def tune_again(self, number, diverged, progress):
        """Mass from the round before, then a step size for it, smaller in cells that diverged."""
        self._learn_mass()
        diverged += diverged[-1:] * (len(self.acceptance) - len(diverged))
        diverged = torch.tensor(diverged, device=self.acceptance.device)
        self.acceptance = torch.where(diverged, (1 + self.acceptance) / 2, self.acceptance)
        lengths = trajectory_lengths(max(1, self.settings.tune // 4), self.settings.leapfrogs, 2 * number)
        self._adapt(f"tune-{number}", 0, lengths, [], progress)

    def sample(self, number, trace, progress):
        """Run a round with all fixed; what it found of each cell."""
        s, n = self.settings, self.settings.samples * 2**number
        lengths = trajectory_lengths(n, s.leapfrogs, 2 * number + 1)
        per_chain = max(1, s.keep // s.chains)
        thin, every = n // per_chain, -(-n // RECORDED)
        functions_of, self.spread = probe(self.joint, s.probes), Spread(s.chains)
        kept, functions, accepted, divergences = [], [], 0.0, 0.0
        for t, (acceptance, divergent) in enumerate(self._moves(f"round-{number}", 0, lengths, trace, progress), 1):
            accepted, divergences = accepted + acceptance, divergences + divergent
            self.spread.add(self.state.position)
            if t % thin == 0 and len(kept) < per_chain:
                kept.append(self.latents)
            if t % every == 0:
                functions.append(functions_of(self.latents).float())
        cells = (-1, s.chains)
        draws = torch.stack(kept, 1).unflatten(0, cells)
        functions = torch.stack(functions, 1).unflatten(0, cells).cpu().numpy()
        rows = zip(
            draws, functions, (accepted / n).tolist(), divergences.tolist(), self.kernel.step.tolist(), strict=True
        )
        return [
            {"draws": d, "facts": self._facts(f, acceptance, divergences, step, n, sum(lengths))}
            for d, f, acceptance, divergences, step in rows
        ]

    def _facts(self, functions, acceptance, divergences, step, n, gradients):
        rhat, ess = worst_rhat_and_ess(functions)
        return {
            "function_rhat": rhat, "function_ess": ess, "divergences": divergences, "acceptance": acceptance,
            "step_size": step, "draws_run": n * self.settings.chains, "gradients": gradients * self.settings.chains,
            "earlier_divergences": 0.0,
        }  # fmt: skip

    def _moves(self, purpose, start, lengths, trace, progress):
        """Move all chains once for each of the lengths; yields acceptance and number of divergences, each (cells,)."""
        noise = self.streams.normals(f"hmc-{purpose}", (self.joint.prior.n_latents + 1,))
        for t, leapfrogs in enumerate(lengths, start):
            self.state, probability, divergent = transition(
                self.target, self.state, self.kernel, noise.step(t), leapfrogs
            )
            trace.append(self._by_cell(self.target.log_joint(self.state).double()))
            progress(t + 1, start + len(lengths))
            yield self._by_cell(probability), self._by_cell(divergent.double()) * self.settings.chains

    def _by_cell(self, rows):
        return rows.unflatten(0, (-1, self.settings.chains)).mean(1)

    def _adapt(self, purpose, start, lengths, trace, progress):
        """Move with a step size that is being tuned; leaves the averaged step and the variances of the stretch."""
        averaging, self.spread = DualAveraging(self.kernel.step, self.acceptance), Spread(self.settings.chains)
        for acceptance, _ in self._moves(purpose, start, lengths, trace, progress):
            self.spread.add(self.state.position)
            self.kernel = replace(self.kernel, step=averaging.update(acceptance))
        if lengths:
            self.kernel = replace(self.kernel, step=averaging.averaged())

    def _learn_mass(self):
        self.kernel = replace(self.kernel, inverse_mass=self.spread.inverse_mass(self.active).to(self.joint.x))


def _whole_blocks(cells: list[int], chains: int) -> list[int]:
    cells_of_a_block = block_size() // math.gcd(block_size(), chains)
    return cells + [cells[-1]] * (-len(cells) % cells_of_a_block)


def _trace(values: list[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Mean log joint over chains and stretches of iterations, as the other methods' traces."""
    stretch = max(1, len(values) // TRACE_POINTS)
    ends = np.arange(stretch, len(values) + 1, stretch)
    return ends, torch.stack([torch.stack(values[e - stretch : e]).mean(0) for e in ends], 1).cpu().numpy()


METHOD = Hmc
