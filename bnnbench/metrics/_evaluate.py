"""From the stored predictions of one cell to every metric that is registered."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ._metric import Metric
from ._registry import compared, registered


class Summary(Protocol):
    """What is stored of a cell's predictions on one split, of one task."""

    task: str

    def given(self, y: ArrayLike, ideal: Any = None) -> dict[str, Any]:
        """What the task's metrics are computed from, by the names in its `INPUTS`.

        y: true targets. ideal: what one who knows the generator says; None where nobody does.
        """


def evaluate(predictions: Summary, y: ArrayLike, ideal: Any = None) -> dict[str, float]:
    """Every metric of one cell on one split, by name; `describe` says what each is.

    y: (n,) true targets. ideal: what one says who knows the generator, for generated data only; of classes their true
    probabilities (n, K). Metrics over an empty group (no wrong points, say) are NaN. Raises ValueError on malformed
    input. About 10 ms for 20,000 points of two classes.
    """
    return _values(registered(predictions.task).values(), predictions.given(y, ideal))


def compare(mine: Any, reference: Any, task: str = "classification") -> dict[str, float]:
    """Every metric against a reference, by name, of what the task compares: of classes, probabilities (n, K).

    Raises ValueError on malformed input.
    """
    against = [m for m in registered(task).values() if "reference" in m.inputs]
    return _values(against, {compared(task): mine, "reference": reference, "n_classes": np.shape(mine)[-1:]})


def _values(wanted: Iterable[Metric], given: dict[str, Any]) -> dict[str, float]:
    """Values of the metrics that are computed here and whose inputs are all given."""
    found, n_classes = {}, given.get("n_classes", ())
    for metric in wanted:
        enough = not n_classes or n_classes[0] >= metric.min_classes
        if metric.compute and given.keys() >= set(metric.inputs) and enough:
            found |= metric.values(given)
    return found
