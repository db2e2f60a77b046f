"""What `noisy_wave` and `noisy_labels` share: inputs on a line in two intervals, much noise on the right and little on
the left, and training sets of which a smaller one is part of a larger one.

A point is made of three uniform numbers: which interval its input lies in, where in it, and its noise. They are drawn
point by point from a stream that neither the size nor the noise is part of, so that the first n points of a seed are
the same whatever the size, and differ in nothing but their noise's size whatever the noise.
"""

from collections.abc import Callable, Iterable

import numpy as np

from bnnbench.datasets._base import drawn_pool
from bnnbench.datasets._curves import Regions, curve_name

LEFT, RIGHT = (-3.0, -1.0), (1.0, 3.0)
QUIET_SHARE = 0.5

Targets = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(inputs (n,), uniform numbers (n,)) -> targets (n,)."""


def sized_name(family: str, n_train: int, noise: tuple[float, float], quiet_share: float) -> str:
    """`family-n-200`; the (value, default) noise and the share of quiet inputs are in it where not the default."""
    return f"{curve_name(family, noise=noise, quiet=(quiet_share, QUIET_SHARE))}-n-{n_train}"


def regions() -> Regions:
    """Where inputs are, the gap, and what is shown beyond."""
    return {"inside": [LEFT, RIGHT], "gap": [(LEFT[1], RIGHT[0])], "outside": [(-5.0, LEFT[0]), (RIGHT[1], 5.0)]}


def nested_pool(
    family: str,
    targets: Targets,
    quiet_share: float,
    n_train: int,
    n_validation: int,
    n_test: int,
    seeds: Iterable[int],
    test_seed: int,
) -> dict[str, np.ndarray]:
    """Arrays of a `DataSet`, of which `targets` sees the inputs as they are stored, in single precision.

    quiet_share: of training and validation inputs, those in the left interval, where there is little noise. Of test
    inputs half are, so that results of all data sets of a family are over the same inputs. Raises ValueError
    for sizes below 1 and seeds that are not whole or not each there once.
    """

    def drawn_with(share: float) -> Callable:
        def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
            which, where, noise = rng.random((n, 3)).T
            low, high = np.where(which < share, np.reshape(LEFT, (2, 1)), np.reshape(RIGHT, (2, 1)))
            x = (low + (high - low) * where).astype(np.float32)
            return x[:, None], targets(x.astype(np.float64), noise)

        return draw

    sizes = {"n_train": n_train, "n_validation": n_validation, "n_test": n_test}
    pool = drawn_pool(family, drawn_with(quiet_share), **sizes, seeds=seeds, test_seed=test_seed)
    even = drawn_pool(family, drawn_with(QUIET_SHARE), **sizes, seeds=seeds, test_seed=test_seed)
    return pool | {key: even[key] for key in ("x_test", "y_test")}
