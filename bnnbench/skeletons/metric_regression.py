"""Skeleton in words: a proper score of one quantile."""

import numpy as np
from numpy.typing import ArrayLike

from bnnbench.metrics import Mixture
from bnnbench.metrics._metric import Column
from bnnbench.metrics._registry import metric

LEVEL = 0.9


@metric(
    "skeleton",
    label="Skeleton in words",
    definition="Mean of (y - q) (0.9 - [y < q]), q the predicted 90% quantile: what it costs to plan for q.",
    direction="lower",  # or "higher", or "" where neither is better
    unit="target units",
    bounds=(0, np.inf),
    column=Column("Skeleton in words", 4, 1, "score of the 90% quantile; lower is better"),  # leave out: no column
)
def skeleton(mixture: Mixture, y: ArrayLike) -> float:
    """The quantile score, or pinball loss, in the target's units (Gneiting and Raftery 2007, section 6.1).

    mixture: of n points. y: (n,). The parameters' names say what is needed, of those in `metrics.INPUTS["regression"]`.
    """
    quantile = mixture.quantile([LEVEL])[:, 0]
    return float(((y - quantile) * (LEVEL - (y < quantile))).mean())
