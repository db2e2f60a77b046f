"""Two noisy interleaving half circles (geometry of sklearn's make_moons).

Points are i.i.d. draws, so the exact posterior p(y|x), and with it the best reachable scores, are known.
"""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import accuracy_and_entropy, as_points, check_noise, generate_toy, posterior, toy_name

GROUP = "plane"

# Class 0 is the half circle u(t) = (cos t, sin t), 0 <= t <= pi; class 1 is REFLECTION - u(t).
REFLECTION = np.array([1.0, 0.5])


def name(noise: float) -> str:
    """`moons-0.4` at noise 0.4."""
    return toy_name("moons", noise)


def generate(
    noise: Positive,
    n_train: Count = 700,
    n_validation: Count = 300,
    n_test: Count = 20_000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Moons with N(0, noise² I) added, each seed its own points and one test set for all.

    noise: standard deviation, > 0; n_*: points (a seed). Raises ValueError otherwise.
    """
    check_noise(noise)

    def arc(generator: np.random.Generator, y: np.ndarray) -> np.ndarray:
        angle = generator.uniform(0, np.pi, len(y))
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.where(y[:, None] == 0, upper, REFLECTION - upper)

    return generate_toy(name(noise), arc, noise, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points in the plane, of two classes."""
    return Shape((2,), 2, n_train, n_validation, n_test)


def class_densities(x: np.ndarray, noise: float) -> np.ndarray:
    """p(x|y) (n, 2), per unit area, at points x (n, 2)."""
    return np.exp(_log_densities(as_points(x), noise))


def bayes_proba(x: np.ndarray, noise: float) -> np.ndarray:
    """The exact posterior p(y|x) (n, 2) at points x (n, 2)."""
    return posterior(_log_densities(as_points(x), noise))


def bayes_accuracy(noise: float) -> float:
    """Accuracy of the Bayes rule; no classifier does better."""
    check_noise(noise)
    return _ceiling(noise)[0]


def bayes_entropy(noise: float) -> float:
    """H(Y|X) in nats: the lowest reachable mean negative log-likelihood."""
    check_noise(noise)
    return _ceiling(noise)[1]


@lru_cache(maxsize=32)
def _ceiling(noise: float) -> tuple[float, float]:
    """Accuracy and H(Y|X) by a sum over a grid of step noise / 8, six noise widths beyond the arcs."""
    step = min(noise / 8, 0.05)
    margin = 6 * noise
    columns = np.arange(-1 - margin, 2 + margin, step)
    rows = np.arange(-0.5 - margin, 1 + margin, step)
    grid = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    return accuracy_and_entropy(_log_densities(grid, noise), step**2)


def _log_densities(x: np.ndarray, noise: float) -> np.ndarray:
    """log p(x|y) (n, 2)."""
    check_noise(noise)
    return np.stack([_log_half_circle(x, noise), _log_half_circle(REFLECTION - x, noise)], axis=1)


def _log_half_circle(x: np.ndarray, noise: float, chunk: int = 4096) -> np.ndarray:
    """log density (n,) of a uniform point on the upper unit half circle plus noise.

    Gauss-Legendre in the angle. |x - u(t)|² = |x|² + 1 - 2 x.u(t), so only x.u(t) / noise² is summed, by
    log-sum-exp. The nodes lie closer than the integrand is wide, about noise / sqrt(|x|), out to |x| of 10.
    """
    nodes, weights = np.polynomial.legendre.leggauss(32 + int(np.ceil(16 / noise)))
    angle, weights = np.pi / 2 * (nodes + 1), weights / 2
    arc = np.stack([np.cos(angle), np.sin(angle)]) / noise**2
    total = np.empty(len(x))
    for start in range(0, len(x), chunk):
        exponent = x[start : start + chunk] @ arc
        largest = exponent.max(axis=1)
        total[start : start + chunk] = largest + np.log(np.exp(exponent - largest[:, None]) @ weights)
    return total - (np.sum(x**2, axis=1) + 1) / (2 * noise**2) - np.log(2 * np.pi * noise**2)
