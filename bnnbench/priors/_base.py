"""What a prior family is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # planning reads families too, and must not wait for torch
    import torch


@dataclass(frozen=True)
class Prior:
    """A family at unit scale: a dataclass of its options, in a file of its own that gives it its name.

    `fixed_scale` is set where the family has no free scale. Equal families share compiled kernels.
    """

    fixed_scale: ClassVar[float | None] = None

    @property
    def name(self) -> str:
        """The name of its file, by which a study names it."""
        return type(self).__module__.rpartition(".")[2]

    def log_density(self, z: torch.Tensor) -> torch.Tensor:
        """Log density of z at unit scale, element by element; finite for every finite z."""
        raise NotImplementedError

    def expected_log_density(self, mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor | None:
        """E[log p(z)] for z ~ N(mean, sd²) in closed form, or None where there is none."""
        return None

    def draw(self, rng, size):
        """Draws at unit scale with a NumPy generator."""
        raise NotImplementedError

    def pymc(self, name: str, scale, shape: tuple[int, ...]):
        """PyMC's variable of that name and shape, at a scale (a number or a PyMC variable); None: it has no form."""
        return None
