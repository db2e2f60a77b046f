"""The standard distributions that a mixture's components are scaled and shifted copies of."""

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.special import erf, gammaln, ndtr, ndtri, stdtr, stdtrit

Array = NDArray[np.float64]

LOG_SQRT_2_PI = 0.5 * np.log(2 * np.pi)


class Standard(Protocol):
    """A distribution with location 0 and scale 1; T and T' below are independent draws of it."""

    variance: float

    def cdf(self, z: Array) -> Array: ...

    def log_density(self, z: Array) -> Array: ...

    def quantile(self, levels: Array) -> Array: ...

    def distance(self, z: Array) -> Array:
        """E|T - z|; NaN where T has no mean."""

    def pair_distance(self, gap: Array, a: Array, b: Array) -> Array:
        """E|gap + a T - b T'| for scales a, b > 0; NaN where T has no mean."""


class Normal:
    """The standard normal distribution."""

    variance = 1.0

    def cdf(self, z: Array) -> Array:
        return ndtr(z)

    def log_density(self, z: Array) -> Array:
        return -0.5 * z * z - LOG_SQRT_2_PI

    def quantile(self, levels: Array) -> Array:
        return ndtri(levels)

    def distance(self, z: Array) -> Array:
        return z * erf(z * np.sqrt(0.5)) + np.sqrt(2 / np.pi) * np.exp(-0.5 * z * z)

    def pair_distance(self, gap: Array, a: Array, b: Array) -> Array:
        scale = np.sqrt(a * a + b * b)
        return scale * self.distance(gap / scale)


class StudentT:
    """Student's t distribution of df > 0 degrees of freedom, with location 0 and scale 1."""

    def __init__(self, df: float):
        self.df = df
        self.variance = df / (df - 2) if df > 2 else np.inf
        self._log_norm = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)

    def cdf(self, z: Array) -> Array:
        return stdtr(self.df, z)

    def log_density(self, z: Array) -> Array:
        return self._log_norm - 0.5 * (self.df + 1) * np.log1p(z * z / self.df)

    def quantile(self, levels: Array) -> Array:
        return stdtrit(self.df, levels)

    def distance(self, z: Array) -> Array:
        if self.df <= 1:
            return np.full(np.shape(z), np.nan)
        tails = (self.df + z * z) / (self.df - 1) * np.exp(self.log_density(z))
        return z * (2 * self.cdf(z) - 1) + 2 * tails

    def pair_distance(self, gap: Array, a: Array, b: Array) -> Array:
        if self.df <= 1:
            return np.full(np.broadcast_shapes(np.shape(gap), np.shape(a), np.shape(b)), np.nan)
        scale = np.sqrt(a * a + b * b)
        z = np.abs(gap) / scale
        angle = np.broadcast_to(np.arctan2(np.minimum(a, b), np.maximum(a, b)), z.shape)
        excess = _pair_excess(self.df).ev(np.arcsinh(np.minimum(z, FARTHEST)), angle)
        return scale * (z + excess)


FARTHEST = 1e8
"""Gap in scales up to which `_pair_excess` is tabulated; beyond it the excess is nothing beside the gap."""


@lru_cache(maxsize=8)
def _pair_excess(df: float) -> RectBivariateSpline:
    """E|z + cos(v) T - sin(v) T'| - z, which has no closed form for Student's t, by arcsinh(z) and v in [0, pi/4].

    With z it is accurate to 1e-5, relatively, for df >= 1.05. The expectation over T is `distance`; that over T' is
    the trapezoidal rule after t = sinh(pi/2 sinh u) (Takahasi and Mori 1974), exponentially accurate for smooth
    integrands with heavy tails.
    """
    standard = StudentT(df)
    u, step = np.linspace(-6.0, 6.0, 361, retstep=True)
    t = np.sinh(np.pi / 2 * np.sinh(u))
    log_jacobian = np.log(np.pi / 2 * np.cosh(u)) + np.log(np.cosh(np.pi / 2 * np.sinh(u)))
    weights = step * np.exp(standard.log_density(t) + log_jacobian)
    grid = np.linspace(0.0, np.arcsinh(FARTHEST), 320)
    angles = np.pi / 4 * np.linspace(0.0, 1.0, 41) ** 2  # dense near 0, where v**df is all but smooth
    excess = np.empty((len(grid), len(angles)))
    for i, z in enumerate(np.sinh(grid)):
        shift = (z - np.sin(angles)[:, None] * t) / np.cos(angles)[:, None]
        distance = np.cos(angles)[:, None] * standard.distance(shift)
        excess[i] = (distance - z) @ weights
    return RectBivariateSpline(grid, angles, excess)


def standard_of(df: float | None) -> Standard:
    """The standard normal for None, Student's t of df degrees of freedom otherwise."""
    return Normal() if df is None else StudentT(df)
