"""A sine whose noise comes and goes: y = 7 sin(x) + noise · 3 |cos(x/2)| e, e ~ N(0, 1).

Depeweg et al. (2018), Decomposition of uncertainty in Bayesian deep learning: 750 points, x from three equally frequent
Gaussians at -4, 0 and 4 with sds 0.4, 0.9 and 0.4. Few lie between these; here none: (-3, -2) and (2, 3) are cut out,
and x is kept within three sds of the outer two, by drawing the others anew. The sd is at least noise · 0.01, so that
the law has a density where the cosine is 0.
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
NOISE = 1.0
LEAST_SD = 0.01
MEANS, SDS = np.array([-4.0, 0.0, 4.0]), np.array([0.4, 0.9, 0.4])

shape = _curves.curve_shape


def name(noise: float = NOISE) -> str:
    """`depeweg`; `depeweg-noise-0.5` where the noise is 0.5, not 1."""
    return _curves.curve_name("depeweg", noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    n_train: Count = 750,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The sine, each seed its own points and one test set for all.

    noise: a factor of its sd, 1 in the paper, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    inputs = _curves.only_in(regions()["inside"], _three_gaussians)
    targets = _curves.from_law(lambda x: law(x, noise))
    return _curves.generate_curve(
        name(noise), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gaps, and what is shown beyond."""
    return {
        "inside": [(-5.2, -3.0), (-2.0, 2.0), (3.0, 5.2)],
        "gap": [(-3.0, -2.0), (2.0, 3.0)],
        "outside": [(-7.0, -5.2), (5.2, 7.0)],
    }


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    x = _curves.as_line(x)
    return _curves.gaussian(7 * np.sin(x), noise * np.maximum(3 * np.abs(np.cos(x / 2)), LEAST_SD))


def _three_gaussians(rng: np.random.Generator, n: int) -> np.ndarray:
    which = rng.integers(0, 3, n)
    return MEANS[which] + SDS[which] * rng.standard_normal(n)
