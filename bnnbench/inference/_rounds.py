"""The course of Hamiltonian Monte Carlo: warm-up, then rounds until every cell has passed; going on in its middle.

A course is a list of stretches of moves, each with a name. What a killed fit goes on from is where its chains stood in
the middle of a stretch, with what the stretch had gathered: the stretches before it are passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import pairwise

import torch

from bnnbench.base.progress import Progress
from bnnbench.inference._chains import Chains, Gathered
from bnnbench.inference._diagnostics import probe, worst_rhat_and_ess
from bnnbench.inference._hamiltonian import DualAveraging, Kernel, Spread, State, trajectory_lengths

WINDOWS = (0.15, 0.3, 0.5, 0.8, 1.0)
"""Ends of the windows of warm-up as shares of it; the mass is learned from the second, third and fourth."""

RECORDED = 1000
"""Iterations of a chain, at even distances, whose functions are recorded at most: bounds memory."""


@dataclass(frozen=True)
class Stretch:
    """Moves of all chains, of `lengths` leapfrog steps each, in or before the round of a number.

    Where it `samples` the kernel is fixed and draws are recorded: that is a round itself. Elsewhere the step size is
    tuned, and where it `learns_mass` its variances are the inverse mass of what follows.
    """

    name: str
    lengths: list[int]
    round: int
    samples: bool = False
    learns_mass: bool = False


def course(settings) -> list[Stretch]:
    """All that chains do one after the other, with the settings of `Hmc`, where no round passes a cell."""
    stretches = _warm_up(settings)
    for number in range(settings.rounds):
        if number:
            n = max(1, settings.tune // 4)
            lengths = trajectory_lengths(n, settings.leapfrogs, 2 * number)
            stretches.append(Stretch(f"tune-{number}", lengths, number))
        lengths = trajectory_lengths(settings.samples * 2**number, settings.leapfrogs, 2 * number + 1)
        stretches.append(Stretch(f"round-{number}", lengths, number, samples=True))
    return stretches


def _warm_up(settings) -> list[Stretch]:
    """Windows in all of which the step size is tuned; mass at the end of each but the first and the last."""
    lengths, found = trajectory_lengths(settings.tune, settings.leapfrogs, 0), []
    ends = [round(share * settings.tune) for share in WINDOWS]
    for window, (start, end) in enumerate(pairwise([0, *ends])):
        # Far from the posterior, and with no mass known, long trajectories are wasted.
        longest = max(1, settings.leapfrogs // 4) if window == 0 else settings.leapfrogs
        inner = 0 < window < len(WINDOWS) - 1
        capped = [min(length, longest) for length in lengths[start:end]]
        found.append(Stretch(f"warm-up-{window}", capped, 0, learns_mass=inner))
    return found


@dataclass
class Result:
    """What the last round of a cell left: `draws` (chains, draws, latents), and `facts`, numbers by name."""

    draws: torch.Tensor
    facts: dict[str, float]


@dataclass
class Run:
    """A fit under way: the chains of the cells `todo` that have not passed, and what was `found` of each cell so far.

    `trace` holds the log joint (cells,) after each move until the end of the first round. `stretch` is the name of the
    last stretch that was begun, and `gathered` what it gathered.
    """

    chains: Chains
    todo: list[int]
    progress: Progress
    found: dict[int, Result] = field(default_factory=dict)
    trace: list[torch.Tensor] = field(default_factory=list)
    stretch: str | None = None
    gathered: Gathered | None = None

    @classmethod
    def begin(cls, settings, joint, streams, cells: list[int], progress: Progress) -> "Run":
        """The run of these cells of the joint: where a killed one stood, or from the start."""
        chains = Chains.start(settings, joint, streams, cells)
        if stored := progress.restored("hmc"):
            return cls.resumed(stored, chains, cells, progress)
        return cls(chains, list(cells), progress)

    @classmethod
    def resumed(cls, stored: dict, chains: Chains, cells: list[int], progress: Progress) -> "Run":
        """Where a run stood when it gave the `snapshot` stored, given the chains of all its cells at their start."""
        todo, found = stored["todo"], {cell: Result(**result) for cell, result in stored["found"].items()}
        chains = chains.take([cells.index(cell) for cell in todo])
        chains.state, chains.kernel = State(**stored["state"]), Kernel(**stored["kernel"])
        chains.target_acceptance = stored["target_acceptance"]
        gathered = Gathered.restored(stored["gathered"])
        return cls(chains, todo, progress, found, stored["trace"], stored["stretch"], gathered)

    def snapshot(self) -> dict:
        """All that is needed to go on in the middle of a stretch: tensors, numbers, and lists and dicts of them."""
        of_run = {name: getattr(self, name) for name in ("todo", "found", "trace", "stretch", "gathered")}
        of_chains = {name: getattr(self.chains, name) for name in ("state", "kernel", "target_acceptance")}
        return _plain(of_run | of_chains)

    def complete(self) -> None:
        """Do what is left of the course, until all cells have passed."""
        settings = self.chains.settings
        for stretch in self._ahead():
            if not stretch.samples:
                self._tune(stretch)
                continue
            self._sample(stretch)
            failing = [i for i, cell in enumerate(self.todo) if not settings.passes(self.found[cell].facts)]
            if not failing or stretch.round + 1 == settings.rounds:
                return
            self._narrow(failing)

    def _ahead(self) -> list[Stretch]:
        """The stretches of the course from the one that was begun last."""
        stretches = course(self.chains.settings)
        begun = [i for i, stretch in enumerate(stretches) if stretch.name == self.stretch]
        return stretches[begun[0] :] if begun else stretches

    def _narrow(self, failing: list[int]) -> None:
        """Go on with the failing cells alone, given by their places, for which the round counts as warm-up.

        Their mass is that of the round; cells that diverged in it get a higher target acceptance.
        """
        spread = self.gathered.spread.take(self.chains.rows(failing))
        self.todo, self.chains = [self.todo[i] for i in failing], self.chains.take(failing)
        self.chains.learn_mass(spread)
        self.chains.accept_more([self.found[cell].facts["divergences"] > 0 for cell in self.todo])

    def _tune(self, stretch: Stretch) -> None:
        """Move with a step size that is tuned after each move; leaves its average, and the mass where it is learned."""
        if not stretch.lengths:
            return
        chains, gathered = self.chains, self._gathered(stretch)
        for acceptance, _ in self._moves(stretch, gathered):
            gathered.spread.add(chains.state.position)
            chains.set_step(gathered.averaging.update(acceptance))
        chains.set_step(gathered.averaging.averaged())
        if stretch.learns_mass and gathered.spread.n > 1:
            chains.learn_mass(gathered.spread)

    def _sample(self, stretch: Stretch) -> None:
        """Run a round with all fixed, and put down what it found of each cell."""
        chains, settings, n = self.chains, self.chains.settings, len(stretch.lengths)
        draws_wanted = max(1, settings.keep // settings.chains)
        draw_every, functions_every = n // draws_wanted, -(-n // RECORDED)
        functions_of, gathered = probe(chains.joint, settings.probes), self._gathered(stretch)
        for acceptance, divergences in self._moves(stretch, gathered):
            gathered.acceptance = gathered.acceptance + acceptance
            gathered.divergences = gathered.divergences + divergences
            gathered.spread.add(chains.state.position)
            if gathered.moves % draw_every == 0 and len(gathered.draws) < draws_wanted:
                gathered.draws.append(chains.latents)
            if gathered.moves % functions_every == 0:
                gathered.functions.append(functions_of(chains.latents).float())
        for cell, result in zip(self.todo, self._results(stretch), strict=True):
            if cell in self.found:
                result.facts = _with_earlier(result.facts, self.found[cell].facts)
            self.found[cell] = result

    def _gathered(self, stretch: Stretch) -> Gathered:
        """What the stretch has gathered: nothing yet, unless the run goes on in its middle."""
        if stretch.name != self.stretch:
            chains = self.chains
            averaging = None if stretch.samples else DualAveraging.start(chains.kernel.step, chains.target_acceptance)
            self.stretch, self.gathered = stretch.name, Gathered(Spread(chains.settings.chains), averaging)
        return self.gathered

    def _moves(self, stretch: Stretch, gathered: Gathered) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Make the moves of a stretch that are left; yields acceptance and number of divergences, each (cells,)."""
        noise = self.chains.streams.normals(f"hmc-{stretch.name}", (self.chains.joint.prior.n_latents + 1,))
        for t in range(gathered.moves, len(stretch.lengths)):
            found = self.chains.move(noise.step(t), stretch.lengths[t])
            gathered.moves = t + 1
            if stretch.round == 0:
                self.trace.append(self.chains.log_joint())
            self.progress(t + 1, len(stretch.lengths))
            yield found
            # Only now: what is done with what was found belongs to the move.
            self.progress.keep("hmc", self.snapshot)

    def _results(self, stretch: Stretch) -> list[Result]:
        """What a round that is over found of each of the cells `todo`."""
        gathered, n_chains, n = self.gathered, self.chains.settings.chains, len(stretch.lengths)
        by_cell = -1, n_chains
        draws = torch.stack(gathered.draws, 1).unflatten(0, by_cell)
        functions = torch.stack(gathered.functions, 1).unflatten(0, by_cell).cpu().numpy()
        acceptance, divergences = (gathered.acceptance / n).tolist(), gathered.divergences.tolist()
        steps, results = self.chains.kernel.step.tolist(), []
        for i in range(len(self.todo)):  # what follows them are copies that fill up a block
            rhat, ess = worst_rhat_and_ess(functions[i])
            facts = {
                "function_rhat": float(rhat), "function_ess": float(ess), "divergences": divergences[i],
                "acceptance": acceptance[i], "step_size": steps[i], "draws_run": n * n_chains,
                "gradients": sum(stretch.lengths) * n_chains, "earlier_divergences": 0.0,
            }  # fmt: skip
            results.append(Result(draws[i], facts))
        return results


def _with_earlier(facts: dict, earlier: dict) -> dict:
    """Facts of a round with the divergences and the gradients of the rounds before it, given the last one's facts."""
    return facts | {
        "gradients": facts["gradients"] + earlier["gradients"],
        "earlier_divergences": earlier["earlier_divergences"] + earlier["divergences"],
    }


def _plain(value):
    """Dataclasses, also in dictionaries and in each other, as dictionaries of their fields; all else as it is."""
    if is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    return {key: _plain(v) for key, v in value.items()} if isinstance(value, dict) else value
