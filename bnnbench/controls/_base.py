"""What a fitted control is, and what they share."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

LEAST_SD = 1e-4
"""Of a noise in units of the targets' sd: a fit without any error on validation rows says no more than this."""
LEAST_PROBABILITY = 1e-6
"""Of a class: no model is to be ruined by one point of a class that it never saw."""


class Given(NamedTuple):
    """Inputs (n, features) float64 and targets (n,), both scaled by the training rows; labels are as they are."""

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    n_classes: int
    seed: int


OfNumbers = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | float]]
"""Inputs (n, features) -> mean (n,) and sd, (n,) or one number, of scaled targets."""
OfClasses = Callable[[np.ndarray], np.ndarray]
"""Inputs (n, features) -> class probabilities (n, classes)."""


class Control:
    """A model with a method for each task that it takes, `regression` or `classification`: given data, a predictor."""

    def most_points(self, input_shape: tuple[int, ...], n_classes: int) -> float:
        """Training points that it takes at most."""
        return math.inf if len(input_shape) == 1 else 0


def about(predict: Callable[[np.ndarray], np.ndarray], given: Given) -> OfNumbers:
    """A Gaussian about predicted means, its sd the root mean squared error on validation rows, which took no part."""
    residuals = given.y_validation - predict(given.x_validation)
    sd = max(float(np.sqrt(np.mean(residuals**2))), LEAST_SD)
    return lambda x: (predict(x), sd)


def of_all_classes(found: np.ndarray, known: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities (n, n_classes) from those of the classes that training rows have, (n, len(known))."""
    proba = np.zeros((len(found), n_classes))
    proba[:, known] = found
    proba = np.maximum(proba, LEAST_PROBABILITY)
    return proba / proba.sum(axis=1, keepdims=True)


def nll(proba: np.ndarray, y: np.ndarray) -> float:
    """Mean negative log-likelihood of labels y (n,) under probabilities (n, classes)."""
    return float(-np.log(proba[np.arange(len(y)), y]).mean())


def only_class(given: Given) -> OfClasses | None:
    """The predictor of training rows of one class, from which no model can be fitted; None where there are more."""
    known = np.unique(given.y)
    if len(known) > 1:
        return None
    return lambda x: of_all_classes(np.ones((len(x), 1)), known, given.n_classes)
