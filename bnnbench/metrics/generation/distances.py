"""Distances between the distributions of samples and of real points."""

import math

import numpy as np
from numpy.typing import NDArray

from .._registry import Column, metric
from ._real import Real
from ._samples import Samples


@metric(
    "energy_distance",
    label="Energy distance",
    definition="2 E|x - g| - E|x - x'| - E|g - g'| over real points x and samples g, in the inputs' units: 0 where "
    "they are of one distribution (Szekely & Rizzo 2013). Unbiased, so that it can be a little below 0.",
    direction="lower",
    floor="energy_distance_floor",
    column=Column("Energy", 4, 1, "energy distance of samples and real points; lower is better"),
)
def energy_distance(samples: Samples, real: Real) -> float:
    """Pairs of a point with itself are left out."""
    return energy(samples.points, real.points)


@metric(
    "energy_distance_floor",
    label="Floor of the energy distance",
    definition="The absolute energy distance between two halves of the real points.",
    direction="",
)
def energy_distance_floor(real: Real) -> float:
    """Of half as many points, so that it is larger than what as many samples would give."""
    first, second = real.halves
    return abs(energy(real.points[first], real.points[second]))


@metric(
    "frechet_distance",
    label="Fréchet distance",
    definition="Squared Fréchet distance |m - m'|² + tr(C + C' - 2 (C C')^(1/2)) of the Gaussians with the means and "
    "covariances of features of real points and of samples (Heusel et al. 2017). Features are the inputs themselves, "
    "or of images the hidden units of a small classifier of the real ones. It is biased upwards, the more the fewer "
    "points: compare with its floor.",
    direction="lower",
    bounds=(0, math.inf),
    floor="frechet_distance_floor",
    column=Column("Fréchet", 3, 1, "Fréchet distance in features; lower is better, its floor the least"),
)
def frechet_distance(samples: Samples, real: Real) -> float:
    """Comparable within a data set and for as many points alone."""
    return frechet(real.features(samples.points), real.in_features)


@metric(
    "frechet_distance_floor",
    label="Floor of the Fréchet distance",
    definition="The same between two halves of the real points: of half as many points, so that its bias, about "
    "inverse to their number, is twice as large.",
    direction="",
    bounds=(0, math.inf),
)
def frechet_distance_floor(real: Real) -> float:
    """Of random halves that are the same for any order of the points."""
    first, second = real.halves
    return frechet(real.in_features[first], real.in_features[second])


@metric(
    "variance_ratio",
    label="Variance ratio",
    definition="Total variance of the samples over that of the real points: near 0 where the generator collapsed to "
    "one point.",
    direction="",
    bounds=(0, math.inf),
    undefined="where the real points are all the same",
)
def variance_ratio(samples: Samples, real: Real) -> float:
    """1 for the truth."""
    spread = real.points.var(0).sum()
    return float(samples.points.var(0).sum() / spread) if spread else math.nan


def energy(a: NDArray, b: NDArray) -> float:
    """Energy distance of points (n, D) and (m, D), by U-statistics: without pairs of a point with itself."""
    from scipy.spatial.distance import cdist, pdist

    within = [pdist(x).mean() if len(x) > 1 else 0.0 for x in (a, b)]
    return float(2 * cdist(a, b).mean() - sum(within))


def frechet(a: NDArray, b: NDArray) -> float:
    """Squared Fréchet distance of the Gaussians with the moments of features (n, F) and (m, F)."""
    moments = [(x.mean(0), np.atleast_2d(np.cov(x.T)) if len(x) > 1 else np.zeros((x.shape[1],) * 2)) for x in (a, b)]
    return frechet_of_moments(*moments[0], *moments[1])


def frechet_of_moments(mean: NDArray, covariance: NDArray, other_mean: NDArray, other: NDArray) -> float:
    """|m - m'|² + tr(C + C' - 2 (C^(1/2) C' C^(1/2))^(1/2)) (Dowson & Landau 1982), never below 0."""
    values, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(values.clip(0)) @ axes.T
    # The eigenvalues of C C', which are those of this symmetric matrix; by these the root of a singular one is exact
    # too.
    shared = np.linalg.eigvalsh(root @ other @ root).clip(0)
    found = ((mean - other_mean) ** 2).sum() + np.trace(covariance) + np.trace(other) - 2 * np.sqrt(shared).sum()
    return max(0.0, float(found))
