"""The Cauchy prior: tails so heavy that no moment exists."""

import math
from dataclasses import dataclass

from bnnbench.priors._base import Prior


@dataclass(frozen=True)
class Cauchy(Prior):
    """Standard Cauchy, density 1 / (pi (1 + z²))."""

    def log_density(self, z):
        return -z.square().log1p() - math.log(math.pi)

    def draw(self, rng, size):
        return rng.standard_cauchy(size)

    def pymc(self, name, scale, shape):
        import pymc as pm

        return pm.Cauchy(name, 0, scale, shape=shape)


PRIOR = Cauchy
