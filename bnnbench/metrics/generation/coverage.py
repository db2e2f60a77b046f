"""How good samples are, and how much of the data they cover."""

import math

import numpy as np
from numpy.typing import NDArray

from .._registry import Column, metric
from ._real import Mixture, Real
from ._samples import Samples

NEIGHBOURS = 3
"""Of a point's ball: as far as its third neighbour (Kynkäänniemi et al. 2019, section 2)."""
NEAR = 3.0
"""Sds from a centre within which a sample is of high quality (Srivastava et al. 2017, section 4)."""


@metric(
    "precision",
    label="Precision of samples",
    definition="Share of samples that lie, in features, in the ball about a real point that reaches to its third "
    "neighbour (Kynkäänniemi et al. 2019): how real they are.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Prec. %", 1, 100, "share of samples within the real points' neighbourhoods; higher is better"),
)
def precision(samples: Samples, real: Real) -> float:
    """1 for copies of real points."""
    return share_within(real.in_features, real.features(samples.points))


@metric(
    "recall",
    label="Recall of samples",
    definition="Share of real points that lie, in features, in the ball about a sample that reaches to its third "
    "neighbour (Kynkäänniemi et al. 2019): how much of the data is covered.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Recall %", 1, 100, "share of real points within the samples' neighbourhoods; higher is better"),
)
def recall(samples: Samples, real: Real) -> float:
    """0 where all samples are in one place."""
    return share_within(real.features(samples.points), real.in_features)


@metric(
    "modes_covered",
    label="Modes covered",
    definition="Modes with at least one sample within three sds of their centre (Srivastava et al. 2017).",
    direction="higher",
    bounds=(0, math.inf),
    column=Column("Modes", 1, 1, "modes with a sample within three sds; higher is better"),
)
def modes_covered(samples: Samples, mixture: Mixture) -> float:
    """Of the mixture's number of modes at most."""
    mode, good = nearest_mode(samples.points, mixture)
    return float(len(np.unique(mode[good])))


@metric(
    "high_quality",
    label="High-quality samples",
    definition="Share of samples within three sds of the nearest mode's centre. Of real points in the plane 98.9% are.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Good %", 1, 100, "share of samples within three sds of a mode; higher is better"),
)
def high_quality(samples: Samples, mixture: Mixture) -> float:
    """1 where all are."""
    return float(nearest_mode(samples.points, mixture)[1].mean())


@metric(
    "mode_kl",
    label="KL of the modes' shares",
    definition="Kullback-Leibler divergence of the samples' shares of the nearest modes from equal ones: the log of "
    "the number of modes where all samples are near one.",
    direction="lower",
    unit="nats",
    bounds=(0, math.inf),
)
def mode_kl(samples: Samples, mixture: Mixture) -> float:
    """n samples of the truth give about (modes - 1) / 2n."""
    mode, _ = nearest_mode(samples.points, mixture)
    share = np.bincount(mode, minlength=len(mixture[0])) / len(mode)
    there = share[share > 0]
    return max(0.0, float((there * np.log(there * len(share))).sum()))


def nearest_mode(points: NDArray, mixture: Mixture) -> tuple[NDArray, NDArray]:
    """The nearest mode of each point (n, D), (n,), and whether it is within three sds of its centre."""
    from scipy.spatial.distance import cdist

    centres, sd = mixture
    distance = cdist(points, centres)
    return distance.argmin(1), distance.min(1) <= NEAR * sd


def share_within(points: NDArray, others: NDArray, neighbours: int = NEIGHBOURS) -> float:
    """Share of others (m, F) within the ball of at least one of the points (n, F), which reaches to that neighbour of
    its centre among the points, or to the farthest where they are fewer."""
    from scipy.spatial.distance import cdist

    among = np.sort(cdist(points, points), axis=1)
    radius = among[:, min(neighbours, len(points) - 1)]  # the nearest of all is the point itself
    return float((cdist(others, points) <= radius).any(1).mean())
