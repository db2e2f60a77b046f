"""A curve with noise inside its sines: y = x + 0.3 sin(2π(x + e)) + 0.3 sin(4π(x + e)) + e, e ~ N(0, noise²).

Blundell et al. (2015), Weight uncertainty in neural networks, section 5.2, with noise 0.02 and x uniform on [0, 0.5].
The noise's effect depends on the slope of the sines, so that y is heteroscedastic, and not Gaussian where they turn.
The paper does not say how many points there are, and has no gap: (0.22, 0.32) is cut out.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets import _curves
from bnnbench.datasets._base import DataSet
from bnnbench.datasets._bayes import check_noise

TASK = "regression"
GROUP = _curves.GROUP
GROUP_SIZES = _curves.SIZES
NOISE = 0.02
N_STRATA = 200
LEAST_SD = 0.0002

shape = _curves.curve_shape


def name(noise: float = NOISE) -> str:
    """`blundell`; `blundell-noise-0.05` where the noise is 0.05, not 0.02."""
    return _curves.curve_name("blundell", noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    n_train: Count = 100,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The curve, each seed its own points and one test set for all.

    noise: sd of e, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    check_noise(noise)

    def targets(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
        return _curve(x, noise * rng.standard_normal(len(x)))

    inputs = _curves.uniform_in(regions()["inside"])
    return _curves.generate_curve(
        name(noise), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gap, and what is shown beyond."""
    return {"inside": [(0.0, 0.22), (0.32, 0.5)], "gap": [(0.22, 0.32)], "outside": [(-0.2, 0.0), (0.5, 0.8)]}


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Means (n, 200) and sds (n, 200) of the mixture of Gaussians that p(y|x) is, closely, at x (n, 1) or (n,).

    One Gaussian for each of 200 equally likely strata of e, in which the curve is nearly linear: with the stratum's
    mean and sd of y, from the curve at e one sd to either side of the stratum's mean. Where the curve turns, y hardly
    varies in a stratum, and its sd is kept from 0 by 0.0002 noise. The distribution function differs by less than 0.01
    from that of y.
    """
    check_noise(noise)
    x = _curves.as_line(x)[:, None]
    mean, sd = _strata()
    low, high = _curve(x, noise * (mean - sd)), _curve(x, noise * (mean + sd))
    return (low + high) / 2, np.maximum(np.abs(high - low) / 2, LEAST_SD * noise)


def _curve(x: np.ndarray, e: np.ndarray) -> np.ndarray:
    return x + 0.3 * np.sin(2 * np.pi * (x + e)) + 0.3 * np.sin(4 * np.pi * (x + e)) + e


@cache
def _strata() -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd, (200,) each, of a standard normal variable in each of its equally likely strata."""
    from scipy.special import ndtri

    edges = ndtri(np.linspace(0, 1, N_STRATA + 1))
    density = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    slope = -np.where(np.isfinite(edges), edges, 0) * density
    # Over a stratum, φ' = -zφ integrates to the first moment, φ'' = (z² - 1)φ to the second less the probability.
    mean = -N_STRATA * np.diff(density)
    square = 1 + N_STRATA * np.diff(slope)
    return mean, np.sqrt(square - mean**2)
