"""Distance to the density of the reference posterior."""

import math

from .._registry import declare, metric
from ._densities import Densities


@metric(
    "log_density_gap",
    label="Log density apart from the reference's",
    definition="Mean over points of the absolute difference of the log density from that of the reference of the "
    "same model, data set and seed.",
    direction="lower",
    unit="nats",
    bounds=(0, math.inf),
    floor="log_density_gap_floor",
)
def log_density_gap(densities: Densities, reference: Densities) -> float:
    """densities, reference: of the same n points."""
    return float(abs(densities.log_density - reference.log_density).mean())


declare(
    __name__,
    "log_density_gap_floor",
    label="Floor of the log density's gap",
    definition="The same between the two halves of the reference's chains or populations.",
    direction="",
    unit="nats",
    bounds=(0, math.inf),
)
