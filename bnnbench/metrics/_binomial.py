"""How far a count strays from its mean by chance."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, xlog1py, xlogy


def mean_deviation(trials: ArrayLike, rate: ArrayLike, mean: ArrayLike | None = None) -> NDArray[np.float64]:
    """E|X - E X| of X ~ binomial(trials, rate), element by element; trials need not be whole.

    mean: their product, where it is known to the last digit

    De Moivre's 2 k C(m, k) r^k (1 - r)^(m - k + 1) with m trials of rate r and k = floor(mean) + 1, in gamma functions
    (Diaconis & Zabell 1991).
    """
    trials, rate = np.asarray(trials, np.float64), np.asarray(rate, np.float64)
    mean = trials * rate if mean is None else np.asarray(mean, np.float64)
    # A mean that is one rounding away from a whole number may be on either side: both are right.
    k = np.floor(mean) + 1
    rest = np.maximum(trials - k + 1, 1e-12)
    log_deviation = (
        np.log(2 * k) + gammaln(trials + 1) - gammaln(k + 1) - gammaln(rest) + xlogy(k, rate) + xlog1py(rest, -rate)
    )
    return np.exp(log_deviation)
