"""The half-Cauchy: large scales stay possible (Gelman 2006)."""

import math
from dataclasses import dataclass

from bnnbench.base.settings import Positive
from bnnbench.hyperpriors._base import Hyperprior


@dataclass(frozen=True)
class HalfCauchy(Hyperprior):
    """s = |Cauchy(0, scale)|."""

    scale: Positive = 1.0

    def log_density(self, log_s):
        from torch.nn.functional import softplus

        constant = math.log(2 / math.pi) - math.log(self.scale)
        # log(1 + (s / scale)²) as a softplus, which neither overflows nor loses its gradient.
        return constant - softplus(2 * (log_s - math.log(self.scale))) + log_s

    def draw(self, rng, size):
        return abs(rng.standard_cauchy(size)) * self.scale

    def pymc(self, name):
        import pymc as pm

        return pm.HalfCauchy(name, self.scale)


HYPERPRIOR = HalfCauchy
