"""Probabilities of the next symbol on one split: what metrics of `language` are computed from."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..classification._checks import check_labels, check_proba, check_vector
from ..classification.uncertainty import predictive_entropy


@dataclass(frozen=True, eq=False)
class SymbolPredictions:
    """Mean probabilities (n, K) of each of K symbols after n symbols, and the expected entropy (n,), nats.

    Without the latter all draws are the same. Raises ValueError on malformed arrays.
    """

    proba: NDArray[np.float64]
    expected_entropy: NDArray[np.float64] | None = None
    task: ClassVar[str] = "language"

    def __post_init__(self) -> None:
        object.__setattr__(self, "proba", check_proba(self.proba))
        if self.expected_entropy is not None:
            object.__setattr__(
                self, "expected_entropy", check_vector(self.expected_entropy, "expected_entropy", len(self.proba))
            )

    def given(self, y: ArrayLike, ideal: ArrayLike | None = None) -> dict[str, Any]:
        """What metrics are computed from, by the names in `INPUTS`, where the next symbol is predicted.

        y: (pieces, steps) codes, negative where nothing is predicted. ideal: (n, K) true probabilities.
        """
        y = np.ravel(y)
        keep = y >= 0
        if len(y) != len(self.proba):
            raise ValueError(
                f"there are {len(self.proba)} predictions and {len(y)} symbols: give a symbol a prediction"
            )
        proba = self.proba[keep]
        entropy = predictive_entropy(proba)
        expected = entropy if self.expected_entropy is None else self.expected_entropy[keep]
        labels = check_labels(y[keep], proba.shape[1], len(proba))
        given = {"proba": proba, "y": labels, "information": np.maximum(entropy - expected, 0.0)}
        return given if ideal is None else given | {"true_proba": check_proba(ideal, "true_proba")[keep]}
