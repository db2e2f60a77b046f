"""Stacked networks equal one network at a time, written with plain torch."""

import pytest
import torch
import torch.nn.functional as F

from bnnbench import networks
from bnnbench.networks._apply import (
    forward,
    forward_dropout,
    forward_flipout,
    forward_local,
    mask_shapes,
    noise_shapes,
    sign_shapes,
)
from bnnbench.networks._layers import Conv, Flatten, Network

MLP = networks.make({"kind": "mlp", "hidden": [5, 4]}, (3,), 2)
MLP_OF_IMAGES = networks.make({"kind": "mlp", "hidden": [5, 4]}, (1, 8, 8), 2)
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


def test_convolutions_after_the_pooled_ones():
    """The network of the published numbers that `fashion` is compared with."""
    settings = {"kind": "lenet", "channels": [6, 16], "unpooled": [120], "padding": 2, "hidden": [84]}
    network = networks.make(settings | {"activation": "relu"}, (1, 28, 28), 10)
    assert network.n_weights == 545_546
    weights, x = 0.1 * torch.randn(1, network.n_weights), torch.rand(1, 2, 1, 28, 28)
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = parts(network, weights[0])
    h = F.max_pool2d(torch.relu(F.conv2d(x[0], w1, b1, padding=2)), 2)
    h = F.max_pool2d(torch.relu(F.conv2d(h, w2, b2, padding=2)), 2)
    h = torch.relu(F.conv2d(h, w3, b3, padding=2)).flatten(1)
    torch.testing.assert_close(
        forward(network, weights, x)[0].T, torch.relu(h @ w4.T + b4) @ w5.T + b5, rtol=1e-4, atol=1e-3
    )


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


@pytest.mark.parametrize("channels", [1, 3])
def test_local_reparameterisation_of_a_convolution_has_each_pixels_moments(channels):
    """Two cells, the second with ten times the spread, and three images: their axes are joined and parted again."""
    network = Network((Conv(channels, 2, 3, 0), Flatten()), (channels, 4, 4), 8)
    torch.manual_seed(0)
    n, cells = 20_000, 2
    mean, x = torch.randn(cells, network.n_weights), torch.randn(cells, 3, channels, 4, 4)
    sd = torch.rand(cells, network.n_weights) * torch.tensor([[0.1], [1.0]])
    mean, sd, x = (a.repeat_interleave(n, 0) for a in (mean, sd, x))
    local = forward_local(network, mean, sd, x, tuple(torch.randn(cells * n, *s) for s in noise_shapes(network, 3)))
    drawn = forward(network, mean + sd * torch.randn_like(sd), x)
    local, drawn = (a.unflatten(0, (cells, n)) for a in (local, drawn))
    spread = drawn.std(1)
    assert ((local.mean(1) - drawn.mean(1)).abs() < 6 * spread / n**0.5).all()
    torch.testing.assert_close(local.std(1), spread, rtol=0.04, atol=0)


@pytest.mark.parametrize(("network", "shape"), [(MLP, (3, 6)), (LENET, (6, 1, 8, 8))])
def test_flipout_is_each_example_under_its_own_flipped_shift(network, shape):
    torch.manual_seed(0)
    mean, shift, x = torch.randn(2, network.n_weights), torch.randn(2, network.n_weights), torch.randn(2, *shape)
    signs = [torch.randn(2, *s).sign() for s in sign_shapes(network, 6)]
    flipped = forward_flipout(network, mean, shift, x, tuple(signs))
    for n in range(6):
        parts, examples = [], (s[:, n] if len(shape) == 4 and i < 4 else s[:, :, n] for i, s in enumerate(signs))
        for weight, bias in zip(network.parameters[::2], network.parameters[1::2], strict=True):
            s_in, s_out = next(examples), next(examples)
            outer = (s_out[:, :, None] * s_in[:, None]).reshape(2, *weight.shape[:2], *[1] * (len(weight.shape) - 2))
            parts += [(shift[:, weight.start : weight.stop].reshape(2, *weight.shape) * outer).flatten(1)]
            parts += [shift[:, bias.start : bias.stop] * s_out]
        alone = forward(network, mean + torch.cat(parts, 1), x)[:, :, n]
        torch.testing.assert_close(flipped[:, :, n], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("network", "shape"), [(MLP, (3, 6)), (LENET, (6, 1, 8, 8)), (MLP_OF_IMAGES, (6, 1, 8, 8))])
def test_dropped_inputs_of_dense_layers_are_zeroed_columns(network, shape):
    torch.manual_seed(0)
    weights, x = torch.randn(2, network.n_weights), torch.randn(2, *shape)
    masks = [2 * (torch.rand(2, n_in, 1) > 0.5) for n_in, _ in mask_shapes(network, 6)]
    assert [m.shape[1] for m in masks] == ([16, 6] if network is LENET else [5, 4])  # raw inputs are never dropped
    zeroed, remaining = weights.clone(), iter(masks)
    for p in network.parameters[2:]:
        if p.name.startswith("dense") and not p.is_bias:
            columns = zeroed[:, p.start : p.stop].view(2, *p.shape)
            columns *= next(remaining).transpose(1, 2)
    dropped = forward_dropout(network, weights, x, tuple(m.expand(-1, -1, 6) for m in masks))
    torch.testing.assert_close(dropped, forward(network, zeroed, x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"kind": "mlp", "widths": [3]}, (2,), "no option 'widths': known are hidden"),
        ({"kind": "mlp", "activation": "sine"}, (2,), "activation is 'sine': it must be one of tanh, relu"),
        ({"kind": "lenet", "channels": [4, 4, 4]}, (1, 8, 8), "leave nothing of an input"),
    ],
)
def test_mistakes_are_named(options, shape, message):
    with pytest.raises(ValueError, match=message):
        networks.make(options, shape, 2)
