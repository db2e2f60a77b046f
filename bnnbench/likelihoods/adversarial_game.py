"""No likelihood at all: samples are judged by a discriminator, and a generator's density is not known.

It stands where other tasks have one. There is neither a density nor an objective to climb: what is looked for is the
equilibrium of a game between two players, each of whom has a loss of its own (Goodfellow et al. 2014, eq. 1).
"""

from dataclasses import dataclass
from typing import ClassVar

from bnnbench.likelihoods._base import Likelihood


@dataclass(frozen=True)
class AdversarialGame(Likelihood):
    """No options, no latents of its own."""

    task: ClassVar[str] = "generation"
    reads: ClassVar[str] = "samples"
    is_game: ClassVar[bool] = True

    @property
    def is_density(self):
        return False


LIKELIHOOD = AdversarialGame
