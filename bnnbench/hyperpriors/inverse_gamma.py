"""The inverse-gamma: scales near zero are ruled out."""

import math
from dataclasses import dataclass

from bnnbench.base.settings import Positive
from bnnbench.hyperpriors._base import Hyperprior


@dataclass(frozen=True)
class InverseGamma(Hyperprior):
    """Inverse-gamma on s itself, density proportional to s^(-shape - 1) exp(-scale / s)."""

    shape: Positive = 1.0
    scale: Positive = 1.0

    def log_density(self, log_s):
        constant = self.shape * math.log(self.scale) - math.lgamma(self.shape)
        return constant - self.shape * log_s - self.scale * (-log_s).exp()

    def draw(self, rng, size):
        return self.scale / rng.gamma(self.shape, size=size)

    def pymc(self, name):
        import pymc as pm

        return pm.InverseGamma(name, self.shape, self.scale)


HYPERPRIOR = InverseGamma
