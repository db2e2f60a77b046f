"""Fixed points that stand for standard normal noise, from formulas that compiled code takes for constants."""

import torch

FARTHEST, NODES = 7.0, 43
"""Of the trapezoidal rule, whose steps are a third: exact to 1e-8 where what is averaged is no steeper than a sigmoid
of three times the noise."""


def quadrature(like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes (NODES,) and log weights of the mean over a standard normal, of the type and on the device of `like`.

    The trapezoidal rule converges geometrically for analytic functions that decay (Trefethen & Weideman 2014).
    """
    nodes = torch.linspace(-FARTHEST, FARTHEST, NODES, dtype=torch.float64, device=like.device)
    log_weights = -0.5 * nodes.square()
    return nodes.to(like), (log_weights - log_weights.logsumexp(0)).to(like)


def noise_points(points: int, k: int, like: torch.Tensor) -> torch.Tensor:
    """Standard normal vectors (points, k): an additive recurrence through the normal's quantiles, and its mirror image.

    The recurrence's steps are powers of the positive root g of g^(k+1) = g + 1 (Roberts 2018), for which its points are
    spread evenly in every number of dimensions.
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (k + 1))
    powers = torch.arange(1, k + 1, dtype=torch.float64, device=like.device)
    steps = torch.exp(-powers * torch.log(torch.full_like(powers, root)))
    half = torch.arange(1, (points + 1) // 2 + 1, dtype=torch.float64, device=like.device).unsqueeze(1)
    normals = torch.special.ndtri((0.5 + half * steps) % 1.0)
    return torch.cat([normals, -normals])[:points].to(like)
