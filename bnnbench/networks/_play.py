"""Apply the stacked parameters of a generator and its discriminator.

Points are (cells, features, points) at either end, images too; in convolutions they are (points, cells * channels,
rows, columns), so that one grouped convolution serves the stack. Every operation can be differentiated twice.
"""

import torch
import torch.nn.functional as F

from bnnbench.networks._games import Down, Leaky, Map, Pair, Squash, Up
from bnnbench.networks._layers import Activation, Dense, Flatten


def generate(network: Pair, weights: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Samples (cells, features, points) of noise and codes (cells, n_latent, points); weights (cells, n_weights)."""
    return _run(network, "generator", network.generator, weights, noise)


def discriminate(network: Pair, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The logit of being real, and what is made of the codes, (cells, 1 + codes, points), of x (cells, features,
    points)."""
    return _run(network, "discriminator", network.discriminator, weights, x)


def _run(network: Pair, part: str, layers: tuple, weights: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    n_cells, own = len(weights), [p for p in network.parameters if p.name.startswith(f"{part}.")]
    tensors = iter([weights[:, p.start : p.stop].unflatten(1, p.shape) for p in own])
    for layer in layers:
        match layer:
            case Dense():
                weight, bias = next(tensors), next(tensors)
                h = torch.baddbmm(bias.unsqueeze(-1), weight, h)
            case Up():
                weight, bias = next(tensors).flatten(0, 1), next(tensors).flatten()
                h = F.conv_transpose2d(h, weight, bias, stride=2, padding=1, groups=n_cells)
            case Down():
                weight, bias = next(tensors).flatten(0, 1), next(tensors).flatten()
                h = F.conv2d(h, weight, bias, stride=2, padding=1, groups=n_cells)
            case Map(channels, rows, columns):
                h = h.permute(2, 0, 1).reshape(h.shape[2], n_cells * channels, rows, columns)
            case Flatten():
                h = h.reshape(len(h), n_cells, -1).permute(1, 2, 0)
            case Activation():
                h = torch.tanh(h) if layer.function == "tanh" else torch.relu(h)
            case Leaky():
                h = F.leaky_relu(h, layer.slope)
            case Squash():
                h = torch.sigmoid(h)
    return h
