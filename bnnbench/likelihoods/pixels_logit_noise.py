"""A class for each pixel under logits with Gaussian noise whose sd the network gives too (Kendall & Gal 2017).

The aleatoric part of their model; see `logit_noise`, of which this is the form for maps.
"""

from dataclasses import dataclass

from bnnbench.likelihoods._base import Likelihood
from bnnbench.likelihoods._pixels import log_likelihood
from bnnbench.likelihoods.logit_noise import LogitNoise


@dataclass(frozen=True)
class PixelsLogitNoise(LogitNoise):
    """As `logit_noise`, each pixel with noise of its own; void pixels have no part in it."""

    task = "segmentation"
    pymc = Likelihood.pymc

    def log_proba(self, outputs):
        """Log probabilities (cells, classes, points, rows, columns), or of points alone."""
        return super().log_proba(outputs.flatten(2)).unflatten(2, outputs.shape[2:])

    def log_prob(self, outputs, y, own):
        return log_likelihood(self.log_proba(outputs), y)

    def curvature_root(self, outputs, own):
        return super().curvature_root(outputs.flatten(2), own)

    def functions(self, outputs, own):
        return super().functions(outputs.flatten(2), own)

    @property
    def summary(self):
        from bnnbench.likelihoods._pixel_summary import PixelSummary

        return PixelSummary(self)


LIKELIHOOD = PixelsLogitNoise
