"""A count under the Poisson distribution."""

from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.likelihoods._base import Likelihood
from bnnbench.likelihoods._summary import Summary

LOG_RATE = 15.0
"""The log rate is held within plus and minus this, softly: an infinite rate ends a fit."""


@dataclass(frozen=True)
class Poisson(Likelihood):
    """log rate = output. No options, no latents of its own."""

    task = "counts"

    def log_rate(self, outputs):
        """(cells, points)."""
        return LOG_RATE * (outputs[:, 0] / LOG_RATE).tanh()

    def log_prob(self, outputs, y, own):
        log_rate, y = self.log_rate(outputs), y.to(outputs.dtype)
        return (y * log_rate - log_rate.exp() - (y + 1).lgamma()).sum(1)

    def curvature_root(self, outputs, own):
        """The information in the log rate is the rate."""
        log_rate = self.log_rate(outputs)
        slope = 1 - (log_rate / LOG_RATE).square()  # of the soft bound
        return ((0.5 * log_rate).exp() * slope)[:, None, None]

    def functions(self, outputs, own):
        return self.log_rate(outputs)

    @property
    def summary(self):
        return RateSummary(self)

    def pymc(self, outputs, y):
        import pymc as pm

        pm.Poisson("y", pm.math.exp(LOG_RATE * pm.math.tanh(outputs[:, 0] / LOG_RATE)), observed=y)


class RateSummary(Summary):
    """The rate of every draw, (cells, points, draws)."""

    def empty(self, n_cells, n_outputs, n_points, like):
        return {"rate": like.new_zeros(n_cells, 0, n_points)}

    def add(self, totals, outputs, own, u, count):
        rate = self.likelihood.log_rate(outputs).exp()
        return {"rate": torch.cat([totals["rate"], rate.unsqueeze(1)], 1)}

    def arrays(self, totals, half, drawn):
        return {"rate": np.moveaxis(totals["rate"].cpu().numpy(), 1, 2)}


LIKELIHOOD = Poisson
