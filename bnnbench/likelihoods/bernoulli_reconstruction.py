"""`bernoulli_elbo` with the reconstruction alone: an objective, and no density."""

from dataclasses import dataclass

from bnnbench.base.settings import NonNegative
from bnnbench.likelihoods.bernoulli_elbo import BernoulliElbo


@dataclass(frozen=True)
class BernoulliReconstruction(BernoulliElbo):
    """The KL has weight 0: nothing holds the codes' law to the prior. The objective of a plain autoencoder too."""

    kl_weight: NonNegative = 0.0


LIKELIHOOD = BernoulliReconstruction
