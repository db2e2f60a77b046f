"""What two-class data sets with a known generator share: drawing them, and the exact posterior p(y|x)."""

from collections.abc import Callable, Iterable

import numpy as np

from bnnbench.datasets._base import DataSet, drawn_pool


def toy_name(family: str, noise: float, **others: tuple[float, float]) -> str:
    """`family-noise`, e.g. `circles-0.4`; other (value, default) options are added where not the default."""
    extra = [f"-{key}-{short(value)}" for key, (value, default) in others.items() if value != default]
    return f"{family}-{short(noise)}" + "".join(extra)


def short(value: float) -> str:
    """The shortest decimal that reads back as `value`: 0.4, 1, 0.0001."""
    return np.format_float_positional(float(value), trim="-")


def check_noise(noise: float) -> None:
    """Raise ValueError unless the noise is a positive number (at 0 there is no density)."""
    if not isinstance(noise, int | float | np.number) or not (np.isfinite(noise) and noise > 0):
        raise ValueError(f"noise is {noise!r}; give the noise's standard deviation, a number above 0")


def generate_toy(
    name: str,
    arc: Callable[[np.random.Generator, np.ndarray], np.ndarray],
    noise: float,
    n_train: int,
    n_validation: int,
    n_test: int,
    seeds: Iterable[int],
    test_seed: int,
) -> DataSet:
    """Points on arcs plus N(0, noise² I): each seed draws its own, all share the test set.

    arc(rng, labels (n,)) -> noiseless points (n, 2). Labels are fair coin flips, so points are i.i.d.
    """
    check_noise(noise)

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, 2, n)
        x = arc(rng, y) + noise * rng.standard_normal((n, 2))
        return x.astype(np.float32), y

    return DataSet(name=name, **drawn_pool(name, draw, n_train, n_validation, n_test, seeds, test_seed), n_classes=2)


def as_points(x: np.ndarray) -> np.ndarray:
    """`x` as float64 (n, 2); raises ValueError for any other shape."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"x has shape {x.shape}; give points of shape (n, 2)")
    return x


def posterior(log_densities: np.ndarray) -> np.ndarray:
    """p(y|x) (n, 2) from the classes' log densities (n, 2), the classes being equally frequent."""
    difference = log_densities[:, 1] - log_densities[:, 0]
    from scipy.special import expit

    return np.stack([expit(-difference), expit(difference)], axis=1)


def accuracy_and_entropy(log_densities: np.ndarray, volume: np.ndarray | float) -> tuple[float, float]:
    """The Bayes rule's accuracy and H(Y|X) in nats, by summing over a grid.

    log_densities: (grid, 2); volume: the measure that a grid point stands for, (grid,) or one number.
    """
    proba = posterior(log_densities)
    mass = np.exp(log_densities).mean(axis=1) * volume
    accuracy = np.sum(mass * proba.max(axis=1))
    from scipy.special import xlogy

    entropy = -np.sum(mass * xlogy(proba, proba).sum(axis=1))
    return float(accuracy), float(entropy)
