"""Generators and discriminators: torch's own layers, a stack that is its cells, and what cannot be built."""

import pytest
import torch
import torch.nn.functional as F

from bnnbench import networks
from bnnbench.networks._play import discriminate, generate

DENSE = networks.make({"kind": "gan", "noise": 3, "hidden": [5], "judge": [4], "categories": 2}, (2,), 1)
IMAGES = networks.make({"kind": "dcgan", "noise": 3, "width": 2, "continuous": 1}, (1, 8, 12), 1)


def values_of(network, weights):
    return {p.name: weights[0, p.start : p.stop].reshape(p.shape) for p in network.parameters}


def random(network, cells=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = (network.n_weights,), (network.n_latent, 5), ((len(network.input_shape) == 1 and 2) or 96, 5)
    return [0.3 * torch.randn(cells, *shape, generator=generator) for shape in shapes]


def test_dense_ones_are_torchs_own_layers():
    weights, z, x = random(DENSE, 1)
    v = values_of(DENSE, weights)
    h = F.relu(F.linear(z[0].T, v["generator.dense1.weight"], v["generator.dense1.bias"]))
    samples = F.linear(h, v["generator.dense2.weight"], v["generator.dense2.bias"])
    torch.testing.assert_close(generate(DENSE, weights, z)[0].T, samples)
    h = F.leaky_relu(F.linear(x[0].T, v["discriminator.dense1.weight"], v["discriminator.dense1.bias"]), 0.2)
    outputs = F.linear(h, v["discriminator.dense2.weight"], v["discriminator.dense2.bias"])
    torch.testing.assert_close(discriminate(DENSE, weights, x)[0].T, outputs)
    assert outputs.shape == (5, 3)


def test_convolutional_ones_are_torchs_own_layers():
    weights, z, x = random(IMAGES, 1)
    v = values_of(IMAGES, weights)
    h = F.relu(F.linear(z[0].T, v["generator.dense1.weight"], v["generator.dense1.bias"])).reshape(5, 4, 2, 3)
    h = F.relu(F.conv_transpose2d(h, v["generator.up1.weight"], v["generator.up1.bias"], 2, 1))
    h = torch.sigmoid(F.conv_transpose2d(h, v["generator.up2.weight"], v["generator.up2.bias"], 2, 1))
    assert h.shape == (5, 1, 8, 12)
    torch.testing.assert_close(generate(IMAGES, weights, z)[0].T, h.flatten(1))
    h = x[0].T.reshape(5, 1, 8, 12)
    for name in ("down1", "down2"):
        h = F.leaky_relu(F.conv2d(h, v[f"discriminator.{name}.weight"], v[f"discriminator.{name}.bias"], 2, 1), 0.2)
    outputs = F.linear(h.flatten(1), v["discriminator.dense1.weight"], v["discriminator.dense1.bias"])
    torch.testing.assert_close(discriminate(IMAGES, weights, x)[0].T, outputs)


@pytest.mark.parametrize("network", [DENSE, IMAGES], ids=["gan", "dcgan"])
def test_a_stack_is_its_cells(network):
    weights, z, x = random(network)
    for apply, inputs in ((generate, z), (discriminate, x)):
        whole = apply(network, weights, inputs)
        for c in range(2):
            torch.testing.assert_close(whole[c : c + 1], apply(network, weights[c : c + 1], inputs[c : c + 1]))


@pytest.mark.parametrize("network", [DENSE, IMAGES], ids=["gan", "dcgan"])
def test_weights_lie_one_after_the_other_the_generators_first(network):
    stops = [0, *(p.stop for p in network.parameters)]
    assert [p.start for p in network.parameters] == stops[:-1]
    mine = [p.name.startswith("generator.") for p in network.parameters]
    assert mine == sorted(mine, reverse=True)
    assert network.n_generator == sum(p.size for p, own in zip(network.parameters, mine, strict=True) if own)
    weights, z, x = random(network, 1)
    changed = weights.clone()
    changed[:, network.n_generator :] += 1
    assert torch.equal(generate(network, changed, z), generate(network, weights, z))
    changed = weights.clone()
    changed[:, : network.n_generator] += 1
    assert torch.equal(discriminate(network, changed, x), discriminate(network, weights, x))


def test_images_of_dense_ones_are_pixels():
    network = networks.make({"kind": "gan", "noise": 2, "hidden": [3], "judge": [3]}, (1, 4, 4), 1)
    weights = 5 * torch.randn(1, network.n_weights, generator=torch.Generator().manual_seed(0))
    samples = generate(network, weights, torch.randn(1, 2, 50, generator=torch.Generator().manual_seed(1)))
    assert samples.shape == (1, 16, 50) and samples.min() >= 0 and samples.max() <= 1


@pytest.mark.parametrize(
    ("options", "shape", "n_outputs", "words"),
    [
        ({"kind": "gan"}, (2,), 3, "not 3 outputs"),
        ({"kind": "gan", "categories": 1}, (2,), 1, "one category"),
        ({"kind": "dcgan"}, (2,), 1, "multiples of 4"),
        ({"kind": "dcgan"}, (1, 6, 8), 1, "multiples of 4"),
    ],
)
def test_what_cannot_be_built_is_refused(options, shape, n_outputs, words):
    with pytest.raises(ValueError, match=words):
        networks.make(options, shape, n_outputs)
