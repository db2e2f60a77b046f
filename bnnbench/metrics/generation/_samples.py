"""What is kept of a cell's generator."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Samples:
    """n samples (n, D), in the inputs' units, and what a discriminator says of them and of m real points.

    logits (n,), real_logits (m,): its log-odds of being real, or a critic's numbers where `is_critic`; None of
    controls, which have no discriminator. code (n,): the category that a sample was given, code_log_proba (n,): log Q
    of its codes, real_code (m,): the category read off a real point; None of networks without categories.

    Raises ValueError for samples that are no table or hold NaN or infinity.
    """

    points: NDArray[np.float64]
    is_critic: bool = False
    logits: NDArray | None = None
    real_logits: NDArray | None = None
    code: NDArray | None = None
    code_log_proba: NDArray | None = None
    real_code: NDArray | None = None
    task: ClassVar[str] = "generation"

    def __post_init__(self):
        if self.points.ndim != 2 or not self.points.size:
            raise ValueError(f"samples have shape {self.points.shape}; give (n, D)")
        if not np.isfinite(self.points).all():
            raise ValueError("samples hold NaN or infinity; drop the failed cells before scoring")

    def given(self, y, ideal=None) -> dict[str, Any]:
        """What metrics are computed from, by the names in `INPUTS`; y (m,) are the classes of the real points, and
        `ideal` is their `Real`."""
        found: dict[str, Any] = {"samples": self, "classes": np.asarray(y)}
        if self.logits is not None:
            name = "criticism" if self.is_critic else "log_odds"
            found[name] = self.real_logits.astype(float), self.logits.astype(float)
        if self.code_log_proba is not None:
            found |= {"code_log_proba": self.code_log_proba.astype(float), "real_code": self.real_code}
        if ideal is not None:
            found["real"] = ideal
            if ideal.mixture is not None:
                found["mixture"] = ideal.mixture
        return found
