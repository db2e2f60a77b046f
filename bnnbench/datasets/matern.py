"""A smooth random function: a draw of a Gaussian process, y = f(x) + N(0, noise²), with a gap.

f is one draw of a process of mean 0, variance 1 and the Matérn-3/2 kernel of lengthscale 0.5: the same for every seed
and noise. It is drawn at 1,601 points of [-4, 4] and linear between them, which differs from the process by less than
0.01; beyond it is constant. Since the process is a prior of which f is a draw, its `exact_posterior` is the Bayesian
answer that others can be held against.

Antorán et al. (2020), Depth uncertainty in neural networks, have such a draw in the code that they published
(github.com/cambridge-mlg/DUN): 400 points, half of them uniform on [-2, -1], half on [0.5, 2.5], noise 0.15. Here each
input falls on either with probability 1/2.
"""

from collections.abc import Iterable
from functools import cache

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets import _curves
from bnnbench.datasets._base import DataSet
from bnnbench.datasets._bayes import check_noise

TASK = "regression"
GROUP = _curves.GROUP
GROUP_SIZES = _curves.SIZES
NOISE = 0.15
LENGTHSCALE = 0.5
GRID = np.linspace(-4, 4, 1601)

shape = _curves.curve_shape


def name(noise: float = NOISE) -> str:
    """`matern`; `matern-noise-0.5` where the noise is 0.5, not 0.15."""
    return _curves.curve_name("matern", noise=(noise, NOISE))


def generate(
    noise: Positive = NOISE,
    n_train: Count = 400,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Points of the function, each seed its own points and one test set for all.

    noise: its sd, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    inputs = _curves.uniform_in(regions()["inside"], shares=[0.5, 0.5])
    targets = _curves.from_law(lambda x: law(x, noise))
    return _curves.generate_curve(
        name(noise), inputs, targets, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def regions() -> _curves.Regions:
    """Where inputs are, the gap of three lengthscales, and what is shown beyond."""
    return {"inside": [(-2.0, -1.0), (0.5, 2.5)], "gap": [(-1.0, 0.5)], "outside": [(-3.0, -2.0), (2.5, 3.5)]}


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    return _curves.gaussian(np.interp(_curves.as_line(x), GRID, _function()), noise)


def exact_posterior(
    x_train: np.ndarray, y_train: np.ndarray, x: np.ndarray, noise: float = NOISE
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n,) and sd (n,) of f at x (n, 1) or (n,), given points, under the process that f was drawn from.

    x_train: (m, 1) or (m,); y_train: (m,), all in the data set's own units; noise: sd of y_train about f, known.
    The sd is that of f: a new target's variance is larger by noise². Raises ValueError for other shapes and noise.
    """
    from scipy.linalg import cho_factor, cho_solve

    check_noise(noise)
    x_train, x, y_train = _curves.as_line(x_train), _curves.as_line(x), np.asarray(y_train, dtype=np.float64)
    if y_train.shape != x_train.shape:
        raise ValueError(f"y_train has shape {y_train.shape}; give {len(x_train)} targets, one an input")
    cross = kernel(x_train, x)
    factor = cho_factor(kernel(x_train, x_train) + noise**2 * np.eye(len(x_train)))
    mean = cross.T @ cho_solve(factor, y_train)
    variance = 1 - np.sum(cross * cho_solve(factor, cross), axis=0)
    return mean, np.sqrt(np.maximum(variance, 0))


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Covariance (n, m) of f at a (n,) and b (m,): (1 + r) exp(-r), r = √3 |a - b| / lengthscale."""
    r = np.sqrt(3) * np.abs(a[:, None] - b) / LENGTHSCALE
    return (1 + r) * np.exp(-r)


@cache
def _function() -> np.ndarray:
    """f at the grid's points (1601,)."""
    return np.linalg.cholesky(kernel(GRID, GRID)) @ generator("matern", "function").standard_normal(len(GRID))
