"""Whether the two parts of the predictive variance are told apart, and whether the epistemic one is as large as the
error that it stands for."""

import numpy as np

from .._ranks import spearman
from .._registry import metric
from ._checks import check_same_points
from ._mixture import Mixture


@metric(
    "uncertainties_rank_correlation",
    label="Rank correlation of aleatoric and epistemic",
    definition="Spearman correlation, over points, of the aleatoric with the epistemic variance: near 1 they say the "
    "same.",
    direction="",
    bounds=(-1, 1),
    undefined="where either is the same at all points",
)
def uncertainties_rank_correlation(mixture: Mixture) -> float:
    """Spearman's correlation of the aleatoric with the epistemic variance of n points; NaN where either is constant.

    Mucsányi et al. (2024), Benchmarking uncertainty disentanglement, call estimates with a high one entangled.
    """
    return spearman(mixture.aleatoric_variance, mixture.epistemic_variance)


@metric(
    "epistemic_error_ratio",
    label="Epistemic sd / RMSE to the true mean",
    definition="Root of the mean epistemic variance over the root of the mean squared distance of the predictive mean "
    "from the true one; 1 is right.",
    direction="",
    bounds=(0, np.inf),
    undefined="where the predictive mean is the true one at all points",
)
def epistemic_error_ratio(mixture: Mixture, ideal: Mixture) -> float:
    """Epistemic sd over the error of the mean, both as roots of means over points.

    Under a posterior the expected squared distance of the true mean from the predictive one is the epistemic variance.
    mixture, ideal: of n points. NaN where the error is 0. Raises ValueError on malformed input.
    """
    check_same_points(mixture, ideal, "ideal")
    error = ((mixture.mean - ideal.mean) ** 2).mean()
    return float(np.sqrt(mixture.epistemic_variance.mean() / error)) if error > 0 else float("nan")
