"""`bernoulli_elbo` by estimator A: the divergence at the drawn codes (Kingma & Welling 2014, eq. 6)."""

from dataclasses import dataclass
from typing import Literal

from bnnbench.likelihoods.bernoulli_elbo import BernoulliElbo


@dataclass(frozen=True)
class BernoulliElboSampled(BernoulliElbo):
    """The same bound in the mean, with another variance; options as there."""

    estimator: Literal["A", "B"] = "A"


LIKELIHOOD = BernoulliElboSampled
