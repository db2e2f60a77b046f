"""What a hyperprior is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # planning reads hyperpriors too, and must not wait for torch
    import torch


@dataclass(frozen=True)
class Hyperprior:
    """A density of a positive scale s: a dataclass of its options, in a file of its own that gives it its name.

    There is one scale for each parameter tensor, or where `shared` one for the whole network.
    """

    shared: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The name of its file, by which a study names it."""
        return type(self).__module__.rpartition(".")[2]

    def log_density(self, log_s: torch.Tensor) -> torch.Tensor:
        """Log density of log s, that is log p(s) + log s: the Jacobian of s = exp(log s) is in it."""
        raise NotImplementedError

    def draw(self, rng, size):
        """Draws of s with a NumPy generator."""
        raise NotImplementedError

    def pymc(self, name: str):
        """PyMC's variable of that name, on which PyMC puts its own log transform; None: it has no form."""
        return None
