"""Inputs and targets in units of their spread in a training split, and predictions back in the targets' own units."""

from dataclasses import dataclass

import numpy as np

from bnnbench.base.standardise import Standardiser, Units, resolutions


@dataclass(frozen=True)
class Scaling:
    """(x - mean) / sd of the inputs' columns and (y - location) / scale of the targets; the identity by default."""

    columns: Standardiser | None = None
    location: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "Scaling":
        """That of training inputs x (n, features) and targets y (n,). Targets that do not vary keep a scale of 1."""
        columns = Standardiser.of(x.astype(np.float64), resolutions(x, x.shape[1]))
        units, _ = Units.standardised(y)
        return cls(columns, units.location, units.scale or 1.0)

    def x(self, x: np.ndarray) -> np.ndarray:
        """Inputs (n, ...) as a network sees them."""
        return x if self.columns is None else self.columns(x.astype(np.float64))

    def y(self, y: np.ndarray) -> np.ndarray:
        """Targets (n,) as a likelihood sees them."""
        return y if self.columns is None else ((y - self.location) / self.scale).astype(np.float32)


UNSCALED = Scaling()
