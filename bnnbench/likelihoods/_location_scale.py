"""What likelihoods of a real target share that have a location and a scale. Targets are in units of their own sd."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from bnnbench.base.settings import Positive
from bnnbench.hyperpriors import Hyperprior
from bnnbench.hyperpriors.half_cauchy import HalfCauchy
from bnnbench.hyperpriors.half_normal import HalfNormal
from bnnbench.hyperpriors.inverse_gamma import InverseGamma
from bnnbench.likelihoods._base import Likelihood

START = 0.3
"""Where a noise's sd begins, in units of the targets' sd: between no fit and a perfect one."""

NOISE_PRIORS = {"half_normal": HalfNormal, "half_cauchy": HalfCauchy, "inverse_gamma": InverseGamma}
NoisePrior = Literal["half_normal", "half_cauchy", "inverse_gamma"]


@dataclass(frozen=True)
class LocationScale(Likelihood):
    """Draws are summed up by the location and the scale of the target at each point."""

    task: ClassVar[str] = "regression"
    one_scale: ClassVar[bool] = False
    """Whether all points have the same scale."""
    df: ClassVar[float | None] = None
    """Degrees of freedom, where the noise is Student-t; None where it is Gaussian."""

    def location_and_log_scale(self, outputs, own):
        """Of each point: (cells, points), and (cells, points) or (cells, 1)."""
        raise NotImplementedError

    @property
    def summary(self):
        from bnnbench.likelihoods._summary import MixtureSummary

        return MixtureSummary(self)


@dataclass(frozen=True)
class OwnScale(LocationScale):
    """A target about the network's one output, with one scale for all points, which is a latent of its own.

    Its prior is that of the name `noise_prior` in hyperpriors/, with `noise_scale` as the density's own scale.
    """

    noise_prior: NoisePrior = "half_normal"
    noise_scale: Positive = 1.0

    latents: ClassVar[tuple[str, ...]] = ("noise_sd",)
    one_scale: ClassVar[bool] = True

    @property
    def density(self) -> Hyperprior:
        return NOISE_PRIORS[self.noise_prior](scale=self.noise_scale)

    def log_prior(self, own):
        return self.density.log_density(own).sum(1)

    def initial(self, y):
        spread = y.std(1, keepdim=True, correction=0).clamp_min(1e-6)
        return (START * spread).log()

    def draw(self, rng):
        import numpy as np

        return np.log(self.density.draw(rng, 1))

    def location_and_log_scale(self, outputs, own):
        return outputs[:, 0], own

    def functions(self, outputs, own):
        import torch

        return torch.cat([outputs[:, 0], own], 1)
