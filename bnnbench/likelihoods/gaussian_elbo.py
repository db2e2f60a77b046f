"""Autoencoder with Gaussian noise of one sd about what a code is decoded to, inferred with the weights.

Without hidden layers this is probabilistic principal component analysis (Tipping & Bishop 1999).
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from bnnbench.base.settings import Positive
from bnnbench.hyperpriors import Hyperprior
from bnnbench.likelihoods._elbo import Elbo
from bnnbench.likelihoods._location_scale import NOISE_PRIORS, START, NoisePrior


@dataclass(frozen=True)
class GaussianElbo(Elbo):
    """p(x | z) = N(f(z), s² I), with log s a latent, in units of training: the inputs' sds where they are standardised.

    The prior of s is that of the name `noise_prior` in hyperpriors/, with `noise_scale` as the density's own scale.
    """

    noise_prior: NoisePrior = "half_normal"
    noise_scale: Positive = 1.0

    latents: ClassVar[tuple[str, ...]] = ("noise_sd",)

    @property
    def density(self) -> Hyperprior:
        """The prior of the noise's sd."""
        return NOISE_PRIORS[self.noise_prior](scale=self.noise_scale)

    def log_prior(self, own):
        return self.density.log_density(own).sum(1)

    def initial(self, y):
        import torch

        return torch.full((len(y), 1), math.log(START), device=y.device)

    def draw(self, rng):
        import numpy as np

        return np.log(self.density.draw(rng, 1))

    def log_reconstruction(self, decoded, x, own):
        squares, n = (x - decoded).square().sum(1), x.shape[1]
        return -0.5 * squares * (-2 * own).exp() - n * own - 0.5 * n * math.log(2 * math.pi)

    def mean(self, decoded, own):
        return decoded


LIKELIHOOD = GaussianElbo
