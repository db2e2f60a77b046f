"""Quantiles of mixtures, by Newton's method within a bracket."""

import numpy as np
from numpy.typing import NDArray

from ._components import Standard

Array = NDArray[np.float64]

TOLERANCE = 1e-11
"""Error of a quantile, as a share of the spread: the width of its first bracket and the smallest scale."""

BISECT_EVERY = 7
"""Every so many steps the bracket is halved, whatever Newton's step says, so that no mixture takes long."""

MOST_STEPS = 300


def mixture_quantiles(location: Array, scale: Array, standard: Standard, levels: Array) -> Array:
    """Quantiles (n, L) of equal-weight mixtures of components standard * scale + location.

    location: (n, S). scale: (n, S) or (1, S). levels: (L,), within (0, 1). A mixture's quantile lies between the
    smallest and the largest of its components' quantiles of the same level.
    """
    n, scale = len(location), np.broadcast_to(scale, location.shape)
    standard_quantiles = standard.quantile(levels)
    low, high = np.empty((n, len(levels))), np.empty((n, len(levels)))
    for i, z in enumerate(standard_quantiles):
        ends = location + scale * z
        low[:, i], high[:, i] = ends.min(1), ends.max(1)
    spread = np.sqrt((scale**2).mean(1) + location.var(1))
    guess = np.clip(location.mean(1)[:, None] + spread[:, None] * standard_quantiles, low, high)
    row = np.repeat(np.arange(n), len(levels))
    ends = low.ravel(), high.ravel()
    return _roots(location, scale, standard, row, np.tile(levels, n), guess.ravel(), *ends).reshape(n, -1)


def _roots(
    location: Array,
    scale: Array,
    standard: Standard,
    row: NDArray,
    levels: Array,
    found: Array,
    low: Array,
    high: Array,
) -> Array:
    """Where the distribution function of mixture row[i] is levels[i], between low[i] and high[i], from found[i] on."""
    tolerance = TOLERANCE * (high - low + scale.min(1)[row]) + np.spacing(np.abs(found))
    todo = np.flatnonzero(high - low > tolerance)
    for step in range(MOST_STEPS):
        if not todo.size:
            break
        x, mixture = found[todo], row[todo]
        s = scale[mixture]
        z = (x[:, None] - location[mixture]) / s
        excess = standard.cdf(z).mean(1) - levels[todo]
        density = (np.exp(standard.log_density(z)) / s).mean(1)
        above = excess > 0
        high[todo[above]], low[todo[~above]] = x[above], x[~above]
        lower, upper = low[todo], high[todo]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = x - excess / density
        inside = (newton >= lower) & (newton <= upper)
        bisect = ~inside | (step % BISECT_EVERY == BISECT_EVERY - 1)
        near = inside & (np.abs(newton - x) <= tolerance[todo])
        found[todo] = np.where(bisect & ~near, (lower + upper) / 2, newton)
        todo = todo[~near & (upper - lower > tolerance[todo])]
    return found
