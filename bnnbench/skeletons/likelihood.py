"""A real target with Gaussian noise that is never smaller than a floor: for targets that lie on a lattice."""

import math
from dataclasses import dataclass

from bnnbench.base.settings import Positive
from bnnbench.likelihoods._location_scale import OwnScale


@dataclass(frozen=True)
class Skeleton(OwnScale):
    """y ~ N(output, floor² + s²), with log s a latent.

    floor: the least sd of the noise, in units of the targets' sd. Options are fields with a type and a default. What
    an `OwnScale` is, with the prior of s, stands in likelihoods/_location_scale.py; likelihoods of other kinds begin
    from `LocationScale` or `Likelihood`.
    """

    floor: Positive = 0.01

    def _variance(self, own):
        """Of each cell, (cells, 1)."""
        return (2 * own).exp() + self.floor**2

    def log_prob(self, outputs, y, own):
        """log p(y | outputs, own), summed over points, (cells,); finite, with its gradient, for any outputs."""
        variance = self._variance(own)
        squared = (y - outputs[:, 0]).square() / variance
        return -0.5 * (squared + variance.log() + math.log(2 * math.pi)).sum(1)

    def location_and_log_scale(self, outputs, own):
        """What is stored of a draw: the target's mean (cells, points) and log sd (cells, 1)."""
        return outputs[:, 0], 0.5 * self._variance(own).log()

    def curvature_root(self, outputs, own):
        """Square root of each point's expected information in the output, 1 / sd."""
        return self._variance(own).rsqrt()[:, None, :, None].expand(-1, 1, 1, outputs.shape[2])

    def information(self, outputs, own):
        """Expected information of all points in log s: 2 (s² / (floor² + s²))² each."""
        share = (2 * own).exp() / self._variance(own)
        return 2 * share.square() * outputs.shape[2]

    def pymc(self, outputs, y):
        """The same in PyMC."""
        import pymc as pm

        noise_sd = self.density.pymc("noise_sd")
        pm.Normal("y", outputs[:, 0], pm.math.sqrt(noise_sd**2 + self.floor**2), observed=y)


LIKELIHOOD = Skeleton
