"""The units of a target: training sees it with mean 0 and sd 1, results are in its own."""

from dataclasses import dataclass

import numpy as np

from bnnbench.base.standardise import Standardiser, resolutions


@dataclass(frozen=True)
class Units:
    """(y - location) / scale and back. `scale` is 0 where the target does not vary but for rounding."""

    location: float
    scale: float

    @classmethod
    def standardised(cls, y: np.ndarray) -> tuple["Units", np.ndarray]:
        """The units of training targets y (n,), finite, of any size and type; and y in them, float32.

        In the place of a target that does not vary stands one that does: the posterior of a noise's sd is improper
        where there is no noise, and what is predicted counts `scale` times, which is 0.
        """
        column = y.astype(np.float64)[:, None]
        scaler = Standardiser.of(column, resolutions(y, 1))
        location = float(np.ldexp(scaler.origin + scaler.mean, scaler.exponent)[0])
        if scaler.constant[0]:
            return cls(location, 0.0), np.resize(np.float32([-1, 1]), len(y))
        return cls(location, float(np.ldexp(scaler.sd, scaler.exponent)[0])), scaler(column)[:, 0]

    def values(self, standardised: np.ndarray) -> np.ndarray:
        """Standardised values in the target's own units."""
        return self.location + self.scale * standardised
