"""Distance between two predictive distributions, such as those of a method and of the reference posterior."""

from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .._registry import declare, metric
from ._checks import check_same_points
from ._mixture import Mixture

NODES = 128
"""At least as many quantiles of components are taken of each of the two mixtures."""

ENDS = (-4.0, -2.8, 2.8, 4.0)
"""Normal scores of the quantiles that mark where a component ends, and its tails begin."""

LEAST_EACH = 3
"""Quantiles of each component at least, besides its ends, for components that are far apart."""

SMOOTH_WITHIN = 20
"""Locations within so many of the smallest scale give a smooth density, for which fewer nodes do."""

NODES_IF_SMOOTH = 200
"""About as many nodes are used of a smooth pair; the error is below 1e-4."""

GOLDEN_RATIO = (1 + 5**0.5) / 2

POINTS = 200
"""Points worked through at once, to bound the memory."""


@metric(
    "total_variation",
    label="Total variation to the reference",
    definition="Mean of half the integral of |p - p_ref| over the target, against the reference of the same model, "
    "data set and seed.",
    direction="lower",
    bounds=(0, 1),
    floor="total_variation_floor",
)
def total_variation(mixture: Mixture, reference: Mixture) -> float:
    """Mean over points of half the integral of |p - q| between the two predictive densities, in [0, 1].

    mixture, reference: of n points, of any numbers of draws. The line is cut at quantiles of both mixtures'
    components, and the probabilities of the pieces are compared: exact, but for the pieces in which the densities
    cross, and so too small, by less than 1e-3, or 2e-3 where a hundred narrow components lie apart. Raises ValueError
    on malformed input.
    """
    check_same_points(mixture, reference, "reference")
    apart = _is_apart(mixture) | _is_apart(reference)
    found = np.empty(mixture.n_points)
    for group, most in ((np.flatnonzero(~apart), NODES_IF_SMOOTH), (np.flatnonzero(apart), None)):
        for start in range(0, len(group), POINTS):
            points = group[start : start + POINTS]
            found[points] = _distances(mixture.at(points), reference.at(points), most)
    return float(found.mean())


def _is_apart(mixture: Mixture) -> NDArray[np.bool_]:
    """Whether components may be so narrow, for how far they are apart, that the density has many peaks, (n,)."""
    return np.ptp(mixture.location, axis=1) > SMOOTH_WITHIN * mixture.scale.min(1)


def _distances(p: Mixture, q: Mixture, most: int | None) -> NDArray[np.float64]:
    """Total variation of single points, (n,), by all nodes or, evenly chosen, hardly more than `most` of them."""
    nodes = np.sort(np.concatenate([_nodes(p), _nodes(q)], axis=1), axis=1)
    if most:
        nodes = nodes[:, :: max(1, nodes.shape[1] // most)]
    gap = p.cdf(nodes) - q.cdf(nodes)
    return np.abs(np.diff(gap, axis=1, prepend=0, append=0)).sum(1) / 2


def _nodes(mixture: Mixture) -> NDArray[np.float64]:
    """Where to cut the line: the ends of each component and some of its quantiles, (n, nodes).

    Levels differ between components, so that those of equal components do not coincide: draw s takes the levels
    (k + fractional part of s times the golden ratio) / K, k < K.
    """
    each = max(LEAST_EACH, ceil(NODES / mixture.n_draws))
    shift = np.arange(1, mixture.n_draws + 1) * GOLDEN_RATIO % 1
    inner = (np.arange(each)[:, None] + shift) / each
    ends = np.broadcast_to(ndtr(ENDS)[:, None], (len(ENDS), mixture.n_draws))
    z = mixture.standard.quantile(np.concatenate([inner, ends]))
    return (mixture.location[:, None] + mixture.scale[:, None] * z).reshape(mixture.n_points, -1)


# The floor of a metric against the reference is the metric between the two halves of the reference's chains.
declare(
    __name__,
    "total_variation_floor",
    label="Total variation, reference to itself",
    definition="Total variation between the two halves of the reference's chains or populations: a method this "
    "close cannot be told from exact. Each half has half the draws, so an exact method would be closer still to the "
    "whole.",
    direction="",
    bounds=(0, 1),
)
