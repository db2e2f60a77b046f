"""A real target with Gaussian noise of one sd, which is inferred with the weights (homoscedastic regression)."""

import math
from dataclasses import dataclass

from bnnbench.likelihoods._location_scale import OwnScale


@dataclass(frozen=True)
class Gaussian(OwnScale):
    """y ~ N(output, s²), with log s a latent."""

    def log_prob(self, outputs, y, own):
        z = (y - outputs[:, 0]) * (-own).exp()
        n = y.shape[1]
        return -0.5 * z.square().sum(1) - n * own[:, 0] - 0.5 * n * math.log(2 * math.pi)

    def curvature_root(self, outputs, own):
        return (-own).exp()[:, None, :, None].expand(-1, 1, 1, outputs.shape[2])

    def information(self, outputs, own):
        """2 of each point in log s."""
        import torch

        return torch.full_like(own, 2.0 * outputs.shape[2])

    def pymc(self, outputs, y):
        import pymc as pm

        pm.Normal("y", outputs[:, 0], self.density.pymc("noise_sd"), observed=y)


LIKELIHOOD = Gaussian
