"""A curve seen in three intervals, with noise of one sd or of a growing one: y = x - 0.1x² + cos(πx/2) + N(0, sd²).

Antorán et al. (2020), Depth uncertainty in neural networks, `my_1d` in the code that they published
(github.com/cambridge-mlg/DUN): 501 points, a third of them uniform on each of (-1, 0), (1.7, 2.5) and (4, 5), sd 0.25
or 0.1 |x|^1.5. Here each input falls on one of these with probability 1/3.
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
LEAST_FACTOR = 0.01

shape = _curves.curve_shape


def name(noise: float = NOISE, heteroscedastic: bool = False) -> str:
    """`three_intervals`, `three_intervals-heteroscedastic`; `-noise-0.5` is added where the noise is 0.5, not 0.25."""
    return _curves.curve_name("three_intervals", *["heteroscedastic"] * heteroscedastic, noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    heteroscedastic: bool = False,
    n_train: Count = 501,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The curve, each seed its own points and one test set for all.

    noise: its sd, > 0; heteroscedastic: the sd is noise · 0.4 |x|^1.5 instead, which is 0.1 |x|^1.5 by default, and
    noise · 0.01 at least, so that the law has a density at 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    inputs = _curves.uniform_in(regions()["inside"], shares=[1 / 3] * 3)
    targets = _curves.from_law(lambda x: law(x, noise, heteroscedastic))
    return _curves.generate_curve(
        name(noise, heteroscedastic), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gaps, and what is shown beyond."""
    return {
        "inside": [(-1.0, 0.0), (1.7, 2.5), (4.0, 5.0)],
        "gap": [(0.0, 1.7), (2.5, 4.0)],
        "outside": [(-3.0, -1.0), (5.0, 7.0)],
    }


def law(x: np.ndarray, noise: float = NOISE, heteroscedastic: bool = False) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    x = _curves.as_line(x)
    factor = np.maximum(0.4 * np.abs(x) ** 1.5, LEAST_FACTOR) if heteroscedastic else 1.0
    return _curves.gaussian(x - 0.1 * x**2 + np.cos(np.pi * x / 2), noise * factor)
