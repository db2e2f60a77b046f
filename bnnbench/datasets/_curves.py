"""What regression data sets in one dimension whose law is known share: drawing inputs and targets, and the law's form.

A law p(y|x) is a pair (location (n, S), scale (n, S)), float64: an equal-weight mixture of S Gaussians at each input.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from bnnbench.datasets._base import DataSet, Shape, drawn_pool
from bnnbench.datasets._bayes import short

GROUP = "curves"
SIZES = {"n_train": 100, "n_validation": 100, "n_test": 500}
"""Sizes that go without saying in the group's name."""

Interval = tuple[float, float]
Regions = dict[str, list[Interval]]
Law = tuple[np.ndarray, np.ndarray]
Inputs = Callable[[np.random.Generator, int], np.ndarray]
"""(rng, n) -> inputs (n,)."""
Targets = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""(rng, inputs (n,)) -> targets (n,)."""


def curve_name(family: str, *variants: str, **options: tuple[float, float]) -> str:
    """`cubic`, `cubic-noise-1`: the variants, and (value, default) options where they are not the default."""
    others = [f"{key}-{short(value)}" for key, (value, default) in options.items() if value != default]
    return "-".join([family, *variants, *others])


def curve_shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Inputs of one feature, one column of targets."""
    return Shape((1,), 1, n_train, n_validation, n_test)


def uniform_in(intervals: Sequence[Interval], shares: Sequence[float] | None = None) -> Inputs:
    """Inputs uniform in each interval, which has this share of them; default: its share of the whole length."""
    low, high = np.array(intervals, dtype=np.float64).T
    shares = (high - low) / (high - low).sum() if shares is None else np.asarray(shares)

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        which = rng.choice(len(low), n, p=shares)
        return low[which] + (high - low)[which] * rng.random(n)

    return draw


def only_in(intervals: Sequence[Interval], proposed: Inputs) -> Inputs:
    """Inputs as proposed, those outside the intervals drawn anew."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        kept = np.empty(0)
        while len(kept) < n:
            x = proposed(rng, n)
            kept = np.concatenate([kept, x[is_in(x, intervals)]])
        return kept[:n]

    return draw


def is_in(x: np.ndarray, intervals: Iterable[Interval]) -> np.ndarray:
    """Whether each of x (n,) lies in one of the intervals, ends included; (n,) of booleans."""
    return np.any([(low <= x) & (x <= high) for low, high in intervals], axis=0)


def as_line(x: np.ndarray) -> np.ndarray:
    """Inputs (n, 1) or (n,) as float64 (n,). Raises ValueError for any other shape."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim not in (1, 2) or x.shape[1:] not in ((), (1,)):
        raise ValueError(f"x has shape {x.shape}; give inputs of shape (n, 1) or (n,)")
    return x.reshape(-1)


def gaussian(mean: np.ndarray, sd: np.ndarray | float) -> Law:
    """The law of targets that are Gaussian with this mean (n,) and sd, (n,) or one number."""
    return mean[:, None], np.broadcast_to(np.asarray(sd, dtype=np.float64), mean.shape)[:, None].copy()


def from_law(law: Callable[[np.ndarray], Law]) -> Targets:
    """Draws from a Gaussian law."""

    def draw(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
        mean, sd = law(x)
        return mean[:, 0] + sd[:, 0] * rng.standard_normal(len(x))

    return draw


def generate_curve(
    name: str,
    inputs: Inputs,
    targets: Targets,
    n_train: int,
    n_validation: int,
    n_test: int,
    seeds: Iterable[int],
    test_seed: int,
) -> DataSet:
    """Points on a curve with noise: each seed draws its own, all share the test set, all inputs are i.i.d.

    Targets are drawn at the inputs that are stored, in single precision, so that the law at these is exact.
    Raises ValueError for sizes below 1 and seeds that are not whole or not each there once.
    """

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        x = inputs(rng, n).astype(np.float32)
        y = targets(rng, x.astype(np.float64))
        return x[:, None], y.astype(np.float32)

    arrays = drawn_pool(name, draw, n_train, n_validation, n_test, seeds, test_seed)
    return DataSet(name=name, **arrays, n_classes=1, task="regression", standardise=True)
