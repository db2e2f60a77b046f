"""A density by change of variables from a standard normal: log p(x) = log N(z(x); 0, I) + log|det dz/dx|.

There is no target besides the inputs. The network gives the coordinates z and, last, the log determinant.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from bnnbench.likelihoods._base import Likelihood


@dataclass(frozen=True)
class NormalBase(Likelihood):
    """No options, no latents of its own."""

    task: ClassVar[str] = "density"
    reads: ClassVar[str] = "bijection"

    def dimensions(self, n_outputs: int) -> int:
        """How many numbers a point has, of a network with so many outputs."""
        return n_outputs - 1

    def log_density(self, outputs):
        """log p(x) of each point, (cells, points)."""
        z, log_det = outputs[:, :-1], outputs[:, -1]
        return log_det - 0.5 * z.square().sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)

    def log_prob(self, outputs, y, own):
        return self.log_density(outputs).sum(1)

    def functions(self, outputs, own):
        return self.log_density(outputs)

    @property
    def summary(self):
        from bnnbench.likelihoods._densities import DensitySummary

        return DensitySummary(self)


LIKELIHOOD = NormalBase
