"""A mixture of a wide and a narrow normal (Blundell et al. 2015)."""

import math
from dataclasses import dataclass

from bnnbench.base.settings import Positive, ProperShare
from bnnbench.priors._base import Prior


@dataclass(frozen=True)
class ScaleMixture(Prior):
    """weight N(0, 1) + (1 - weight) N(0, ratio²) (Blundell et al. 2015, eq. 7, at unit scale)."""

    weight: ProperShare = 0.5
    ratio: Positive = 0.1

    def log_density(self, z):
        wide = -0.5 * z.square() + math.log(self.weight)
        narrow = -0.5 * (z / self.ratio).square() + math.log((1 - self.weight) / self.ratio)
        return wide.logaddexp(narrow) - 0.5 * math.log(2 * math.pi)

    def draw(self, rng, size):
        narrow = rng.random(size) > self.weight
        return rng.standard_normal(size) * (1 + narrow * (self.ratio - 1))

    def pymc(self, name, scale, shape):
        import numpy as np
        import pymc as pm

        scales = np.stack([scale, scale * self.ratio], axis=-1)  # a scale may be an array of the shape
        return pm.NormalMixture(name, [self.weight, 1 - self.weight], 0, scales, shape=shape)


PRIOR = ScaleMixture
