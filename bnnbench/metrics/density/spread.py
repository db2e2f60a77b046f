"""How far draws differ about a point's density."""

import math

from .._registry import metric
from ._densities import Densities


@metric(
    "log_density_sd",
    label="Spread of the log density",
    definition="Mean over points of the sd over draws of the log density: what is not known of it.",
    direction="",
    unit="nats",
    bounds=(0, math.inf),
)
def log_density_sd(densities: Densities) -> float:
    """0 of a point estimate."""
    return float(densities.spread.mean())
