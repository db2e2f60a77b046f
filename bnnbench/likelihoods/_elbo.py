"""The evidence lower bound of an autoencoder's density of its inputs, and log p(x) by importance sampling.

log p(x | w) >= E_q[log p(x | z)] - KL(q(z | x) || p(z)), w all weights of encoder and decoder (Kingma & Welling 2014).
There is no target besides the inputs, which the network gives beside what it makes of them.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bnnbench.base.settings import NonNegative
from bnnbench.likelihoods._base import Likelihood
from bnnbench.networks._autoencoder import TERMS


@dataclass(frozen=True)
class Elbo(Likelihood):
    """What is trained on is reconstruction_weight E_q[log p(x | z)] - kl_weight KL, summed over points, in nats.

    `estimator` "A" takes the divergence at the drawn codes, "B" in closed form (Kingma & Welling 2014, eqs 6 and 7).
    The weights are 1 in the bound itself; others are named objectives and no density (the second is beta in Higgins
    et al. 2017). `importance_samples` k, an even number, is how many codes log p(x) is estimated from: log of the mean
    of p(x | z) p(z) / q(z | x), which is at most log p(x) in the mean, and rises with k (Burda et al. 2016, theorem 1).
    """

    estimator: Literal["A", "B"] = "B"
    reconstruction_weight: NonNegative = 1.0
    kl_weight: NonNegative = 1.0
    importance_samples: Annotated[int, Field(ge=2, le=5000, multiple_of=2)] = 50

    task: ClassVar[str] = "density"
    reads: ClassVar[str] = "a reconstruction with the terms of its code"
    per_feature: ClassVar[int] = 1
    """Outputs of the decoder for each feature."""

    @property
    def is_density(self):
        return self.reconstruction_weight == self.kl_weight == 1

    def n_outputs(self, n_targets):
        return self.per_feature

    def skip(self, network):
        if getattr(network, "sampled", True) or not self.kl_weight:
            return None
        return "a plain autoencoder has no law of codes to take a divergence of: train it on the reconstruction alone"

    def dimensions(self, n_outputs: int) -> int:
        """How many numbers a point has, of a network with so many outputs."""
        return (n_outputs - TERMS) // (self.per_feature + 1)

    def log_reconstruction(self, decoded, x, own):
        """log p(x | z), (cells, codes), of decoded (cells, per_feature * D, codes) and x (cells, D, codes)."""
        raise NotImplementedError

    def mean(self, decoded, own):
        """E[x | z] (cells, D, codes), for pictures."""
        raise NotImplementedError

    def terms(self, outputs, own):
        """log p(x | z), log p(z), log q(z | x) and KL(q || p) of each code, (cells, codes) each."""
        n = self.dimensions(outputs.shape[1])
        decoded, x, of_codes = outputs.split([self.per_feature * n, n, TERMS], 1)
        return self.log_reconstruction(decoded, x, own), *of_codes.unbind(1)

    def log_prob(self, outputs, y, own):
        reconstruction, log_prior, log_code, divergence = self.terms(outputs, own)
        if self.estimator == "A":
            divergence = log_code - log_prior
        n_samples = outputs.shape[2] // y.shape[1]
        return (self.reconstruction_weight * reconstruction - self.kl_weight * divergence).sum(1) / n_samples

    def functions(self, outputs, own):
        reconstruction, _, _, divergence = self.terms(outputs, own)
        return reconstruction - divergence

    @property
    def summary(self):
        from bnnbench.likelihoods._bound_summary import BoundSummary

        return BoundSummary(self)
