"""What is kept of a cell's density at the points of a split."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Bound(NamedTuple):
    """What is known where a log density is estimated from codes by importance sampling, (n,) each, in nats.

    half: the log density from half as many codes. elbo: the evidence lower bound. kl: KL(q(z | x) || p(z)). The last
    two are means over draws.
    """

    half: NDArray[np.float64]
    elbo: NDArray[np.float64]
    kl: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Densities:
    """Densities p(x | draw) at n points over draws, each (n,), in nats.

    log_density: log of the mean density. mean_log_density, variance: mean and variance over draws of log p(x | draw).
    dimensions: how many numbers a point has; None where it is not known. bound: of autoencoders; None elsewhere.

    Raises ValueError for arrays of other shapes or with NaN.
    """

    log_density: NDArray[np.float64]
    mean_log_density: NDArray[np.float64]
    variance: NDArray[np.float64]
    dimensions: int | None
    bound: Bound | None = None
    task: ClassVar[str] = "density"

    def __post_init__(self):
        for name in ("log_density", "mean_log_density", "variance"):
            found = getattr(self, name)
            if found.shape != self.log_density.shape or found.ndim != 1 or not found.size:
                raise ValueError(f"{name} has shape {found.shape}; give one number a point, (n,) for all alike")
            if np.isnan(found).any():
                raise ValueError(f"{name} holds NaN; drop the failed cells or points before scoring")

    @property
    def spread(self) -> NDArray[np.float64]:
        """The sd over draws of the log density, (n,)."""
        return np.sqrt(np.maximum(self.variance, 0.0))

    @property
    def waic(self) -> NDArray[np.float64]:
        """Log of the mean density minus the variance of its log over draws, (n,): low for points that draws do not
        agree on (Watanabe 2010; as a score of novelty Choi et al. 2018)."""
        return self.log_density - self.variance

    @property
    def novelty_scores(self) -> dict[str, NDArray[np.float64]]:
        """By name, high where a point is unlike those of training: improbable, disputed between draws, or both."""
        return {"nll": -self.log_density, "spread": self.spread, "waic": -self.waic}

    def given(self, y, ideal: "Densities | None" = None) -> dict[str, Any]:
        """What metrics are computed from, by the names in `INPUTS`; y is not looked at."""
        found: dict[str, Any] = {"densities": self}
        if self.dimensions is not None:
            found["dimensions"] = self.dimensions
        if self.bound is not None:
            found["bound"] = self.bound
        return found if ideal is None else found | {"ideal": ideal.log_density}
