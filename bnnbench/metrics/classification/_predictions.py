"""What is stored of a cell's predictions on one split: all that metrics are computed from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import uncertainty as unc
from ._checks import (
    HALF_PRECISION_TOLERANCE,
    check_integers,
    check_labels,
    check_proba,
    check_proba_draws,
    check_vector,
    check_votes,
)

VARIANCE_ROUNDING = 1e-12
"""Total variances below this are rounding: they, and the mutual information there, count as zero."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is stored of S draws at n points of K classes; checked, and rows renormalised, on construction.

    mean_proba, class_variance: (n, K); expected_entropy: (n,), nats; argmax_votes, label_votes: (n, K) counts
    with rows summing to n_draws = S. Rounding to float32 or float16 is tolerated. Raises ValueError on
    malformed arrays.
    """

    mean_proba: NDArray[np.float64]
    class_variance: NDArray[np.float64]
    expected_entropy: NDArray[np.float64]
    argmax_votes: NDArray[np.int64]
    label_votes: NDArray[np.int64]
    n_draws: int
    task: ClassVar[str] = "classification"

    def __post_init__(self) -> None:
        mean = check_proba(self.mean_proba, "mean_proba", HALF_PRECISION_TOLERANCE)
        variance = check_vector(self.class_variance, "class_variance", shape=mean.shape)
        if variance.min() < 0 or variance.max() > 0.2501:
            raise ValueError("class_variance must lie in [0, 1/4]; give variances of probabilities with divisor S")
        object.__setattr__(self, "mean_proba", mean)
        object.__setattr__(self, "class_variance", variance)
        object.__setattr__(self, "expected_entropy", check_vector(self.expected_entropy, "expected_entropy", len(mean)))
        for name in ("argmax_votes", "label_votes"):
            counts = check_votes(getattr(self, name), name)
            if counts.shape != mean.shape or counts[0].sum() != self.n_draws:
                raise ValueError(
                    f"{name} must have shape {mean.shape} and rows summing to n_draws = {self.n_draws}, got "
                    f"shape {counts.shape} and sum {counts[0].sum()}; count the draws of mean_proba"
                )
            object.__setattr__(self, name, counts)

    @classmethod
    def from_draws(cls, proba_draws: ArrayLike, random_state: int | np.random.Generator = 0) -> "Predictions":
        """Summarise draws (S, n, K); random_state (default 0) seeds the label votes."""
        draws = check_proba_draws(proba_draws)
        return cls(
            draws.mean(0),
            unc.class_variance(draws),
            unc.expected_entropy(draws),
            unc.votes(draws, "argmax"),
            unc.votes(draws, "label", random_state),
            len(draws),
        )

    @classmethod
    def from_class_one(
        cls,
        mean_proba: ArrayLike,
        class_variance: ArrayLike,
        expected_entropy: ArrayLike,
        argmax_votes: ArrayLike,
        label_votes: ArrayLike,
        n_draws: int,
    ) -> "Predictions":
        """Two classes of which class 1 only is stored: every array is (n,)."""
        p, var = np.asarray(mean_proba, np.float64), np.asarray(class_variance, np.float64)
        counts = [check_integers(v, "votes") for v in (argmax_votes, label_votes)]
        return cls(
            np.stack([1 - p, p], -1),
            np.stack([var, var], -1),
            expected_entropy,
            *(np.stack([n_draws - v, v], -1) for v in counts),
            n_draws,
        )

    def given(self, y: ArrayLike, ideal: ArrayLike | None = None) -> dict[str, Any]:
        """What metrics are computed from, by the names in `INPUTS`.

        y: (n,) true classes. ideal: (n, K) true class probabilities. Raises ValueError on malformed input.
        """
        n, k = self.mean_proba.shape
        labels = check_labels(y, k, n)
        wrong = self.mean_proba.argmax(1) != labels
        given = {"proba": self.mean_proba, "y": labels, "wrong": wrong, "predictions": self, "n_classes": (k,)}
        return given if ideal is None else given | {"bayes_proba": check_proba(ideal, "bayes_proba")}

    @cached_property
    def predictive_entropy(self) -> NDArray[np.float64]:
        """Entropy of the mean probabilities, (n,), nats."""
        return unc.predictive_entropy(self.mean_proba)

    @cached_property
    def total_variance(self) -> NDArray[np.float64]:
        """Sum of the class variances, (n,); exactly zero where draws differ by rounding only."""
        total = self.class_variance @ np.ones(self.class_variance.shape[1])
        return np.where(total < VARIANCE_ROUNDING, 0.0, total)

    @cached_property
    def mutual_information(self) -> NDArray[np.float64]:
        """H[p] - E_s H[p_s], (n,), nats; exactly zero where the total variance is."""
        information = np.maximum(self.predictive_entropy - self.expected_entropy, 0.0)
        return np.where(self.total_variance > 0, information, 0.0)

    @cached_property
    def argmax_chi_square(self) -> NDArray[np.float64]:
        """Chi-square of the arg-max votes against even ones, (n,), divided by the number of draws; high = certain."""
        return unc.chi_square(self.argmax_votes) / self.n_draws

    @cached_property
    def label_chi_square(self) -> NDArray[np.float64]:
        """The same of the label votes, (n,)."""
        return unc.chi_square(self.label_votes) / self.n_draws

    @cached_property
    def argmax_error_rate(self) -> NDArray[np.float64]:
        """Share of draws whose arg-max differs from the modal class, (n,)."""
        return unc.expected_error_rate(self.argmax_votes)


def mean(values: NDArray) -> float:
    """The mean over points; NaN over none."""
    return float(values.mean()) if values.size else float("nan")
