"""Distance to the true density, where the generator is known. Points are draws from it."""

import math

import numpy as np
from numpy.typing import NDArray

from .._metric import Column
from .._ranks import spearman
from .._registry import metric
from ._densities import Densities


@metric(
    "kl_to_truth",
    label="KL from the truth",
    definition="Mean over points of the true log density minus the predicted one: the Kullback-Leibler divergence "
    "KL(truth || model), estimated on the points.",
    direction="lower",
    unit="nats",
    floor="kl_floor",
    column=Column("KL", 4, 1, "KL divergence of the model from the truth, in nats; lower is better"),
)
def kl_to_truth(densities: Densities, ideal: NDArray[np.float64]) -> float:
    """Unbiased; 0 for the truth itself, and on few points it can be below 0. ideal: (n,)."""
    return float((ideal - densities.log_density).mean())


@metric(
    "kl_floor",
    label="Floor of the KL",
    definition="Standard error of the KL over points: a smaller KL is not told from none.",
    direction="",
    unit="nats",
)
def kl_floor(densities: Densities, ideal: NDArray[np.float64]) -> float:
    """sd of the log ratio over the root of n."""
    difference = ideal - densities.log_density
    return float(difference.std() / math.sqrt(len(difference)))


@metric(
    "spread_error_rank_correlation",
    label="Spread against error",
    definition="Spearman's rank correlation over points of the sd of the log density over draws with the distance of "
    "the predicted log density from the true one.",
    direction="higher",
    bounds=(-1, 1),
    undefined="where draws do not differ, or the density is the true one",
)
def spread_error_rank_correlation(densities: Densities, ideal: NDArray[np.float64]) -> float:
    """1 where the density is wrong just where draws differ."""
    return spearman(densities.spread, abs(ideal - densities.log_density))
