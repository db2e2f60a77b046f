"""Statistics of ranks that metrics of several tasks use."""

import numpy as np
from numpy.typing import NDArray


def spearman(a: NDArray, b: NDArray) -> float:
    """Spearman's rank correlation of two vectors (n,), ties at their mean rank; NaN where either is constant."""
    from scipy.stats import rankdata  # it takes most of a second, and a plan needs none of it

    ranks = np.stack([rankdata(a), rankdata(b)])
    return float(np.corrcoef(ranks)[0, 1]) if (np.ptp(ranks, 1) > 0).all() else float("nan")
