"""The real points that samples are held against, and the features in which images are compared.

Distances between images pixel by pixel say little, and the usual features, of a network trained on ImageNet, are not of
such images. Here they are the hidden units of a small perceptron (scikit-learn's, one hidden layer of `UNITS` ReLU),
trained to read the classes of the data set's pool: light, the same for every cell, and fitted once in a process. So
distances in them are comparable within a data set alone. Points of up to `RAW` numbers are compared as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

RAW, UNITS, ROWS, ROUNDS = 8, 32, 4000, 40
"""Numbers of a point that are features themselves; else hidden units, training images and passes over them, at most."""

Mixture = tuple[NDArray[np.float64], float]


@dataclass(frozen=True, eq=False)
class Real:
    """Real points (m, D) of a split with their classes (m,), and real ones of another split, `fresh` (k, D).

    mixture: centres (modes, D) and the sd of the Gaussians that they are of, equally frequent; None where it is not
    known
    features: (n, D) points -> (n, F) features
    """

    points: NDArray[np.float64]
    classes: NDArray
    fresh: NDArray[np.float64]
    mixture: Mixture | None
    features: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def of(cls, x, y, fresh, mixture, name: str, x_pool, y_pool) -> "Real":
        """Of arrays as a data set called `name` has them: images are made vectors."""
        flat = [np.asarray(a, float).reshape(len(a), -1) for a in (x, fresh, x_pool)]
        return cls(flat[0], y, flat[1], mixture, feature_map(name, flat[2], y_pool))

    @cached_property
    def in_features(self) -> NDArray[np.float64]:
        """Its points in features, (m, F)."""
        return self.features(self.points)

    @cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of two halves of the points, drawn at random but the same for any order of the points."""
        canonical = np.lexsort(self.points.T[::-1])
        shuffled = canonical[np.random.default_rng(0).permutation(len(canonical))]
        middle = max(1, len(shuffled) // 2)
        return shuffled[:middle], shuffled[middle:] if len(shuffled) > 1 else shuffled


_MAPS: dict[tuple, Callable] = {}


def feature_map(name: str, x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The features of a data set whose pool is x (n, D) with classes y (n,): see the top of the file."""
    key = name, x.shape, float(x.sum())
    if key not in _MAPS:
        _MAPS.clear()  # one data set after the other
        _MAPS[key] = (lambda points: points) if x.shape[1] <= RAW else _hidden_units(x, y)
    return _MAPS[key]


def _hidden_units(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    rows = np.linspace(0, len(x) - 1, min(len(x), ROWS)).astype(int)
    network = MLPClassifier((UNITS,), max_iter=ROUNDS, learning_rate_init=0.005, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(x[rows], y[rows])
    weight, bias = network.coefs_[0], network.intercepts_[0]
    return lambda points: np.maximum(points @ weight + bias, 0)
