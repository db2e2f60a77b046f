"""The density of samples by kernels, and what follows from it where the true density is known."""

import math

import numpy as np
from numpy.typing import NDArray

from .._registry import Column, metric
from ._real import Mixture, Real
from ._samples import Samples

BANDWIDTHS = np.geomspace(0.03, 1.0, 9)
"""Sds of the kernels that are tried, in sds of a number of the real points."""


@metric(
    "nll",
    label="NLL",
    definition="Mean over real points of -log q(x), q the density of equally heavy Gaussian kernels on the samples "
    "(Goodfellow et al. 2014), whose sd, the same in all directions, is the best of nine for the same points. It "
    "says how near samples come to every real point, and little of images: there good samples can have a bad one and "
    "blurred ones a good one (Theis et al. 2016).",
    direction="lower",
    unit="nats",
    column=Column("NLL", 4, 1, "negative log density of real points, by kernels on the samples; lower is better"),
)
def negative_log_likelihood(samples: Samples, real: Real) -> float:
    """Nats a point; of samples that are all in one place too it is finite, for the kernels have a width."""
    return -best_kernels(samples.points, real.points)[1]


@metric(
    "game_value",
    label="Value of the game",
    definition="E log D(x) + E log(1 - D(G(z))) for the optimal discriminator D = p / (p + q): -log 4 + 2 JSD(p, q), "
    "with the true density p and q the density of kernels on the samples, which leave out the sample they are asked "
    "about. -log 4 = -1.386 where they are the same. The kernels' width makes it more and their noise less: compare "
    "with the floor.",
    direction="lower",
    unit="nats",
    bounds=(-math.inf, 0),
    floor="game_value_floor",
    column=Column("Value", 3, 1, "value of the game under the optimal discriminator; -1.386 is the least"),
)
def game_value(samples: Samples, real: Real, mixture: Mixture) -> float:
    """At 0 no sample is where real points are. Goodfellow et al. 2014, equations 2 and 4."""
    return optimal_value(samples.points, real.points, mixture)


@metric(
    "game_value_floor",
    label="Floor of the game's value",
    definition="The same of real points: one half of the split in the place of samples beside the other half.",
    direction="",
    unit="nats",
    bounds=(-math.inf, 0),
)
def game_value_floor(real: Real, mixture: Mixture) -> float:
    """With half as many points as the value itself, so that its kernels are a little wider."""
    first, second = real.halves
    return optimal_value(real.points[first], real.points[second], mixture)


def optimal_value(samples: NDArray, points: NDArray, mixture: Mixture) -> float:
    """The value of the game for samples (n, D) and points (m, D) of the mixture; never above 0.

    The kernels' sd is the one of nine under which the samples are most probable, each by the kernels on the others.
    """
    sd = own_kernels(samples, _unit(points))
    log_q, log_q_there = log_kernels(samples, points, sd), log_kernels(samples, samples, sd, leave_out=True)
    log_p, log_p_there = (log_mixture(x, mixture) for x in (points, samples))
    # log D = log p - log(p + q), written so that neither density overflows.
    return float(-np.logaddexp(0, log_q - log_p).mean() - np.logaddexp(0, log_p_there - log_q_there).mean())


def log_mixture(x: NDArray, mixture: Mixture) -> NDArray[np.float64]:
    """Log density (n,) at x (n, D) of Gaussians N(centre, sd² I), equally frequent."""
    centres, sd = mixture
    return _log_mean_kernels(_squares(x, centres), sd, x.shape[1])


def best_kernels(samples: NDArray, points: NDArray) -> tuple[float, float]:
    """The sd of the kernels on samples (n, D), one of nine, under which points (m, D) are most probable, and the mean
    of their log density."""
    squares, dimensions = _squares(points, samples), points.shape[1]
    found = {sd: float(_log_mean_kernels(squares, sd, dimensions).mean()) for sd in _unit(points) * BANDWIDTHS}
    best = max(found, key=found.get)
    return float(best), found[best]


def own_kernels(samples: NDArray, unit: float) -> float:
    """The sd, one of nine in these units, under which each of the samples (n, D) is most probable by the others."""
    if len(samples) < 2:
        return unit
    squares, dimensions = _squares(samples, samples), samples.shape[1]
    np.fill_diagonal(squares, np.inf)
    found = {sd: _log_mean_kernels(squares, sd, dimensions).mean() for sd in unit * BANDWIDTHS}
    return float(max(found, key=found.get))


def _unit(points: NDArray) -> float:
    """The sd of a number of the points, or 1 where they are all the same."""
    return math.sqrt(points.var(0).mean()) or 1.0


def log_kernels(samples: NDArray, x: NDArray, sd: float, leave_out: bool = False) -> NDArray[np.float64]:
    """Log density (m,) at x (m, D) of kernels on samples (n, D); with `leave_out` x are the samples, each without its
    own kernel."""
    squares = _squares(x, samples)
    if leave_out and len(samples) > 1:
        np.fill_diagonal(squares, np.inf)
        return _log_mean_kernels(squares, sd, x.shape[1]) + math.log(len(samples) / (len(samples) - 1))
    return _log_mean_kernels(squares, sd, x.shape[1])


def _log_mean_kernels(squares: NDArray, sd: float, dimensions: int) -> NDArray[np.float64]:
    """log of the mean over the last axis of N(0, sd² I) at these squared distances."""
    exponents = squares / (-2 * sd**2)
    top = exponents.max(1, keepdims=True)
    logs = top[:, 0] + np.log(np.exp(exponents - top).mean(1))
    return logs - dimensions * math.log(sd * math.sqrt(2 * math.pi))


def _squares(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """Squared distances (len(a), len(b)), each computed from its two points alone."""
    from scipy.spatial.distance import cdist

    return cdist(a, b, "sqeuclidean")
