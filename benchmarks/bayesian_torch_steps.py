"""Worker: bayesian-torch's layers on the sources' MNIST network, and the same network of torch's own layers.

It runs in an environment of its own, which borrows torch from ours: both libraries are timed on the same build.
"""

import os
import time
from importlib.metadata import version

import torch
import torch.nn.functional as F
from bayesian_torch.layers import Conv2dFlipout, Conv2dReparameterization, LinearFlipout, LinearReparameterization
from serve import serve
from torch import nn

LAYERS = {
    "plain": (nn.Conv2d, nn.Linear),
    "draw": (Conv2dReparameterization, LinearReparameterization),
    "flipout": (Conv2dFlipout, LinearFlipout),
}
BATCH, N_POINTS = 250, 5000
prepared = {}


class LeNet(nn.Module):
    """Two 5x5 convolutions of 32 channels with pooling and 64 dense units, tanh; `forward` gives logits and the KL."""

    def __init__(self, variant: str):
        super().__init__()
        conv, linear = LAYERS[variant]
        self.layers = nn.ModuleList([conv(1, 32, 5), conv(32, 32, 5), linear(512, 64), linear(64, 10)])
        self.bayesian = variant != "plain"

    def forward(self, x):
        kl = 0.0
        for i, layer in enumerate(self.layers):
            found = layer(x)
            if self.bayesian:
                found, of_layer = found
                kl = kl + of_layer
            x = found if i == 3 else torch.tanh(found)
            if i < 2:
                x = F.max_pool2d(x, 2)
            if i == 1:
                x = x.flatten(1)
        return x, kl


def step(variant: str, n: int) -> dict:
    """Seconds a step of Adam at batch 250, timed over n steps."""
    if variant not in prepared:
        torch.manual_seed(0)
        network = LeNet(variant)
        x, y = torch.rand(N_POINTS, 1, 28, 28), torch.randint(10, (N_POINTS,))
        prepared[variant] = network, torch.optim.Adam(network.parameters(), lr=1e-3), x, y
        _train(variant, 2)
    return {"seconds": _train(variant, n) / n, "versions": f"bayesian-torch {version('bayesian-torch')}"}


def _train(variant: str, n: int) -> float:
    network, optimiser, x, y = prepared[variant]
    started = time.perf_counter()
    for _ in range(n):
        index = torch.randint(N_POINTS, (BATCH,))
        logits, kl = network(x[index])
        loss = F.cross_entropy(logits, y[index]) + kl / N_POINTS
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return time.perf_counter() - started


if __name__ == "__main__":
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    serve(step)
