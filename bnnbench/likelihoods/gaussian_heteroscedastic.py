"""A real target with Gaussian noise whose variance the network gives too (heteroscedastic regression)."""

import math
from dataclasses import dataclass

from bnnbench.base.settings import Share
from bnnbench.likelihoods._location_scale import LocationScale

LOG_VARIANCE = 15.0
"""The second output is held within plus and minus this, softly: a variance of 0 or infinity ends a fit."""


@dataclass(frozen=True)
class GaussianHeteroscedastic(LocationScale):
    """y ~ N(outputs[0], exp(outputs[1])) (Nix & Weigend 1994; Kendall & Gal 2017, eq. 8).

    With `beta` above 0 each point's log density counts times its variance to the power of beta, which no gradient goes
    through (Seitzer et al. 2022, eq. 4): badly fitted points are not given up early. That is no likelihood any more,
    but an objective.
    """

    beta: Share = 0.0

    @property
    def is_density(self):
        return not self.beta

    def n_outputs(self, n_targets):
        return 2 * n_targets

    def location_and_log_scale(self, outputs, own):
        return outputs[:, 0], 0.5 * self._log_variance(outputs)

    def log_prob(self, outputs, y, own):
        log_variance = self._log_variance(outputs)
        z = (y - outputs[:, 0]) * (-0.5 * log_variance).exp()
        each = -0.5 * (z.square() + log_variance + math.log(2 * math.pi))
        if self.beta:
            each = each * (self.beta * log_variance.detach()).exp()
        return each.sum(1)

    def curvature_root(self, outputs, own):
        """Information 1 / variance in the mean, and 1/2 in the log variance."""
        import torch

        log_variance = self._log_variance(outputs)
        zeros = torch.zeros_like(log_variance)
        slope = 1 - (log_variance / LOG_VARIANCE).square()  # of the soft bound
        of_mean = torch.stack([(-0.5 * log_variance).exp(), zeros], 1)
        of_variance = torch.stack([zeros, slope * math.sqrt(0.5)], 1)
        return torch.stack([of_mean, of_variance], 2)

    def functions(self, outputs, own):
        import torch

        return torch.cat([outputs[:, 0], self._log_variance(outputs)], 1)

    def pymc(self, outputs, y):
        import pymc as pm

        log_variance = LOG_VARIANCE * pm.math.tanh(outputs[:, 1] / LOG_VARIANCE)
        pm.Normal("y", outputs[:, 0], pm.math.exp(0.5 * log_variance), observed=y)

    def _log_variance(self, outputs):
        return LOG_VARIANCE * (outputs[:, 1] / LOG_VARIANCE).tanh()


LIKELIHOOD = GaussianHeteroscedastic
