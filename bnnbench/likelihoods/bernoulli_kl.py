"""`bernoulli_elbo` with the KL alone: an objective, and no density."""

from dataclasses import dataclass

from bnnbench.base.settings import NonNegative
from bnnbench.likelihoods.bernoulli_elbo import BernoulliElbo


@dataclass(frozen=True)
class BernoulliKl(BernoulliElbo):
    """The reconstruction has weight 0: codes take the prior's law whatever the input, the decoder learns nothing."""

    reconstruction_weight: NonNegative = 0.0


LIKELIHOOD = BernoulliKl
