"""Two noisy concentric circles: class 0 at radius 1, class 1 at radius `factor` (as sklearn's make_circles).

Points are i.i.d. draws, so the exact posterior p(y|x), and with it the best reachable scores, are known.
"""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import accuracy_and_entropy, as_points, check_noise, generate_toy, posterior, toy_name

GROUP = "plane"


def name(noise: float, factor: float = 0.5) -> str:
    """`circles-0.4` at noise 0.4; `circles-0.4-factor-0.8` where the factor is not 0.5."""
    return toy_name("circles", noise, factor=(factor, 0.5))


def generate(
    noise: Positive,
    factor: Annotated[float, Field(ge=0, lt=1)] = 0.5,
    n_train: Count = 700,
    n_validation: Count = 300,
    n_test: Count = 20_000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Circles with N(0, noise² I) added, each seed its own points and one test set for all.

    noise: standard deviation, > 0; factor: inner radius, in [0, 1); n_*: points (a seed).
    Raises ValueError for settings outside these.
    """
    check_settings(noise, factor)

    def arc(generator: np.random.Generator, y: np.ndarray) -> np.ndarray:
        angle = generator.uniform(0, 2 * np.pi, len(y))
        radius = np.where(y == 0, 1.0, factor)
        return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    return generate_toy(
        name(noise, factor), arc, noise, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Points in the plane, of two classes."""
    return Shape((2,), 2, n_train, n_validation, n_test)


def class_densities(x: np.ndarray, noise: float, factor: float = 0.5) -> np.ndarray:
    """p(x|y) (n, 2), per unit area, at points x (n, 2)."""
    return np.exp(_log_densities(np.linalg.norm(as_points(x), axis=1), noise, factor))


def bayes_proba(x: np.ndarray, noise: float, factor: float = 0.5) -> np.ndarray:
    """The exact posterior p(y|x) (n, 2) at points x (n, 2)."""
    return posterior(_log_densities(np.linalg.norm(as_points(x), axis=1), noise, factor))


def bayes_accuracy(noise: float, factor: float = 0.5) -> float:
    """Accuracy of the Bayes rule, which is one threshold on the radius; no classifier does better."""
    from scipy.optimize import brentq
    from scipy.stats import rice

    check_settings(noise, factor)

    def log_odds_outer(radius: float) -> float:
        outer, inner = _log_densities(np.array([radius]), noise, factor)[0]
        return outer - inner

    threshold = brentq(log_odds_outer, 0, 2 + 10 * noise)
    inner, outer = (rice.cdf(threshold, radius / noise, scale=noise) for radius in (factor, 1.0))
    return float((inner + 1 - outer) / 2)


def bayes_entropy(noise: float, factor: float = 0.5) -> float:
    """H(Y|X) in nats: the lowest reachable mean negative log-likelihood."""
    check_settings(noise, factor)
    step = noise / 500
    radius = np.arange(step / 2, 1 + 10 * noise, step)
    return accuracy_and_entropy(_log_densities(radius, noise, factor), 2 * np.pi * radius * step)[1]


def check_settings(noise: float, factor: float) -> None:
    """Raise ValueError for a noise or a factor that generates nothing sensible."""
    check_noise(noise)
    if not isinstance(factor, int | float | np.number) or not 0 <= factor < 1:
        raise ValueError(f"circles: factor is {factor!r}; give the inner circle's radius, from 0 to below 1")


def _log_densities(radius: np.ndarray, noise: float, factor: float) -> np.ndarray:
    """log p(x|y) (n, 2) at distances `radius` (n,) from the centre; i0e(z) = exp(-z) I0(z)."""
    from scipy.special import i0e

    check_settings(noise, factor)
    rho, r, variance = radius[:, None], np.array([1.0, factor]), noise**2
    return np.log(i0e(rho * r / variance)) - (rho - r) ** 2 / (2 * variance) - np.log(2 * np.pi * variance)
