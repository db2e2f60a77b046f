"""The evidence lower bound of autoencoders, its parts, and whether log p(x) is estimated from enough codes."""

from .._registry import Column, metric
from ._densities import Bound, Densities


@metric(
    "negative_elbo",
    label="Negative ELBO",
    definition="Mean over points and draws of the negative evidence lower bound: an upper bound on the NLL, further "
    "from it the worse the encoder's law of codes is.",
    direction="lower",
    unit="nats",
    column=Column("−ELBO", 4, 1, "negative evidence lower bound in nats; lower is better"),
)
def negative_elbo(bound: Bound) -> float:
    """Mean over points, nats a point."""
    return float(-bound.elbo.mean())


@metric(
    "reconstruction_error",
    label="Reconstruction error",
    definition="Mean over points and draws of -E[log p(x | z)], z a code of x: the bound's first term.",
    direction="",
    unit="nats",
)
def reconstruction_error(bound: Bound) -> float:
    """The bound is its negative less the code's KL."""
    return float(-(bound.elbo + bound.kl).mean())


@metric(
    "code_kl",
    label="KL of codes",
    definition="Mean over points and draws of the KL divergence of a point's law of codes from the prior N(0, I): what "
    "a code tells of its point.",
    direction="",
    unit="nats",
    bounds=(-1e-3, float("inf")),
)
def code_kl(bound: Bound) -> float:
    """Mean over points, nats a point; single precision can leave it just below 0."""
    return float(bound.kl.mean())


@metric(
    "importance_gain",
    label="Gain of twice the codes",
    definition="NLL from half of the codes minus that from all: by so much at least importance sampling still "
    "overestimated the NLL at half.",
    direction="",
    unit="nats",
)
def importance_gain(densities: Densities, bound: Bound) -> float:
    """At least 0 in the mean (Burda et al. 2016, theorem 1)."""
    return float((densities.log_density - bound.half).mean())
