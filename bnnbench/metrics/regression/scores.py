"""Proper scores of the whole predictive distribution against the true targets."""

import numpy as np
from numpy.typing import ArrayLike

from .._metric import Column
from .._registry import metric
from ._mixture import Mixture


@metric(
    "nll",
    label="NLL",
    definition="Mean of -log p(y), p the density averaged over draws, per unit of the target; it can be negative.",
    direction="lower",
    unit="nats",
    column=Column("NLL", 4, 1, "negative log-likelihood in nats; lower is better"),
)
def negative_log_likelihood(mixture: Mixture, y: ArrayLike) -> float:
    """Mean over points of minus the log density of the mixture at y, nats a point.

    mixture: of n points. y: (n,). A target in other units, c times as large, adds log c. Raises ValueError on
    malformed input.
    """
    return float(-mixture.log_density(y).mean())


@metric(
    "nll_moment_matched",
    label="NLL, moment-matched",
    definition="NLL of the normal distribution with the predictive mean and total variance.",
    direction="lower",
    unit="nats",
    undefined="where components have no variance: Student's t of at most 2 degrees of freedom",
)
def moment_matched_nll(mixture: Mixture, y: ArrayLike) -> float:
    """NLL of the normal distribution with the mixture's mean and variance, nats a point (Lakshminarayanan et al. 2017).

    mixture: of n points. y: (n,). NaN where the variance is infinite. Raises ValueError on malformed input.
    """
    value = float(-mixture.moment_matched_log_density(y).mean())
    return value if np.isfinite(value) else float("nan")


@metric(
    "crps",
    label="CRPS",
    definition="Mean of E|Y - y| - E|Y - Y'| / 2 over predicted Y and Y': the absolute error of a distribution.",
    direction="lower",
    unit="target units",
    bounds=(0, np.inf),
    undefined="where components have no mean: Student's t of at most 1 degree of freedom",
    column=Column("CRPS", 4, 1, "continuous ranked probability score; lower is better"),
)
def continuous_ranked_probability_score(mixture: Mixture, y: ArrayLike) -> float:
    """Mean CRPS, in the target's units (Gneiting and Raftery 2007, eq. 21).

    mixture: of n points. y: (n,). NaN for df <= 1. Raises ValueError on malformed input.
    """
    return float(mixture.crps(y).mean())
