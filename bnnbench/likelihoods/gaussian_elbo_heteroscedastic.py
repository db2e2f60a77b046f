"""Autoencoder with Gaussian noise whose sd the decoder gives for each feature (Kingma & Welling 2014, appendix C.2).

Pixels differ in their noise: those at an image's edge hardly vary, those of strokes do, by where the code puts them.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from bnnbench.likelihoods._elbo import Elbo

LOG_SD = 7.0
"""Log sds are held within plus and minus this, softly, in units of training: at a sd of 0 a density has no bound."""


@dataclass(frozen=True)
class GaussianElboHeteroscedastic(Elbo):
    """p(x | z) = prod N(f(z), s(z)²), a mean and a log sd of each feature; no latents of its own.

    What the decoder gives are first all means and then all log sds.
    """

    per_feature: ClassVar[int] = 2

    def log_reconstruction(self, decoded, x, own):
        mean, log_sd = self._moments(decoded)
        z = (x - mean) * (-log_sd).exp()
        return -(0.5 * z.square() + log_sd).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)

    def mean(self, decoded, own):
        return self._moments(decoded)[0]

    @staticmethod
    def _moments(decoded):
        """Means and log sds, (cells, D, codes) each."""
        mean, log_sd = decoded.chunk(2, 1)
        return mean, LOG_SD * (log_sd / LOG_SD).tanh()


LIKELIHOOD = GaussianElboHeteroscedastic
