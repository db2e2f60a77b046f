"""SegNet: maps keep their size, unpooling undoes pooling at the places that it chose, a stack is its cells."""

import pytest
import torch
import torch.nn.functional as F

from bnnbench import networks
from bnnbench.networks import _maps
from bnnbench.networks._apply import (
    forward,
    forward_dropout,
    forward_flipout,
    forward_local,
    mask_shapes,
    noise_shapes,
    sign_shapes,
)
from bnnbench.networks._layers import Conv, PlacedMaxPool, Unpool

SHAPE = (3, 10, 13)
"""Sides that pooling leaves a rest of."""


def network(**options):
    return networks.make({"kind": "segnet", "channels": [4, 6], "kernel": 3, "dropped": 1} | options, SHAPE, 5)


def inputs(cells: int = 2, points: int = 3, seed: int = 0):
    made = torch.Generator().manual_seed(seed)
    net = network()
    weights = 0.3 * torch.randn(cells, net.n_weights, generator=made)
    return net, weights, torch.rand(cells, points, *SHAPE, generator=made)


def test_each_pixel_has_outputs_and_the_stack_is_its_cells():
    net, weights, x = inputs()
    found = forward(net, weights, x)
    assert found.shape == (2, 5, 3, 10, 13)
    for c in range(2):
        torch.testing.assert_close(found[c : c + 1], forward(net, weights[c : c + 1], x[c : c + 1]))
    torch.testing.assert_close(found[:, :, 1:2], forward(net, weights, x[:, 1:2]))


def test_it_is_the_network_of_torchs_own_layers():
    net, weights, x = inputs(1)
    values = [weights[0, p.start : p.stop].reshape(p.shape) for p in net.parameters]
    conv = lambda h, i: F.conv2d(h, values[2 * i], values[2 * i + 1], padding="same")  # noqa: E731
    h, places = x[0], []
    for i in range(2):
        h = F.relu(conv(h, i))
        sizes = h.shape[2:]
        h, index = F.max_pool2d(h, 2, return_indices=True)
        places.append((index, sizes))
    for i in (2, 3):
        index, sizes = places.pop()
        h = F.relu(conv(F.max_unpool2d(h, index, 2, output_size=sizes), i))
    torch.testing.assert_close(forward(net, weights, x)[0].transpose(0, 1), conv(h, 4))


def test_unpooling_puts_the_maxima_back_where_they_were():
    h, places = torch.rand(2, 6, 7, 9, dtype=torch.float64, requires_grad=True), []
    pooled = _maps.apply(PlacedMaxPool(), h, 1, places)
    back = _maps.apply(Unpool(), pooled, 1, places)
    assert back.shape == h.shape and not places
    chosen = back != 0
    assert torch.equal(back[chosen], h[chosen]) and int(chosen.sum()) == pooled.numel()
    torch.testing.assert_close(F.max_pool2d(back, 2), pooled)
    (slope,) = torch.autograd.grad(back.sum(), h)
    assert torch.equal(slope, chosen.double())


def test_dropout_drops_whole_channels_of_the_deepest_layers_as_a_draw_of_the_weights_does():
    net, weights, x = inputs()
    assert [p.name for p in net.dropped] == ["conv2.weight", "conv3.weight"]
    assert mask_shapes(net, 3) == [(3, 4), (3, 6)]
    kept = [torch.tensor([1.0, 0, 2, 1]), torch.tensor([0.0, 1, 1, 2, 0, 1])]
    found = forward_dropout(net, weights, x, [k.expand(2, 3, -1) for k in kept])
    changed = weights.clone()
    for p, mask in zip(net.dropped, kept, strict=True):
        whole = changed[:, p.start : p.stop].reshape(2, *p.shape) * mask[:, None, None]
        changed[:, p.start : p.stop] = whole.flatten(1)
    torch.testing.assert_close(found, forward(net, changed, x))


def test_other_ways_to_draw_the_weights_agree_where_there_is_no_noise():
    net, weights, x = inputs()
    plain = forward(net, weights, x)
    noise = [torch.zeros(2, *shape) for shape in noise_shapes(net, 3)]
    torch.testing.assert_close(forward_local(net, weights, torch.full_like(weights, 1e-6), x, noise), plain)
    signs = [torch.ones(2, *shape) for shape in sign_shapes(net, 3)]
    torch.testing.assert_close(forward_flipout(net, 0.4 * weights, 0.6 * weights, x, signs), plain)


@pytest.mark.slow
def test_compiled_and_plain_agree_with_gradients():
    net, weights, x = inputs(1)
    weights.requires_grad_()
    run = lambda w: forward(net, w, x).square().mean()  # noqa: E731
    plain, compiled = run(weights), torch.compile(run)(weights)
    torch.testing.assert_close(compiled, plain)
    torch.testing.assert_close(*(torch.autograd.grad(v, weights)[0] for v in (compiled, plain)))


@pytest.mark.parametrize(
    ("options", "shape", "fault"),
    [({"kernel": 4}, SHAPE, "odd"), ({"channels": [4] * 4}, SHAPE, "leave nothing"), ({}, (12,), "takes images")],
)
def test_what_it_cannot_be_built_of_is_refused(options, shape, fault):
    with pytest.raises(ValueError, match=fault):
        networks.make({"kind": "segnet", "channels": [4]} | options, shape, 2)


def test_the_default_is_segnet_basic():
    net = networks.make({"kind": "segnet"}, (3, 32, 32), 11)
    convolutions = [layer for layer in net.layers if isinstance(layer, Conv)]
    assert [(c.n_in, c.n_out, c.kernel) for c in convolutions[1:-1]] == [(64, 64, 7)] * 7
    assert len(net.dropped) == 4
