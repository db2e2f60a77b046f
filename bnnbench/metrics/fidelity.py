"""Distance between two sets of predictions, such as those of a method and of the reference posterior.

The two measures of Izmailov et al. (2021), "What are Bayesian neural network posteriors really like?", section 3.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import check_proba


def _pair(proba: ArrayLike, reference: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, q = check_proba(proba), check_proba(reference, "reference")
    if p.shape != q.shape:
        raise ValueError(f"reference has shape {q.shape} but proba {p.shape}; evaluate both at the same points")
    return p, q


def agreement(proba: ArrayLike, reference: ArrayLike) -> float:
    """Share of points at which both have the same most probable class; ties go to the lowest class number.

    proba, reference: (n, K). Raises ValueError on malformed input.
    """
    p, q = _pair(proba, reference)
    return float((p.argmax(1) == q.argmax(1)).mean())


def total_variation(proba: ArrayLike, reference: ArrayLike) -> float:
    """Mean over points of 1/2 sum_c |p_c - q_c|, in [0, 1]; for two classes |p_1 - q_1|.

    proba, reference: (n, K). Raises ValueError on malformed input.
    """
    p, q = _pair(proba, reference)
    return float(np.abs(p - q).sum() / (2 * len(p)))
