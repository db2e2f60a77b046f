"""The chains of Hamiltonian Monte Carlo where they stand, and what the moves of a stretch leave behind."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from bnnbench.inference._hamiltonian import DualAveraging, Kernel, Spread, State, Target, transition
from bnnbench.inference._optimise import initial_latents
from bnnbench.model.joint import block_size
from bnnbench.model.streams import Streams


@dataclass
class Chains:
    """The chains of some cells where they stand; `settings` are those of `Hmc`.

    `target`, `streams` and `state` have a row for each chain, neighbours being of one cell. The kernel and the
    acceptance that its step size is tuned to, `target_acceptance` (cells,), belong to cells. Cells are filled up with
    copies of the last to whole blocks of rows: compiled code wants them, and elsewhere torch rounds what is left over
    of a vector differently, which chains of many steps would make visible.
    """

    settings: Any
    target: Target
    streams: Streams
    state: State
    kernel: Kernel
    target_acceptance: torch.Tensor

    @classmethod
    def start(cls, settings, joint, streams, cells: list[int]) -> "Chains":
        """At initial values of each chain's own, for these cells of the joint."""
        cells = whole_blocks(cells, settings.chains)
        joint, streams = joint.take(cells), streams.take(cells)
        kernel = Kernel.initial(joint)
        joint, streams = joint.repeat(settings.chains), streams.repeat(settings.chains)
        target = Target(joint, joint.x.new_full((joint.n_cells, joint.prior.n_scales), settings.centring))
        initial = initial_latents(joint, streams, settings.initial, settings.initial_scale)
        state = State.at(target, target.position(initial))
        return cls(settings, target, streams, state, kernel, torch.full_like(kernel.step, settings.target_acceptance))

    def rows(self, cells: list[int]) -> torch.Tensor:
        """Rows of the chains of these cells, given by their places; of whole blocks."""
        index = self._places(cells)
        return (index.unsqueeze(1) * self.settings.chains + torch.arange(self.settings.chains).to(index)).flatten()

    def take(self, cells: list[int]) -> "Chains":
        """The chains of these cells, given by their places, where they stand."""
        index, rows = self._places(cells), self.rows(cells)
        kernel = Kernel(self.kernel.step[index], self.kernel.inverse_mass[index])
        target, state, streams = self.target.take(rows), self.state.take(rows), self.streams.take(rows.tolist())
        return Chains(self.settings, target, streams, state, kernel, self.target_acceptance[index])

    def _places(self, cells: list[int]) -> torch.Tensor:
        return torch.tensor(whole_blocks(cells, self.settings.chains), device=self.target_acceptance.device)

    @property
    def joint(self):
        """The log joint with a row for each chain."""
        return self.target.joint

    @property
    def latents(self) -> torch.Tensor:
        """Where the chains stand, (rows, latents)."""
        return self.target.latents(self.state.position)

    def log_joint(self) -> torch.Tensor:
        """Log joint where the chains stand, (cells,): the mean over the chains of a cell."""
        return self._by_cell(self.target.log_joint(self.state).double())

    def move(self, noise: torch.Tensor, leapfrogs: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Move all chains once; mean acceptance probability and number of divergences of each cell, (cells,)."""
        self.state, probability, divergent = transition(self.target, self.state, self.kernel, noise, leapfrogs)
        return self._by_cell(probability), self._by_cell(divergent.double()) * self.settings.chains

    def _by_cell(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.unflatten(0, (-1, self.settings.chains)).mean(1)

    def set_step(self, step: torch.Tensor) -> None:
        self.kernel = replace(self.kernel, step=step)

    def learn_mass(self, spread: Spread) -> None:
        """Take the variances of a stretch of these chains for their inverse mass."""
        active = self.joint.prior.active[:: self.settings.chains]
        self.kernel = replace(self.kernel, inverse_mass=spread.inverse_mass(active).to(self.joint.x))

    def accept_more(self, diverged: list[bool]) -> None:
        """Halve the share of rejections that is aimed at, which makes steps smaller, in cells that diverged."""
        where = torch.tensor(whole_blocks(diverged, self.settings.chains), device=self.target_acceptance.device)
        self.target_acceptance = torch.where(where, (1 + self.target_acceptance) / 2, self.target_acceptance)


def check_kept(settings) -> None:
    """ValueError where `keep` draws are asked for of `chains` that make fewer in `samples` steps each."""
    there = settings.chains * settings.samples
    if settings.keep > there:
        raise ValueError(f"keep is {settings.keep}: there are only chains x samples = {there} draws")


def whole_blocks(of_cells: list, chains: int) -> list:
    """One entry a cell, the last repeated until the cells' chains are whole blocks of rows."""
    cells_of_a_block = block_size() // math.gcd(block_size(), chains)
    return of_cells + [of_cells[-1]] * (-len(of_cells) % cells_of_a_block)


@dataclass
class Gathered:
    """What a stretch has gathered after `moves` of its moves; `spread` is that of the positions.

    Of a stretch that tunes the step size: `averaging`. Of a round: `draws` (rows, latents) and `functions` (rows,
    functions) that were recorded, and the sums over moves of the acceptance probabilities and of the divergences,
    (cells,).
    """

    spread: Spread
    averaging: DualAveraging | None = None
    moves: int = 0
    draws: list[torch.Tensor] = field(default_factory=list)
    functions: list[torch.Tensor] = field(default_factory=list)
    acceptance: torch.Tensor | float = 0.0
    divergences: torch.Tensor | float = 0.0

    @classmethod
    def restored(cls, stored: dict) -> "Gathered":
        """Of a dictionary of all its fields, those of `spread` and `averaging` being dictionaries too."""
        averaging = stored["averaging"] and DualAveraging(**stored["averaging"])
        return cls(**stored | {"spread": Spread(**stored["spread"]), "averaging": averaging})
