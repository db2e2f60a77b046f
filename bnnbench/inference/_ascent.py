"""The course of sequential Monte Carlo: populations go up from the prior, group by group; going on in its middle."""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch

from bnnbench.base.progress import Progress
from bnnbench.inference._particles import Populations
from bnnbench.model.joint import LogJoint, block_size
from bnnbench.model.streams import Streams

GROUP = 2**25
"""Numbers of training inputs, a copy a particle, that populations that go up together hold at most: bounds memory."""
CACHED = 2**17
"""Numbers that a block of particles may hold of each layer, so that it stays in the processor's cache."""
NARROWED = 0.75
"""Share of the populations that must be under way for the others to keep their places: to leave takes time too."""
DECADES = 4
"""Powers of ten of the inverse temperature over which progress is shown: temperatures grow by about the same factor."""


@dataclass
class Ascent:
    """A fit under way. `joint` and `streams` have a row for each population, `settings` are those of `Smc`.

    `found` holds the populations that have arrived, by number. Those of `going`, of one group, of which some may have
    arrived, stand at `state` after so many `temperatures`; filled up with copies of the last to whole blocks of
    particles, as chains are.
    """

    settings: Any
    joint: LogJoint
    streams: Streams
    progress: Progress
    found: dict[int, Populations]
    going: list[int]
    temperatures: int = 0
    state: Populations | None = None

    @classmethod
    def begin(cls, settings, joint: LogJoint, streams: Streams, progress: Progress) -> "Ascent":
        """Where a killed fit stood, or at the start."""
        if not (stored := progress.restored("smc")):
            return cls(settings, joint, streams, progress, {}, [])
        found = {number: Populations(**one) for number, one in stored["found"].items()}
        state = Populations(**stored["state"])
        return cls(settings, joint, streams, progress, found, stored["going"], stored["temperatures"], state)

    def snapshot(self) -> dict:
        """All that is needed to go on: tensors, numbers, and lists and dicts of them."""
        found = {number: _plain(one) for number, one in self.found.items()}
        return {
            "found": found, "going": self.going, "temperatures": self.temperatures, "state": _plain(self.state)
        }  # fmt: skip

    def complete(self) -> Populations:
        """Bring all populations to the posterior; returns them in their order."""
        size = max(1, GROUP // (self.joint.x[0].numel() * self.settings.particles))
        while self.going or len(self.found) < self.joint.n_cells:
            if not self.going:
                left = [number for number in range(self.joint.n_cells) if number not in self.found]
                self.going, self.temperatures, self.state = left[:size], 0, None
            self._go_on()
        each = [self.found[number] for number in range(self.joint.n_cells)]
        return Populations(*(torch.cat([getattr(one, f.name) for one in each]) for f in fields(Populations)))

    def _go_on(self) -> None:
        """Bring the populations that are going further, until a quarter of them has arrived."""
        settings, n = self.settings, self.settings.particles
        numbers = self._whole_blocks(self.going)
        joint, streams = self.joint.take(numbers).repeat(n), self.streams.take(numbers)
        joint.block = joint.n_cells if joint.x.device.type != "cpu" else self._block
        if self.state is None:
            self.state = Populations.of_prior(joint, streams, n)
        normals = streams.normals("smc-moves", (n, joint.prior.n_latents + 2))
        resampling = streams.normals("smc-resampling", ())
        while len(self._underway()) > NARROWED * len(self.going):
            t = self.temperatures
            uniform = torch.special.ndtr(resampling.step(t).double())
            noise = [normals.step(t * settings.moves + move) for move in range(settings.moves)]
            cooled = self.state.cooled(settings.ess, uniform)
            self.state = cooled.moved(joint, noise, settings.leapfrogs, settings.target_acceptance)
            self.temperatures = t + 1
            self._put_aside()
            self._report()
        self._narrow()

    def _underway(self) -> list[int]:
        """Places of those among the ones that are going that have not arrived."""
        return [place for place, number in enumerate(self.going) if number not in self.found]

    def _put_aside(self) -> None:
        """Keep those that have arrived as they are: what moves on in their places is of no account."""
        arrived = (self.state.beta >= 1).tolist()
        for place in self._underway():
            if arrived[place]:
                self.found[self.going[place]] = self.state.take([place])

    def _narrow(self) -> None:
        """Go on with those alone that have not arrived."""
        places = self._underway()
        self.going = [self.going[place] for place in places]
        self.state = self.state.take(self._whole_blocks(places)) if places else None

    @property
    def _block(self) -> int:
        """Particles that the processor computes together, whatever the stack, since rounding depends on it.

        Of small data more than cells of other methods: a call takes as long to begin as a few points take to compute.
        """
        joint, block = self.joint, block_size()
        a_particle = joint.n_points * max(p.shape[0] for p in joint.network.parameters)
        of_cell = self.settings.particles * self.settings.populations
        while 2 * block <= of_cell and 2 * block * a_particle <= CACHED:
            block *= 2
        return block

    def _whole_blocks(self, of_populations: list[int]) -> list[int]:
        """One entry a population, the last repeated until their particles are whole blocks."""
        populations_of_a_block = self._block // math.gcd(self._block, self.settings.particles)
        return of_populations + [of_populations[-1]] * (-len(of_populations) % populations_of_a_block)

    def _report(self) -> None:
        """Progress in hundredths of a population, and the state for a fit that goes on here."""
        betas = self.state.beta[self._underway()].tolist()
        shares = [max(0.0, 1 + math.log10(beta) / DECADES) for beta in betas]
        self.progress(int(100 * (len(self.found) + sum(shares))), 100 * self.joint.n_cells)
        self.progress.keep("smc", self.snapshot)


def _plain(populations: Populations) -> dict:
    return {field.name: getattr(populations, field.name) for field in fields(populations)}
