"""The Laplace prior: a peak at zero, and heavier tails than the normal's."""

import math
from dataclasses import dataclass

from bnnbench.priors._base import Prior


@dataclass(frozen=True)
class Laplace(Prior):
    """Laplace with scale b = 1, density exp(-|z|) / 2."""

    def log_density(self, z):
        return -z.abs() - math.log(2)

    def expected_log_density(self, mean, sd):
        ratio = mean / sd
        folded = sd * math.sqrt(2 / math.pi) * (-0.5 * ratio.square()).exp() + mean * (ratio / math.sqrt(2)).erf()
        return -folded - math.log(2)

    def draw(self, rng, size):
        return rng.laplace(size=size)

    def pymc(self, name, scale, shape):
        import pymc as pm

        return pm.Laplace(name, 0, scale, shape=shape)


PRIOR = Laplace
