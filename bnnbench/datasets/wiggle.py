"""A slow and a fast sine on a slope: y = sin(πx) + 0.2 cos(4πx) - 0.3x + N(0, noise²).

Antorán et al. (2020), Depth uncertainty in neural networks: 300 points, x ~ N(5, 2.5²). The paper has no gap: (6, 7.5)
is cut out, and x is kept within three sds of its mean, by drawing the others anew.
"""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets import _curves
from bnnbench.datasets._base import DataSet
from bnnbench.datasets._bayes import check_noise

TASK = "regression"
GROUP = _curves.GROUP
GROUP_SIZES = _curves.SIZES
NOISE = 0.25

shape = _curves.curve_shape


def name(noise: float = NOISE) -> str:
    """`wiggle`; `wiggle-noise-0.5` where the noise is 0.5, not 0.25."""
    return _curves.curve_name("wiggle", noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    n_train: Count = 300,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The wiggle, each seed its own points and one test set for all.

    noise: its sd, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    inputs = _curves.only_in(regions()["inside"], lambda rng, n: 5 + 2.5 * rng.standard_normal(n))
    targets = _curves.from_law(lambda x: law(x, noise))
    return _curves.generate_curve(
        name(noise), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gaps, and what is shown beyond."""
    return {
        "inside": [(-2.5, 6.0), (7.5, 12.5)],
        "gap": [(6.0, 7.5)],
        "outside": [(-5.0, -2.5), (12.5, 15.0)],
    }


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    x = _curves.as_line(x)
    return _curves.gaussian(np.sin(np.pi * x) + 0.2 * np.cos(4 * np.pi * x) - 0.3 * x, noise)
