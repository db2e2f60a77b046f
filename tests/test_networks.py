"""Stacked networks equal one network at a time, written with plain torch."""

import pytest
import torch
import torch.nn.functional as F

from bnnbench import networks
from bnnbench.networks._apply import forward, forward_local, noise_shapes

MLP = networks.make({"kind": "mlp", "hidden": [5, 4]}, (3,), 2)
LENET = networks.make({"kind": "lenet", "channels": [3, 4], "kernel": 3, "padding": 1, "hidden": [6]}, (1, 8, 8), 5)


def parts(network, weights):
    return [weights[p.start : p.stop].reshape(p.shape) for p in network.parameters]


def plain_mlp(weights, x):
    w1, b1, w2, b2, w3, b3 = parts(MLP, weights)
    return torch.tanh(torch.tanh(x @ w1.T + b1) @ w2.T + b2) @ w3.T + b3


def plain_lenet(weights, x):
    w1, b1, w2, b2, w3, b3, w4, b4 = parts(LENET, weights)
    h = F.max_pool2d(torch.tanh(F.conv2d(x, w1, b1, padding=1)), 2)
    h = F.max_pool2d(torch.tanh(F.conv2d(h, w2, b2, padding=1)), 2)
    return torch.tanh(h.flatten(1) @ w3.T + b3) @ w4.T + b4


def test_the_source_network_has_its_layers():
    network = networks.make({"kind": "lenet"}, (1, 28, 28), 10)
    assert [p.shape for p in network.parameters if not p.is_bias] == [
        (32, 1, 5, 5),
        (32, 32, 5, 5),
        (64, 512),
        (10, 64),
    ]


@pytest.mark.parametrize(("network", "plain", "shape"), [(MLP, plain_mlp, (7, 3)), (LENET, plain_lenet, (7, 1, 8, 8))])
def test_a_stack_equals_its_networks(network, plain, shape):
    weights = torch.randn(4, network.n_weights, dtype=torch.float64)
    x = torch.randn(4, *shape, dtype=torch.float64)
    stacked = forward(network, weights, x.transpose(1, 2) if len(shape) == 2 else x)
    for c in range(4):
        torch.testing.assert_close(stacked[c].T, plain(weights[c], x[c]))


@pytest.mark.parametrize(("network", "shape"), [(MLP, (3, 6)), (LENET, (6, 1, 8, 8))])
def test_local_reparameterisation_without_spread_is_the_network(network, shape):
    weights, x = torch.randn(2, network.n_weights), torch.randn(2, *shape)
    noise = [torch.randn(2, *s) for s in noise_shapes(network, 6)]
    local = forward_local(network, weights, torch.zeros_like(weights), x, tuple(noise))
    torch.testing.assert_close(local, forward(network, weights, x), atol=1e-4, rtol=1e-4)


def test_local_reparameterisation_has_the_moments_of_weight_draws():
    """One dense layer: logits are Gaussian with mean M x + b and variance V x² + v either way."""
    network = networks.make({"kind": "mlp", "hidden": []}, (3,), 2)
    torch.manual_seed(0)
    mean, sd = torch.randn(1, network.n_weights), torch.rand(1, network.n_weights)
    x, n = torch.randn(1, 3, 1), 40_000
    noise = torch.randn(n, 2, 1)
    local = forward_local(network, mean.expand(n, -1), sd.expand(n, -1), x.expand(n, -1, -1), (noise,))
    drawn = forward(network, mean + sd * torch.randn(n, network.n_weights), x.expand(n, -1, -1))
    error = 4 * drawn.std(0) / n**0.5
    assert ((local.mean(0) - drawn.mean(0)).abs() < 2 * error).all()
    torch.testing.assert_close(local.var(0), drawn.var(0), rtol=0.05, atol=0)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"kind": "mlp", "widths": [3]}, (2,), "no option 'widths': known are hidden"),
        ({"kind": "mlp", "activation": "sine"}, (2,), "unknown activation 'sine'"),
        ({"kind": "lenet", "channels": [4, 4, 4]}, (1, 8, 8), "leave nothing of an input"),
    ],
)
def test_mistakes_are_named(options, shape, message):
    with pytest.raises(ValueError, match=message):
        networks.make(options, shape, 2)
