"""The beta-weighted loss of heteroscedastic regression, as a named recipe."""

from dataclasses import dataclass

from bnnbench.base.settings import Share
from bnnbench.likelihoods.gaussian_heteroscedastic import GaussianHeteroscedastic


@dataclass(frozen=True)
class BetaGaussianHeteroscedastic(GaussianHeteroscedastic):
    """`gaussian_heteroscedastic` with points weighted by their variance to the power of beta (Seitzer et al. 2022)."""

    beta: Share = 0.5


LIKELIHOOD = BetaGaussianHeteroscedastic
