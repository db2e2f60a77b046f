"""Distance to the true conditional distribution of the target, known of generated data."""

import numpy as np
from numpy.typing import ArrayLike

from .._ranks import spearman
from .._registry import metric
from ._checks import check_same_points
from ._mixture import Mixture
from .scores import negative_log_likelihood
from .uncertainty import NO_VARIANCE


@metric(
    "excess_nll",
    label="Excess NLL",
    definition="NLL minus that of the true conditional distribution, same points.",
    direction="lower",
    unit="nats",
)
def excess_nll(mixture: Mixture, y: ArrayLike, ideal: Mixture) -> float:
    """NLL of the mixture minus that of the true distribution on the same points, nats a point.

    mixture, ideal: of n points. y: (n,). Sharing the points takes out most of the targets' noise. Raises ValueError
    on malformed input.
    """
    check_same_points(mixture, ideal, "ideal")
    return negative_log_likelihood(mixture, y) - negative_log_likelihood(ideal, y)


@metric(
    "rmse_to_truth",
    label="RMSE to the true mean",
    definition="Root of the mean squared distance of the predictive mean from the true one.",
    direction="lower",
    unit="target units",
    bounds=(0, np.inf),
)
def rmse_to_truth(mixture: Mixture, ideal: Mixture) -> float:
    """Root of the mean over points of (mean - true mean)^2, in the target's units, free of the targets' noise.

    mixture, ideal: of n points. Raises ValueError on malformed input.
    """
    check_same_points(mixture, ideal, "ideal")
    return float(np.sqrt(((mixture.mean - ideal.mean) ** 2).mean()))


@metric(
    "aleatoric_sd_ratio",
    label="Aleatoric sd / true sd",
    definition="Mean over points of the predicted aleatoric sd over the true sd; 1 is right.",
    direction="",
    bounds=(0, np.inf),
    undefined=NO_VARIANCE,
)
def aleatoric_sd_ratio(mixture: Mixture, ideal: Mixture) -> float:
    """Mean over points of the aleatoric sd over the sd of the true distribution.

    mixture, ideal: of n points. NaN where either variance is infinite. Raises ValueError on malformed input.
    """
    check_same_points(mixture, ideal, "ideal")
    if np.isinf(mixture.aleatoric_variance + ideal.total_variance).any():
        return float("nan")
    return float(np.sqrt(mixture.aleatoric_variance / ideal.total_variance).mean())


@metric(
    "aleatoric_rank_correlation",
    label="Rank correlation of aleatoric and true sd",
    definition="Spearman correlation, over points, of the predicted aleatoric sd with the true sd.",
    direction="higher",
    bounds=(-1, 1),
    undefined="where either sd is the same at all points",
)
def aleatoric_rank_correlation(mixture: Mixture, ideal: Mixture) -> float:
    """Spearman's correlation of the aleatoric sd with the sd of the true distribution; NaN where either is constant.

    mixture, ideal: of n points. Raises ValueError on malformed input.
    """
    check_same_points(mixture, ideal, "ideal")
    return spearman(mixture.aleatoric_variance, ideal.total_variance)


@metric(
    "epistemic_error_rank_correlation",
    label="Rank correlation of epistemic sd and error of the mean",
    definition="Spearman correlation, over points, of the epistemic variance with the squared distance of the "
    "predictive mean from the true one.",
    direction="higher",
    bounds=(-1, 1),
    undefined="where the draws disagree as much at all points, or the mean is as far from the truth",
)
def epistemic_error_rank_correlation(mixture: Mixture, ideal: Mixture) -> float:
    """Spearman's correlation of the epistemic variance with (mean - true mean)^2; NaN where either is constant.

    mixture, ideal: of n points. Raises ValueError on malformed input.
    """
    check_same_points(mixture, ideal, "ideal")
    return spearman(mixture.epistemic_variance, (mixture.mean - ideal.mean) ** 2)
