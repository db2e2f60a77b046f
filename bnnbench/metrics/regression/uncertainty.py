"""The predictive variance and its parts: noise within draws, and what the draws disagree on."""

import numpy as np
from numpy.typing import NDArray

from .._registry import metric
from ._mixture import Mixture

NO_VARIANCE = "where components have no variance: Student's t of at most 2 degrees of freedom"


def variance_decomposition(mixture: Mixture) -> dict[str, NDArray[np.float64]]:
    """Predictive variances of single points, (n,) each, by "aleatoric", "epistemic" and "total", their sum.

    In squared units of the target. Aleatoric: mean over draws of the components' variance. Epistemic: variance over
    draws of their locations, divisor S. By the law of total variance (Depeweg et al. 2018).
    """
    return {
        "aleatoric": mixture.aleatoric_variance,
        "epistemic": mixture.epistemic_variance,
        "total": mixture.total_variance,
    }


def root_mean(variance: NDArray[np.float64]) -> float:
    """Root of the mean over points of a variance; NaN where it is infinite."""
    value = float(np.sqrt(variance.mean()))
    return value if np.isfinite(value) else float("nan")


@metric(
    "aleatoric_sd",
    label="Aleatoric sd",
    definition="Root of the mean aleatoric variance: the noise that the draws predict.",
    direction="",
    unit="target units",
    bounds=(0, np.inf),
    undefined=NO_VARIANCE,
)
def _aleatoric_sd(mixture: Mixture) -> float:
    return root_mean(mixture.aleatoric_variance)


@metric(
    "epistemic_sd",
    label="Epistemic sd",
    definition="Root of the mean epistemic variance: how far the draws' predictions are apart.",
    direction="",
    unit="target units",
    bounds=(0, np.inf),
)
def _epistemic_sd(mixture: Mixture) -> float:
    return root_mean(mixture.epistemic_variance)


@metric(
    "total_sd",
    label="Total sd",
    definition="Root of the mean total variance, aleatoric plus epistemic.",
    direction="",
    unit="target units",
    bounds=(0, np.inf),
    undefined=NO_VARIANCE,
)
def _total_sd(mixture: Mixture) -> float:
    return root_mean(mixture.total_variance)
