"""How well a predictive variance tells the points with large errors from the others."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._registry import metric
from ..classification.misclassification import auroc
from ._checks import check_values
from ._mixture import Mixture
from .uncertainty import variance_decomposition

LARGE_ABOVE = 0.8
"""An error is large above this quantile of the absolute errors: a fifth of the points has one."""


def large_errors(mixture: Mixture, y: ArrayLike) -> NDArray[np.bool_]:
    """Whether |y - mean| lies above its 80th percentile over the points, (n,) booleans.

    mixture: of n points. y: (n,). Raises ValueError on malformed input.
    """
    error = np.abs(check_values(y, mixture.n_points, ndim=1) - mixture.mean)
    return error > np.quantile(error, LARGE_ABOVE)


def auroc_large_errors(mixture: Mixture, y: ArrayLike, part: str = "total") -> float:
    """Chance that a point with a large error has more variance than one without, ties one half.

    mixture: of n points. y: (n,). part: of the variance, "total", "aleatoric" or "epistemic". An infinite variance
    is equal at all points and gives 0.5; NaN where no error is large. Raises ValueError on malformed input.
    """
    variances = variance_decomposition(mixture)
    if part not in variances:
        raise ValueError(f"part is {part!r}; choose one of {', '.join(variances)}")
    return auroc(np.nan_to_num(variances[part]), large_errors(mixture, y))


def _register(part: str) -> None:
    @metric(
        f"auroc_large_errors_{part}",
        label=f"AUROC of {part} sd for large errors",
        definition=f"Chance that a point of the fifth with the largest |y - mean| has a higher {part} sd than another, "
        "ties half; 0.5 is no use.",
        direction="higher",
        bounds=(0, 1),
        undefined="where no error is larger than four fifths of the errors, as of equal ones",
    )
    def _auroc(mixture: Mixture, y: ArrayLike) -> float:
        return auroc_large_errors(mixture, y, part)


for _part in ("total", "epistemic", "aleatoric"):
    _register(_part)
