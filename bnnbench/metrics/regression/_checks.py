"""Validation of what metrics of regression take; failures name argument, fault and remedy."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ._mixture import Mixture

Array = NDArray[np.float64]


def _finite(values: ArrayLike, name: str) -> Array:
    raw = np.asarray(values)
    if raw.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got dtype {raw.dtype}; convert it to float")
    array = raw.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; drop the failed cells or points before scoring")
    return array


def check_location(location: ArrayLike) -> Array:
    """Locations (n, S) as float64. Raises ValueError on another shape, NaN or infinity."""
    array = _finite(location, "location")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"location must be a non-empty array of shape (n, S), points by draws, got shape {array.shape}; "
            "for a single draw use Mixture.of_one or add a last axis"
        )
    return array


def check_scale(scale: ArrayLike, shape: tuple[int, int]) -> Array:
    """Scales as float64 with two axes that broadcast to `shape`. Raises ValueError unless finite and positive."""
    array = np.atleast_2d(_finite(scale, "scale"))
    if array.ndim != 2 or any(have not in (1, wanted) for have, wanted in zip(array.shape, shape, strict=True)):
        raise ValueError(
            f"scale must broadcast to the shape {shape} of location, got shape {np.shape(scale)}; give one a point and "
            "draw (n, S), one a draw (1, S) or one a point (n, 1)"
        )
    if array.min() <= 0:
        raise ValueError(f"scale must be positive, the smallest is {array.min():.4g}; give scales, not their logs")
    return array


def check_df(df: float | None) -> float | None:
    """Degrees of freedom, a positive number, or None. Raises ValueError otherwise."""
    if df is None:
        return None
    if not (np.ndim(df) == 0 and np.isfinite(df) and df > 0):
        raise ValueError(f"df must be a positive number, got {df!r}; leave it out for normal components")
    return float(df)


def check_values(y: ArrayLike, n: int, name: str = "y", ndim: int | None = None) -> Array:
    """Values of the target, (n,) or (n, m), or with ndim=1 (n,) only. Raises ValueError otherwise, and on NaN."""
    array = _finite(y, name)
    if array.ndim not in ((1, 2) if ndim is None else (ndim,)) or len(array) != n:
        wanted = f"({n},)" if ndim == 1 else f"({n},) or ({n}, m)"
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}; one row a point of the mixture")
    return array


def check_levels(levels: ArrayLike) -> Array:
    """Levels of quantiles, (L,). Raises ValueError unless within (0, 1)."""
    array = _finite(levels, "levels")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"levels must have shape (L,), L >= 1, got {array.shape}; put a single level into a list")
    if array.min() <= 0 or array.max() >= 1:
        raise ValueError(
            f"levels must lie between 0 and 1, found {array.min():.4g} to {array.max():.4g}; divide per cent by 100"
        )
    return array


def check_same_points(mixture: "Mixture", other: "Mixture", name: str) -> "Mixture":
    """The other mixture. Raises ValueError unless it is one, of as many points."""
    if not isinstance(other, type(mixture)):
        raise ValueError(f"{name} is a {type(other).__name__}; give a Mixture, Mixture.of_one for a single normal")
    if other.n_points != mixture.n_points:
        raise ValueError(
            f"{name} has {other.n_points} points but the mixture {mixture.n_points}; evaluate both at the same points"
        )
    return other
