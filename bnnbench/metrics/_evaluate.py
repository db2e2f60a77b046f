"""From the stored predictions of one cell to every metric that is registered."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._checks import check_labels, check_proba
from ._predictions import Predictions
from ._registry import Metric, registered


def evaluate(predictions: Predictions, y: ArrayLike, bayes_proba: ArrayLike | None = None) -> dict[str, float]:
    """Every metric of one cell on one split, by name; `describe` says what each is.

    y: (n,) true classes. bayes_proba: (n, K) true class probabilities, for generated data only; adds the
    metrics against the Bayes rule. Metrics over an empty group (no wrong points, say) are NaN. Raises
    ValueError on malformed input. About 10 ms for 20,000 points of two classes.
    """
    proba = predictions.mean_proba
    n, k = proba.shape
    labels = check_labels(y, k, n)
    given = {"proba": proba, "y": labels, "wrong": proba.argmax(1) != labels, "predictions": predictions}
    if bayes_proba is not None:
        given["bayes_proba"] = check_proba(bayes_proba, "bayes_proba")
    return _values(registered().values(), given, k)


def compare(proba: ArrayLike, reference: ArrayLike) -> dict[str, float]:
    """Every metric against a reference, by name. proba, reference: (n, K). Raises ValueError on malformed input."""
    given = {"proba": proba, "reference": reference}
    return _values([m for m in registered().values() if "reference" in m.inputs], given, np.shape(proba)[-1])


def _values(wanted: Iterable[Metric], given: dict[str, Any], n_classes: int) -> dict[str, float]:
    """Values of the metrics that are computed here and whose inputs are all given."""
    found = {}
    for metric in wanted:
        if metric.compute and given.keys() >= set(metric.inputs) and n_classes >= metric.min_classes:
            found |= metric.values(given)
    return found
