"""How probable the points of a split are."""

import math

from .._metric import Column
from .._registry import metric
from ._densities import Densities


@metric(
    "nll",
    label="NLL",
    definition="Mean of -log p(x), p the density averaged over draws, per unit of the inputs; it can be negative. "
    "Of binary inputs p is a probability.",
    direction="lower",
    unit="nats",
    column=Column("NLL", 4, 1, "negative log density in nats; lower is better"),
)
def negative_log_likelihood(densities: Densities) -> float:
    """Mean over points, nats a point."""
    return float(-densities.log_density.mean())


@metric(
    "bits_per_dimension",
    label="Bits a dimension",
    definition="NLL in bits, divided by how many numbers a point has. Inputs in other units, c times as large, "
    "add log2 c.",
    direction="lower",
    unit="bits",
)
def bits_per_dimension(densities: Densities, dimensions: int) -> float:
    """Mean over points."""
    return negative_log_likelihood(densities) / (dimensions * math.log(2))
