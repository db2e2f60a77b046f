"""A real target with Student-t noise: outliers cost it little."""

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bnnbench.likelihoods._location_scale import OwnScale


@dataclass(frozen=True)
class StudentT(OwnScale):
    """y ~ output + s t, with t of `df` degrees of freedom and log s a latent. With `df` above 2 there is a variance."""

    df: Annotated[float, Field(gt=2, le=1000)] = 4.0

    def log_prob(self, outputs, y, own):
        z = (y - outputs[:, 0]) * (-own).exp()
        n, df = y.shape[1], self.df
        constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
        return -0.5 * (df + 1) * (z.square() / df).log1p().sum(1) - n * own[:, 0] + n * constant

    def curvature_root(self, outputs, own):
        """Expected information (df + 1) / ((df + 3) s²): the observed one can be negative (Lange et al. 1989)."""
        root = math.sqrt((self.df + 1) / (self.df + 3)) * (-own).exp()
        return root[:, None, :, None].expand(-1, 1, 1, outputs.shape[2])

    def information(self, outputs, own):
        """2 df / (df + 3) of each point in log s (Lange et al. 1989, appendix B)."""
        import torch

        return torch.full_like(own, 2 * self.df / (self.df + 3) * outputs.shape[2])

    def pymc(self, outputs, y):
        import pymc as pm

        pm.StudentT("y", nu=self.df, mu=outputs[:, 0], sigma=self.density.pymc("noise_sd"), observed=y)


LIKELIHOOD = StudentT
