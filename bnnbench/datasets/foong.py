"""A cosine between whose two ends nothing is seen: y = cos(4x + 0.8) + N(0, noise²).

Foong et al. (2019), 'In-between' uncertainty in Bayesian neural networks: 100 points, half of them uniform on
[-1, -0.7], half on [0.5, 1]; here each input falls on either with probability 1/2.
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
NOISE = 0.1

shape = _curves.curve_shape


def name(noise: float = NOISE) -> str:
    """`foong`; `foong-noise-0.5` where the noise is 0.5, not 0.1."""
    return _curves.curve_name("foong", noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    n_train: Count = 100,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The cosine, each seed its own points and one test set for all.

    noise: its sd, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    inputs = _curves.uniform_in(regions()["inside"], shares=[0.5, 0.5])
    targets = _curves.from_law(lambda x: law(x, noise))
    return _curves.generate_curve(
        name(noise), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gaps, and what is shown beyond."""
    return {"inside": [(-1.0, -0.7), (0.5, 1.0)], "gap": [(-0.7, 0.5)], "outside": [(-2.0, -1.0), (1.0, 2.0)]}


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    x = _curves.as_line(x)
    return _curves.gaussian(np.cos(4 * x + 0.8), noise)
