"""Skeleton in words: two Gaussian clouds in the plane, one a class, that overlap.

Points are i.i.d. draws, so the exact posterior p(y|x), and with it the best reachable scores, are known.
"""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets._base import DataSet, Shape, drawn_pool
from bnnbench.datasets._bayes import as_points, posterior, toy_name

CENTRES = np.array([[-1.0, 0.0], [1.0, 0.0]])
"""Of the classes 0 and 1."""


def name(noise: float) -> str:
    """`skeleton-0.4` at noise 0.4: options that make another data set are part of its name."""
    return toy_name("skeleton", noise)


def generate(
    noise: Positive,
    n_train: Count = 200,
    n_validation: Count = 100,
    n_test: Count = 2000,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Fair coin flips for labels, and N(centre, noise² I) for inputs; each seed its own points, one test set for all.

    noise: standard deviation; n_*: points (a seed). The types of options say what is allowed. A study names options
    under `datasets:`; a list in place of a value stands for a data set each.
    """

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, len(CENTRES), n)
        x = CENTRES[y] + noise * rng.standard_normal((n, 2))
        return x.astype(np.float32), y

    own = name(noise)
    arrays = drawn_pool(own, draw, n_train, n_validation, n_test, seeds, test_seed)
    return DataSet(name=own, **arrays, n_classes=len(CENTRES))


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Of one input, and how many classes and points there are: planning builds networks by this."""
    return Shape((2,), len(CENTRES), n_train, n_validation, n_test)


def bayes_proba(x: np.ndarray, noise: float) -> np.ndarray:
    """The exact posterior p(y|x) (n, 2) at points x (n, 2). Leave this function out where nobody knows it."""
    squared = ((as_points(x)[:, None] - CENTRES) ** 2).sum(axis=2)
    return posterior(-0.5 * squared / noise**2)
