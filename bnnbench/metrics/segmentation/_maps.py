"""What is stored of a cell's maps on one split: all that metrics are computed from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

Array = NDArray[np.float32]
SUM_TOLERANCE = 2e-3
"""Half precision rounds each probability by up to 2**-11 of its value, on the way in and once more as a mean."""
NORMALISED = np.float32(1e-6)
"""Sums that are this near to one are rounding of single precision."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Moments over S draws at n images of K classes; checked, and probabilities normalised, on construction.

    mean_proba, class_sd: (n, K, rows, columns), the sd with divisor S; total_variance, expected_entropy and
    mutual_information: (n, rows, columns), entropies in nats. Single precision. Raises ValueError on malformed arrays.
    """

    mean_proba: Array
    class_sd: Array
    total_variance: Array
    expected_entropy: Array
    mutual_information: Array
    n_draws: int
    task: ClassVar[str] = "segmentation"

    def __post_init__(self) -> None:
        mean = np.asarray(self.mean_proba, np.float32)
        if mean.ndim != 4 or not mean.size or mean.shape[1] < 2:
            raise ValueError(f"mean_proba must have shape (n, K, rows, columns) with K >= 2, got {mean.shape}")
        if not np.isfinite(mean).all() or mean.min() < -1e-6:
            raise ValueError("mean_proba holds NaN or values below 0; drop the failed cells before scoring")
        total = mean.sum(1, keepdims=True)
        if abs(total - 1).max() > SUM_TOLERANCE:
            raise ValueError("mean_proba must sum to one over classes, the second axis; apply a softmax to logits")
        # What is normalised already stays as it is, so that maps of maps are the same.
        object.__setattr__(self, "mean_proba", mean / np.where(abs(total - 1) > NORMALISED, total, 1))
        by_pixel = mean.shape[:1] + mean.shape[2:]
        fields = dict.fromkeys(("total_variance", "expected_entropy", "mutual_information"), by_pixel)
        for name, shape in {"class_sd": mean.shape, **fields}.items():
            values = np.asarray(getattr(self, name), np.float32)
            if values.shape != shape or not np.isfinite(values).all() or values.min() < 0:
                raise ValueError(f"{name} must be finite, at least 0, of shape {shape}, got {values.shape}")
            object.__setattr__(self, name, values)

    @classmethod
    def from_draws(cls, proba: ArrayLike) -> "Maps":
        """Of draws (S, n, K, rows, columns)."""
        draws = np.asarray(proba, np.float64)
        mean, variance = draws.mean(0), draws.var(0)
        expected = entr(draws).sum(2).mean(0)
        information = np.maximum(entr(mean).sum(1) - expected, 0) * (variance.sum(1) > 1e-12)
        return cls(mean, np.sqrt(variance), variance.sum(1), expected, information, len(draws))

    @classmethod
    def certain(cls, proba: ArrayLike) -> "Maps":
        """Of one who has no doubt about the probabilities (n, K, rows, columns)."""
        proba = np.asarray(proba, np.float32)
        nothing = np.zeros(proba.shape[:1] + proba.shape[2:], np.float32)
        return cls(proba, np.zeros(proba.shape, np.float32), nothing, entr(proba).sum(1), nothing, 1)

    @cached_property
    def predictive_entropy(self) -> Array:
        """Entropy of the mean probabilities, (n, rows, columns), nats."""
        return entr(self.mean_proba).sum(1)

    @cached_property
    def confidence(self) -> Array:
        """Highest mean probability, (n, rows, columns)."""
        return self.mean_proba.max(1)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """Most probable class on average over draws, (n, rows, columns)."""
        return self.mean_proba.argmax(1)

    def by_class(self, values: Array, known: NDArray[np.bool_] | None = None) -> Array:
        """Values (n, K, rows, columns) as (m, K), of the pixels that are known; of all for None."""
        last = np.moveaxis(values, 1, -1)
        return last.reshape(-1, last.shape[-1]) if known is None else last[known]

    def given(self, y: ArrayLike, ideal: ArrayLike | None = None) -> dict[str, Any]:
        """What metrics are computed from, by the names in `INPUTS`.

        y: (n, rows, columns) true classes, below 0 where void. ideal: true probabilities like `mean_proba`. Raises
        ValueError on malformed input.
        """
        labels, k = np.asarray(y), self.mean_proba.shape[1]
        if labels.shape != self.total_variance.shape or labels.dtype.kind != "i":
            wanted = f"whole numbers of shape {self.total_variance.shape}"
            raise ValueError(f"y must be {wanted}, got {labels.dtype} of shape {labels.shape}; one class a pixel")
        if labels.max() >= k or labels.max() < 0:
            raise ValueError(f"y holds classes up to {labels.max()} of {k}; number them 0 to K - 1, and void below 0")
        known = labels >= 0
        wrong = (self.predicted != labels) & known
        found = {
            "proba": self.by_class(self.mean_proba, known).astype(np.float64),
            "y": labels[known].astype(np.int64),
            "wrong": wrong[known],
            "pixels": Pixels(self, known),
            "scenes": Scenes(wrong, known, self.predictive_entropy),
            "n_classes": (k,),
        }
        if ideal is not None:
            found["ideal"] = self.by_class(np.asarray(ideal), known).astype(np.float64)
        return found


@dataclass(frozen=True, eq=False)
class Pixels:
    """Uncertainties of the m pixels that are known, (m,) each, high = uncertain."""

    maps: Maps
    known: NDArray[np.bool_]

    @cached_property
    def predictive_entropy(self) -> Array:
        return self.maps.predictive_entropy[self.known]

    @cached_property
    def expected_entropy(self) -> Array:
        return self.maps.expected_entropy[self.known]

    @cached_property
    def mutual_information(self) -> Array:
        return self.maps.mutual_information[self.known]

    @cached_property
    def total_variance(self) -> Array:
        return self.maps.total_variance[self.known]

    @cached_property
    def doubt(self) -> Array:
        """1 - max_c p_c."""
        return 1 - self.maps.confidence[self.known]


@dataclass(frozen=True, eq=False)
class Scenes:
    """Of each pixel in its place, (n, rows, columns): whether it is wrong, whether it is known, its entropy."""

    wrong: NDArray[np.bool_]
    known: NDArray[np.bool_]
    entropy: Array

    def patches(self, side: int) -> tuple[Array, Array]:
        """(share of wrong pixels, mean entropy) of the squares of this side, side by side from the first corner, each
        (p,), over their known pixels; squares without any are left out."""
        n, rows, columns = self.known.shape
        size = n, rows // side, side, columns // side, side

        def totals(values):
            inner = values[:, : size[1] * side, : size[3] * side]
            return inner.reshape(size).sum((2, 4), dtype=np.float64).ravel()

        count = totals(self.known)
        wrong, entropy = (totals(np.where(self.known, v, 0))[count > 0] for v in (self.wrong, self.entropy))
        return wrong / count[count > 0], entropy / count[count > 0]
