"""What data sets without labels share whose density is known."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from bnnbench.datasets._base import DataSet, drawn_pool


def generate_density(
    name: str,
    draw: Callable[[np.random.Generator, int], np.ndarray],
    n_train: int,
    n_validation: int,
    n_test: int,
    seeds: Iterable[int],
    test_seed: int,
) -> DataSet:
    """Independent draws: draw(stream, n) -> points (n, D). Each seed has its own, all share the test set."""

    def draw_both(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return draw(rng, n).astype(np.float32), np.zeros(n, np.int64)

    arrays = drawn_pool(name, draw_both, n_train, n_validation, n_test, seeds, test_seed)
    return DataSet(name=name, **arrays, n_classes=1, task="density", standardise=True)


def mixture_log_density(x: np.ndarray, centres: np.ndarray, sd: float) -> np.ndarray:
    """Log density (n,) at x (n, D) of Gaussians N(centre, sd² I), equally frequent; centres (k, D)."""
    from scipy.special import logsumexp

    squares = ((np.asarray(x, float)[:, None] - centres) ** 2).sum(2)
    found = logsumexp(-0.5 * squares / sd**2, axis=1) - np.log(len(centres))
    return found - centres.shape[1] * np.log(sd * np.sqrt(2 * np.pi))


def unlabelled(data: DataSet, name: str) -> DataSet:
    """A labelled data set as points alone, under another name."""
    zeros = {part: np.zeros_like(getattr(data, part)) for part in ("y_pool", "y_test")}
    return replace(data, name=name, n_classes=1, task="density", standardise=True, **zeros)
