"""Validation of the arrays that metrics take; failures name argument, fault and remedy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROW_SUM_TOLERANCE = 1e-4
HALF_PRECISION_TOLERANCE = 1e-3
"""A float16 rounds each entry by up to 2**-11 of its value, so a row sum by up to 4.9e-4."""
RANGE_TOLERANCE = 1e-6


def _normalised(values: ArrayLike, name: str, dims: str, tolerance: float | None) -> NDArray[np.float64]:
    raw = np.asarray(values)
    if raw.ndim != dims.count(",") + 1 or raw.size == 0 or raw.shape[-1] < 2:
        raise ValueError(
            f"{name} must be a non-empty array of shape {dims} with K >= 2 classes, got shape {raw.shape}; "
            "for two classes stored as class 1 only, stack (1 - p, p) on a last axis"
        )
    if raw.dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers, got dtype {raw.dtype}; convert it to float")
    if tolerance is None:
        tolerance = HALF_PRECISION_TOLERANCE if raw.dtype == np.float16 else ROW_SUM_TOLERANCE
    p = raw.astype(np.float64)
    low, high = p.min(), p.max()
    if not np.isfinite(low + high):
        raise ValueError(f"{name} holds NaN or infinity; drop the failed cells or points before scoring")
    if low < -RANGE_TOLERANCE or high > 1 + RANGE_TOLERANCE:
        raise ValueError(f"{name} must lie in [0, 1], found [{low:.4g}, {high:.4g}]; apply a softmax to logits")
    np.clip(p, 0.0, 1.0, out=p)
    total = p @ np.ones(p.shape[-1])
    worst = np.abs(total - 1).max()
    if worst > tolerance:
        raise ValueError(
            f"{name} must have rows that sum to one within {tolerance:g}, the worst is off by {worst:.3g}; "
            "put classes on the last axis and normalise them"
        )
    p /= total[..., None]
    return p


def check_proba(proba: ArrayLike, name: str = "proba", tolerance: float | None = None) -> NDArray[np.float64]:
    """Probabilities (n, K) as a fresh float64 array whose rows sum to one exactly, up to float64 rounding.

    Rows may be off by `tolerance` (default 1e-4, or 1e-3 for float16 input), since stored arrays are rounded.
    Raises ValueError on a bad shape, NaN, values outside [0, 1] or rows that do not sum to one.
    """
    return _normalised(proba, name, "(n, K)", tolerance)


def check_proba_draws(
    proba_draws: ArrayLike, name: str = "proba_draws", tolerance: float | None = None
) -> NDArray[np.float64]:
    """Probabilities of S draws (S, n, K), as `check_proba`."""
    return _normalised(proba_draws, name, "(S, n, K)", tolerance)


def check_vector(
    values: ArrayLike, name: str, n: int | None = None, shape: tuple[int, ...] | None = None
) -> NDArray[np.float64]:
    """Finite float64 array of shape (n,), or of `shape` where given. Raises ValueError otherwise."""
    array = np.asarray(values, dtype=np.float64)
    wanted = shape or ((n,) if n is not None else None)
    if (wanted is None and (array.ndim != 1 or array.size == 0)) or (wanted and array.shape != wanted):
        raise ValueError(f"{name} must have shape {wanted or '(n,), n >= 1'}, got {array.shape}; one value a point")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity; drop the failed cells or points before scoring")
    return array


def check_integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Non-negative integers as int64 (so that small stored types cannot overflow). Raises ValueError
    otherwise.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        raise ValueError(f"{name} must hold integers, got dtype {array.dtype}; convert with .astype(int)")
    if array.size == 0 or array.min() < 0:
        raise ValueError(f"{name} must be non-empty and non-negative; number classes 0 to K - 1")
    return array.astype(np.int64)


def check_labels(y: ArrayLike, n_classes: int, n: int | None = None, name: str = "y") -> NDArray[np.int64]:
    """True classes (n,), integers from 0 to K - 1. Raises ValueError on another shape, dtype or range."""
    labels = check_integers(y, name)
    if labels.ndim != 1 or (n is not None and labels.size != n):
        expected = "(n,)" if n is None else f"({n},), one a row of the probabilities"
        raise ValueError(f"{name} must have shape {expected}, got {labels.shape}; use class numbers, not one-hot")
    if labels.max() >= n_classes:
        raise ValueError(f"{name} holds class {labels.max()} but there are {n_classes} classes; number them 0 to K - 1")
    return labels


def check_votes(votes: ArrayLike, name: str = "votes") -> NDArray[np.int64]:
    """Vote counts (n, K) as int64. Raises ValueError unless non-negative with equal positive row sums S."""
    counts = check_integers(votes, name)
    if counts.ndim != 2 or counts.shape[1] < 2:
        raise ValueError(f"{name} must have shape (n, K) with K >= 2, got {counts.shape}; count draws per class")
    totals = counts.sum(1)
    if totals[0] == 0 or (totals != totals[0]).any():
        raise ValueError(
            f"{name} must have equal positive row sums S, found {totals.min()} to {totals.max()}; "
            "count every draw once for every point"
        )
    return counts


def check_flags(flags: ArrayLike, name: str, n: int) -> NDArray[np.bool_]:
    """Booleans (n,), or zeros and ones. Raises ValueError otherwise."""
    array = np.asarray(flags)
    if array.shape != (n,) or not (array.dtype == bool or np.isin(array, (0, 1)).all()):
        raise ValueError(f"{name} must be {n} booleans, one a score, got shape {array.shape} of {array.dtype}")
    return array.astype(bool)
