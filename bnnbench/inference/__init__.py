"""Inference methods: one file each, holding one class, named in METHOD."""

from bnnbench.inference._base import (
    DrawsPosterior,
    Fit,
    GaussianPosterior,
    Method,
    PointPosterior,
    Posterior,
    find,
    make,
)

__all__ = ["DrawsPosterior", "Fit", "GaussianPosterior", "Method", "PointPosterior", "Posterior", "find", "make"]
