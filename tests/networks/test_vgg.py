"""VGG networks: the paper's layers, against plain torch, and another library's names for its weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bnnbench import networks
from bnnbench.model.centre import centred_on
from bnnbench.networks._apply import forward
from bnnbench.training.weight_files import named


@pytest.mark.parametrize(("depth", "layers"), [(11, 8), (13, 10), (16, 13), (19, 16)])
def test_it_has_the_papers_layers(depth, layers):
    network = networks.make({"kind": "vgg", "depth": depth, "hidden": [4096, 4096]}, (3, 224, 224), 1000)
    assert sum(p.name.startswith("conv") and not p.is_bias for p in network.parameters) == layers
    millions = {11: 133, 13: 133, 16: 138, 19: 144}[depth]  # table 2
    assert round(network.n_weights / 1e6) == millions


def test_the_convolutions_of_vgg_19_are_twenty_million():
    network = networks.make({"kind": "vgg"}, (3, 32, 32), 10)
    assert network.parameters[-2].start == 20_024_384 and network.parameters[-2].shape == (10, 512)


def test_it_equals_plain_torch():
    network = networks.make({"kind": "vgg", "depth": 11, "width": 1 / 16}, (3, 32, 32), 5)
    generator = torch.Generator().manual_seed(0)
    weights, x = torch.randn(1, network.n_weights, generator=generator) * 0.2, torch.rand(1, 4, 3, 32, 32)
    tensors = iter([weights[0, p.start : p.stop].reshape(p.shape) for p in network.parameters])
    h = x[0]
    for convolutions in (1, 1, 2, 2, 2):
        for _ in range(convolutions):
            h = torch.relu(F.conv2d(h, next(tensors), next(tensors), padding=1))
        h = F.max_pool2d(h, 2)
    expected = F.linear(h.flatten(1), next(tensors), next(tensors))
    torch.testing.assert_close(forward(network, weights, x)[0].T, expected, rtol=1e-4, atol=1e-5)


def test_small_images_are_refused():
    with pytest.raises(ValueError, match="32 x 32 or larger"):
        networks.make({"kind": "vgg"}, (3, 28, 28), 10)


def test_weights_of_another_library_find_their_layers_without_its_dense_ones():
    """As torchvision names them: `features.<place>` in a list with activations and maxima, then `classifier`."""
    network = networks.make({"kind": "vgg", "depth": 11, "width": 1 / 16}, (3, 32, 32), 5)
    places, rng = (0, 3, 6, 8, 11, 13, 16, 18), np.random.default_rng(0)
    convolutions = network.parameters[:-2]
    stored = {
        f"features.{places[i // 2]}.{'bias' if p.is_bias else 'weight'}": rng.standard_normal(p.shape)
        for i, p in enumerate(convolutions)
    }
    stored |= {"classifier.0.weight": rng.standard_normal((64, 1568)), "classifier.0.bias": rng.standard_normal(64)}
    centre = centred_on(network, named(stored, "vgg.pth"), "vgg.pth")
    assert centre.zero_centred == ("dense1.weight", "dense1.bias")
    last = convolutions[-2]
    np.testing.assert_array_equal(
        centre.weights[last.start : last.stop], stored["features.18.weight"].ravel().astype(np.float32)
    )
