"""Central prediction intervals: how wide they are, how often they hold the target, and both in one score."""

import numpy as np
from numpy.typing import ArrayLike

from .._metric import Column
from .._registry import metric
from ._checks import check_values
from ._mixture import Mixture


def interval_score(mixture: Mixture, y: ArrayLike, level: float = 0.9) -> float:
    """Width of the central interval plus 2 / (1 - level) times the distance of y from it, mean over points.

    Gneiting and Raftery 2007, eq. 43, with alpha = 1 - level; in the target's units.
    mixture: of n points. y: (n,). level: probability of the interval. Raises ValueError on malformed input.
    """
    values = check_values(y, mixture.n_points, ndim=1)
    lower, upper = mixture.central_interval(level)
    outside = np.maximum(lower - values, 0) + np.maximum(values - upper, 0)
    return float((upper - lower + 2 / (1 - level) * outside).mean())


def coverage(mixture: Mixture, y: ArrayLike, level: float = 0.9) -> float:
    """Share of points whose target lies in its central interval; arguments as `interval_score`."""
    values = check_values(y, mixture.n_points, ndim=1)
    lower, upper = mixture.central_interval(level)
    return float(((lower <= values) & (values <= upper)).mean())


def interval_width(mixture: Mixture, level: float = 0.9) -> float:
    """Mean width of the central intervals, in the target's units; arguments as `interval_score`."""
    lower, upper = mixture.central_interval(level)
    return float((upper - lower).mean())


def _register(per_cent: int, coverage_column: Column | None = None) -> None:
    """Register the three metrics of the central intervals of a probability."""
    level = per_cent / 100

    @metric(
        f"interval_score_{per_cent}",
        label=f"Interval score, {per_cent}%",
        definition=f"Mean width of the central {per_cent}% interval, plus {2 / (1 - level):.3g} times the distance "
        "of y from it.",
        direction="lower",
        unit="target units",
        bounds=(0, np.inf),
    )
    def _interval_score(mixture: Mixture, y: ArrayLike) -> float:
        return interval_score(mixture, y, level)

    @metric(
        f"coverage_{per_cent}",
        label=f"Coverage, {per_cent}%",
        definition=f"Share of points whose target lies in the central {per_cent}% interval; {level:g} is calibrated.",
        direction="",
        bounds=(0, 1),
        column=coverage_column,
    )
    def _coverage(mixture: Mixture, y: ArrayLike) -> float:
        return coverage(mixture, y, level)

    @metric(
        f"width_{per_cent}",
        label=f"Interval width, {per_cent}%",
        definition=f"Mean width of the central {per_cent}% interval.",
        direction="",
        unit="target units",
        bounds=(0, np.inf),
    )
    def _width(mixture: Mixture) -> float:
        return interval_width(mixture, level)


_register(50)
_register(90, Column("Cov. 90 %", 1, 100, "share of targets in the central 90% interval; 90 is calibrated"))
