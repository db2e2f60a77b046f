"""Distance between two sets of predictions, such as those of a method and of the reference posterior.

The two measures of Izmailov et al. (2021), "What are Bayesian neural network posteriors really like?", section 3.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._registry import declare, metric
from ._checks import check_proba


def _pair(proba: ArrayLike, reference: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, q = check_proba(proba), check_proba(reference, "reference")
    if p.shape != q.shape:
        raise ValueError(f"reference has shape {q.shape} but proba {p.shape}; evaluate both at the same points")
    return p, q


@metric(
    "agreement",
    label="Agreement with the reference",
    definition="Share of points with the same most probable class as the reference of the same model, data set and "
    "seed.",
    direction="higher",
    bounds=(0, 1),
    floor="agreement_floor",
)
def agreement(proba: ArrayLike, reference: ArrayLike) -> float:
    """Share of points at which both have the same most probable class; ties go to the lowest class number.

    proba, reference: (n, K). Raises ValueError on malformed input.
    """
    p, q = _pair(proba, reference)
    return float((p.argmax(1) == q.argmax(1)).mean())


@metric(
    "total_variation",
    label="Total variation to the reference",
    definition="Mean of 1/2 sum_c |p_c - p_ref,c| against the reference of the same model, data set and seed.",
    direction="lower",
    bounds=(0, 1),
    floor="total_variation_floor",
)
def total_variation(proba: ArrayLike, reference: ArrayLike) -> float:
    """Mean over points of 1/2 sum_c |p_c - q_c|, in [0, 1]; for two classes |p_1 - q_1|.

    proba, reference: (n, K). Raises ValueError on malformed input.
    """
    p, q = _pair(proba, reference)
    return float(np.abs(p - q).sum() / (2 * len(p)))


# The floor of a metric against the reference is the metric between the two halves of the reference's chains.
declare(
    __name__,
    "agreement_floor",
    label="Agreement of the reference with itself",
    definition="Agreement between the two halves of the reference's chains or populations: a method this close "
    "cannot be told from exact. Each half has half the draws, so an exact method would be closer still to the whole.",
    direction="",
    bounds=(0, 1),
)
declare(
    __name__,
    "total_variation_floor",
    label="Total variation, reference to itself",
    definition="Total variation between the two halves of the reference's chains or populations: a method this "
    "close cannot be told from exact. Each half has half the draws, so an exact method would lie at half of this, or "
    "at seven tenths if it had as many draws as the reference.",
    direction="",
    bounds=(0, 1),
)
