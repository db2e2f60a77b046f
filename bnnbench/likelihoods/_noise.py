"""Fixed points that stand for standard normal noise. Compiled code takes them for constants."""

import math

import numpy as np
import torch

NODES = 20
"""Of the quadrature: exact to 1e-5 in the log probability for sds up to 3."""


@torch.compiler.assume_constant_result
def quadrature() -> torch.Tensor:
    """Nodes and log weights of the mean over a standard normal, (2, nodes), float64 (Gauss-Hermite)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return torch.from_numpy(np.stack([nodes, np.log(weights / weights.sum())]))


@torch.compiler.assume_constant_result
def noise_points(points: int, k: int) -> torch.Tensor:
    """Standard normal vectors (points, k), float64: a Sobol sequence through the normal's quantiles, and its mirror."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    half = -(-points // 2)
    uniforms = qmc.Sobol(k, scramble=False).random(2 ** math.ceil(math.log2(half + 1)))[1 : half + 1]
    normals = ndtri(uniforms)
    return torch.from_numpy(np.concatenate([normals, -normals])[:points])
