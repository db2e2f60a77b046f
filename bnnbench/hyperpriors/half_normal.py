"""The half-normal: scales near zero are as likely as any, large ones are not."""

import math
from dataclasses import dataclass

from bnnbench.base.settings import Positive
from bnnbench.hyperpriors._base import Hyperprior


@dataclass(frozen=True)
class HalfNormal(Hyperprior):
    """s = |N(0, scale²)|."""

    scale: Positive = 1.0

    def log_density(self, log_s):
        constant = 0.5 * math.log(2 / math.pi) - math.log(self.scale)
        return constant - 0.5 * (2 * log_s).exp() / self.scale**2 + log_s

    def draw(self, rng, size):
        return abs(rng.standard_normal(size)) * self.scale

    def pymc(self, name):
        import pymc as pm

        return pm.HalfNormal(name, self.scale)


HYPERPRIOR = HalfNormal
