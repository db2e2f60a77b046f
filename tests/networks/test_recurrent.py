"""Recurrent layers equal torch's own, alone and stacked; dropout keeps a mask for all steps."""

import pytest
import torch

from bnnbench import networks
from bnnbench.networks._apply import forward, forward_dropout, forward_recorded, mask_shapes
from bnnbench.networks._layers import Dense

V = 3


def image_network(kind, **options):
    return networks.make({"kind": kind, "hidden": [4, 5], **options}, (2, 6, 3), 7)


def symbol_network(kind, **options):
    return networks.make({"kind": kind, "hidden": [4], **options}, (6,), V)


def parts(network, weights):
    return {p.name: weights[p.start : p.stop].reshape(p.shape) for p in network.parameters}


def plain_states(kind, tensors, number, sequence, forget_bias=0.0):
    """States (points, steps, units) of torch's own layer on sequences (points, steps, features)."""
    own = {name.partition(".")[2]: t for name, t in tensors.items() if name.startswith(f"{kind}{number}.")}
    (rows, n_in), n = own["input_weight"].shape, own["state_weight"].shape[1]
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind](n_in, n, batch_first=True).to(sequence.dtype)
    bias, second = own["bias"].clone(), torch.zeros(rows, dtype=sequence.dtype)
    if kind == "lstm":
        bias[n : 2 * n] += forget_bias
    else:
        second[2 * n :] = own["state_bias"]
    with torch.no_grad():
        for name, value in zip(
            layer.state_dict(), (own["input_weight"], own["state_weight"], bias, second), strict=True
        ):
            layer.get_parameter(name).copy_(value)
        return layer(sequence)[0]


@pytest.mark.parametrize(("kind", "options"), [("lstm", {}), ("lstm", {"forget_bias": 0.0}), ("gru", {})])
def test_images_are_read_row_by_row_as_torch_does(kind, options):
    network = image_network(kind, **options)
    weights, x = 0.5 * torch.randn(3, network.n_weights).double(), torch.rand(3, 8, 2, 6, 3).double()
    found = forward(network, weights, x)
    for cell in range(3):
        tensors, h = parts(network, weights[cell]), x[cell].transpose(1, 2).flatten(2)
        for number in (1, 2):
            h = plain_states(kind, tensors, number, h, options.get("forget_bias", 1.0))
        expected = h[:, -1] @ tensors["dense1.weight"].T + tensors["dense1.bias"]
        torch.testing.assert_close(found[cell].T, expected)
        torch.testing.assert_close(found[cell], forward(network, weights[cell : cell + 1], x[cell : cell + 1])[0])


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_symbols_are_predicted_at_every_step(kind):
    network = symbol_network(kind)
    weights, codes = torch.randn(2, network.n_weights), torch.randint(V, (2, 5, 6))
    found = forward(network, weights, codes.transpose(1, 2).float()).unflatten(2, (5, 6))
    for cell in range(2):
        tensors = parts(network, weights[cell])
        h = plain_states(kind, tensors, 1, torch.nn.functional.one_hot(codes[cell], V).float(), 1.0)
        expected = h @ tensors["dense1.weight"].T + tensors["dense1.bias"]
        torch.testing.assert_close(found[cell].permute(1, 2, 0), expected)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_what_follows_a_step_does_not_change_it(kind):
    network = symbol_network(kind)
    weights, codes = torch.randn(1, network.n_weights), torch.randint(V, (1, 6, 4)).float()
    changed = codes.clone()
    changed[:, 4:] = (codes[:, 4:] + 1) % V
    before, after = (forward(network, weights, c).unflatten(2, (4, 6)) for c in (codes, changed))
    torch.testing.assert_close(before[..., :4], after[..., :4])
    assert not torch.allclose(before[..., 4:], after[..., 4:])


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("build", [image_network, symbol_network])
def test_gradients_are_right(kind, build):
    network = build(kind)
    weights = torch.randn(1, network.n_weights).double().requires_grad_()
    x = torch.randint(V, (1, 6, 2)).double() if network.reads_symbols else torch.rand(1, 2, 2, 6, 3).double()
    assert torch.autograd.gradcheck(lambda w: forward(network, w, x).square().sum(), weights)
    large = (100 * weights.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(forward(network, large, x).sum(), large)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("build", [image_network, symbol_network])
def test_a_mask_of_all_points_is_a_network_with_columns_of_zeros(kind, build):
    """One mask for every step, on inputs and states: that is what zeros in the weights do."""
    network, n_points = build(kind), 3
    weights = torch.randn(2, network.n_weights)
    x = torch.randint(V, (2, 6, n_points)).float() if network.reads_symbols else torch.rand(2, n_points, 2, 6, 3)
    shapes = mask_shapes(network, 1)
    masks = [2.0 * (torch.rand(2, *shape) < 0.5) for shape in shapes]
    dropped = weights.clone()
    for p, mask in zip(network.dropped, masks, strict=True):
        tensor = weights[:, p.start : p.stop].reshape(2, *p.shape)
        dropped[:, p.start : p.stop] = (tensor * mask.transpose(1, 2)).flatten(1)
    of_points = tuple(mask.expand(-1, -1, n_points) for mask in masks)
    found = forward_dropout(network, weights, x, of_points)
    torch.testing.assert_close(found, forward(network, dropped, x))


def test_masks_are_of_a_sequence_and_not_of_its_neighbour():
    network = symbol_network("gru")
    weights, codes = torch.randn(1, network.n_weights), torch.randint(V, (1, 6, 2)).float()
    masks = [torch.ones(1, *shape) for shape in mask_shapes(network, 2)]
    plain = forward_dropout(network, weights, codes, tuple(masks)).unflatten(2, (2, 6))
    torch.testing.assert_close(plain.flatten(2), forward(network, weights, codes))
    masks[-1][:, :, 1] = 0.0  # states of the second sequence are not shown to the last layer
    found = forward_dropout(network, weights, codes, tuple(masks)).unflatten(2, (2, 6))
    torch.testing.assert_close(found[:, :, 0], plain[:, :, 0])
    bias = weights[0, network.parameters[-1].start :]
    torch.testing.assert_close(found[0, :, 1], bias[:, None].expand(-1, 6))


def test_names_sizes_and_the_layers_that_curvature_sees():
    network = image_network("gru")
    assert [p.name for p in network.parameters[:4]] == ["gru1.input_weight", "gru1.state_weight", "gru1.bias",
                                                        "gru1.state_bias"]  # fmt: skip
    assert network.n_weights == (12 * 6 + 12 * 4 + 12 + 4) + (15 * 4 + 15 * 5 + 15 + 5) + (7 * 5 + 7)
    assert [p.is_bias for p in network.parameters] == 2 * [False, False, True, True] + [False, True]
    _, record = forward_recorded(network, torch.randn(1, network.n_weights), torch.rand(1, 2, 2, 6, 3))
    assert [type(layer) for layer, _, _ in record] == [Dense]


def test_tables_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="images \\(channels, rows, columns\\) or symbols"):
        networks.make({"kind": "lstm"}, (3, 4), 2)
    assert networks.faults({"kind": "gru", "hidden": []})
