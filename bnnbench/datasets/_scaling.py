"""Inputs and targets in units of their spread in a training split, and predictions back in the targets' own units."""

from dataclasses import dataclass

import numpy as np

from bnnbench.base.standardise import Standardiser, Units, resolutions


@dataclass(frozen=True)
class Scaling:
    """(x - mean) / sd of the inputs' columns and (y - location) / scale of the targets; the identity by default.

    Missing inputs (NaN) take the column's training median, `fill` (features,), before that; None where none may miss.
    """

    columns: Standardiser | None = None
    location: float = 0.0
    scale: float = 1.0
    fill: np.ndarray | None = None

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, may_miss: np.ndarray | None = None) -> "Scaling":
        """That of training inputs x (n, features) and targets y (n,).

        Targets that are whole numbers, such as labels, stay as they are; those that do not vary keep a scale of 1.
        may_miss: (features,), the columns in which inputs may be missing, in these rows or in others
        """
        fill = None if may_miss is None or not may_miss.any() else _medians(x, may_miss)
        columns = Standardiser.of(_filled(x, fill).astype(np.float64), resolutions(x, x.shape[1]))
        if y.dtype.kind in "iu":
            return cls(columns, fill=fill)
        units, _ = Units.standardised(y)
        return cls(columns, units.location, units.scale or 1.0, fill)

    @property
    def log_volume(self) -> float:
        """Log of the volume of inputs that is 1 in training: by so much log densities move.

        Raises ValueError where a column does not vary: no density belongs to it.
        """
        if self.columns is None:
            return 0.0
        if (constant := self.columns.constant).any():
            raise ValueError(f"{constant.sum()} inputs do not vary and have no density: leave them out, or add noise")
        return float(self.columns.log_sd.sum())

    def filled(self, x: np.ndarray) -> np.ndarray:
        """Inputs (n, ...) with what is missing filled in, where columns may miss some."""
        return _filled(x, self.fill)

    def x(self, x: np.ndarray) -> np.ndarray:
        """Inputs (n, ...) as a network sees them."""
        return x if self.columns is None else self.columns(self.filled(x).astype(np.float64))

    def y(self, y: np.ndarray) -> np.ndarray:
        """Targets (n,) as a likelihood sees them."""
        if self.columns is None or y.dtype.kind in "iu":
            return y
        return ((y - self.location) / self.scale).astype(np.float32)


def _medians(x: np.ndarray, may_miss: np.ndarray) -> np.ndarray:
    """Medians (features,) of what there is in columns that may miss some: 0 where there is nothing, NaN elsewhere."""
    found = np.full(x.shape[1], np.nan)
    for column in np.flatnonzero(may_miss):
        there = x[~np.isnan(x[:, column]), column]
        found[column] = np.median(there) if there.size else 0.0
    return found


def _filled(x: np.ndarray, fill: np.ndarray | None) -> np.ndarray:
    return x if fill is None else np.where(np.isnan(x), fill.astype(x.dtype), x)


UNSCALED = Scaling()
