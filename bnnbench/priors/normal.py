"""The normal prior."""

import math
from dataclasses import dataclass

from bnnbench.priors._base import Prior


@dataclass(frozen=True)
class Normal(Prior):
    """N(0, 1)."""

    def log_density(self, z):
        return -0.5 * z.square() - 0.5 * math.log(2 * math.pi)

    def expected_log_density(self, mean, sd):
        return -0.5 * (mean.square() + sd.square()) - 0.5 * math.log(2 * math.pi)

    def draw(self, rng, size):
        return rng.standard_normal(size)

    def pymc(self, name, scale, shape):
        import pymc as pm

        return pm.Normal(name, 0, scale, shape=shape)


PRIOR = Normal
