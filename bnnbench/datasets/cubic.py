"""A cubic with noise: y = x³ + N(0, noise²), x uniform on [-4, 4] but for a gap.

Hernández-Lobato & Adams (2015), Probabilistic backpropagation, with 20 points, shown on [-6, 6]. The paper has no gap:
(-2, 2) is cut out.
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
NOISE = 3.0

shape = _curves.curve_shape


def name(noise: float = NOISE) -> str:
    """`cubic`; `cubic-noise-0.5` where the noise is 0.5, not 3."""
    return _curves.curve_name("cubic", noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    n_train: Count = 20,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The cubic, each seed its own points and one test set for all.

    noise: its sd, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    inputs = _curves.uniform_in(regions()["inside"])
    targets = _curves.from_law(lambda x: law(x, noise))
    return _curves.generate_curve(
        name(noise), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gaps, and what is shown beyond."""
    return {"inside": [(-4.0, -2.0), (2.0, 4.0)], "gap": [(-2.0, 2.0)], "outside": [(-6.0, -4.0), (4.0, 6.0)]}


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    x = _curves.as_line(x)
    return _curves.gaussian(x**3, noise)
