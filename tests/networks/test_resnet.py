"""Residual networks: against torch's own modules with the same weights, and as every method sees them."""

import hashlib
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bnnbench import inference, networks, priors
from bnnbench.model.centre import centred_on
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import (
    forward,
    forward_dropout,
    forward_flipout,
    forward_local,
    mask_shapes,
    noise_shapes,
    sign_shapes,
)
from bnnbench.prediction.predict import predict
from bnnbench.training.weight_files import read_weights

SMALL = {"kind": "resnet", "depth": 14, "width": 0.25}
LARGE = {"kind": "resnet", "depth": 18, "width": 1 / 16}
SHAPES = {"small": (SMALL, (3, 8, 8)), "large": (LARGE, (3, 32, 32)), "one channel": (LARGE, (1, 33, 35))}


class Block(nn.Module):
    """Named and ordered as torchvision's, whose layout the larger network has; `norm` makes a batch norm or none."""

    def __init__(self, n_in, n_out, stride, norm, padded):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=not norm), normed(norm, n_out)
        self.conv2, self.bn2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=not norm), normed(norm, n_out)
        self.padded = n_out - n_in if padded else 0
        if stride > 1 and not padded:
            self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=not norm), normed(norm, n_out))

    def forward(self, x):
        h = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.padded:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.padded))
        return torch.relu(h + (self.downsample(x) if hasattr(self, "downsample") else x))


def normed(norm, n):
    return nn.BatchNorm2d(n) if norm else nn.Identity()


class ResNet(nn.Module):
    def __init__(self, n_in, channels, blocks, n_outputs, norm=False, large=False):
        super().__init__()
        c = channels[0]
        self.conv1 = nn.Conv2d(n_in, c, 7, 2, 3, bias=not norm) if large else nn.Conv2d(n_in, c, 3, 1, 1, bias=not norm)
        self.bn1, self.large, stages = normed(norm, c), large, []
        for i, n_out in enumerate(channels):
            stage = [
                Block(c if k == 0 else n_out, n_out, 2 if i and not k else 1, norm, not large) for k in range(blocks)
            ]
            stages.append(nn.Sequential(*stage))
            c = n_out
        for i, stage in enumerate(stages):
            setattr(self, f"layer{i + 1}", stage)
        self.fc, self.n_stages = nn.Linear(c, n_outputs), len(stages)

    def forward(self, x):
        h = torch.relu(self.bn1(self.conv1(x)))
        h = F.max_pool2d(h, 3, 2, 1) if self.large else h
        for i in range(self.n_stages):
            h = getattr(self, f"layer{i + 1}")(h)
        return self.fc(h.mean((2, 3)))


def plain(name):
    """The torch module of a network, and its weights in our order, which is that of the module's parameters."""
    options, shape = SHAPES[name]
    torch.manual_seed(0)
    large = options is LARGE
    module = ResNet(shape[0], (4, 8, 16, 32) if large else (4, 8, 16), 2, 5, large=large).double()
    return module, torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("name", SHAPES)
def test_outputs_and_gradients_of_a_stack_are_those_of_torchs_modules(name):
    options, shape = SHAPES[name]
    network = networks.make(options, shape, 5)
    module, weights = plain(name)
    stacked = (weights + torch.tensor([[0.0], [0.01]], dtype=torch.float64)).requires_grad_()
    x = torch.randn(2, 3, *shape, dtype=torch.float64)
    outputs = forward(network, stacked, x)
    (gradient,) = torch.autograd.grad(outputs.square().sum(), stacked)
    for cell, shift in enumerate((0.0, 0.01)):
        nn.utils.vector_to_parameters(weights + shift, module.parameters())
        expected = module(x[cell])
        torch.testing.assert_close(outputs[cell].T, expected)
        theirs = torch.autograd.grad(expected.square().sum(), list(module.parameters()))
        torch.testing.assert_close(gradient[cell], torch.cat([g.flatten() for g in theirs]))


@pytest.mark.parametrize(("depth", "n_outputs", "published"), [(20, 10, 269_722), (18, 1000, 11_689_512)])
def test_it_has_the_published_numbers_of_weights(depth, n_outputs, published):
    """0.27 million in the paper's table 6, 11.69 million of torchvision's, whose batch norms have two numbers a channel
    where we have a bias."""
    network = networks.make({"kind": "resnet", "depth": depth}, (3, 32, 32), n_outputs)
    channels = sum(p.size for p in network.parameters if p.is_bias and p.name.startswith("conv"))
    assert network.n_weights + channels == published


@pytest.mark.parametrize("name", ["small", "large"])
def test_drawn_activations_signs_and_masks_fit_every_layer(name):
    """Without spread local reparameterisation and flipout are the network; with masks of ones dropout is."""
    options, shape = SHAPES[name]
    network = networks.make(options, shape, 5)
    torch.manual_seed(0)
    weights, x = 0.1 * torch.randn(2, network.n_weights), torch.randn(2, 3, *shape)
    zero, expected = torch.zeros_like(weights), forward(network, weights, x)
    noise = tuple(torch.randn(2, *s) for s in noise_shapes(network, 3))
    signs = tuple(torch.randn(2, *s).sign() for s in sign_shapes(network, 3))
    masks = tuple(torch.ones(2, *s) for s in mask_shapes(network, 3))
    torch.testing.assert_close(forward_local(network, weights, zero, x, noise), expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(forward_flipout(network, weights, zero, x, signs), expected)
    torch.testing.assert_close(forward_dropout(network, weights, x, masks), expected)
    assert [p.name for p in network.dropped] == ["dense1.weight"]


def test_traced_by_the_compiler_it_is_the_same_with_gradients():
    """Without the making of kernels, which takes minutes."""
    network = networks.make({"kind": "resnet", "depth": 8, "width": 0.25}, (3, 8, 8), 2)
    torch.manual_seed(0)
    weights, x = (0.2 * torch.randn(2, network.n_weights)).requires_grad_(), torch.randn(2, 4, 3, 8, 8)
    run = lambda w: forward(network, w, x).square().mean()  # noqa: E731
    plain, compiled = run(weights), torch.compile(run, backend="aot_eager", fullgraph=True)(weights)
    torch.testing.assert_close(compiled, plain)
    torch.testing.assert_close(*(torch.autograd.grad(v, weights)[0] for v in (compiled, plain)))


def test_branches_begin_small_so_that_depth_leaves_outputs_as_large_as_they_were():
    """Without it the variance of outputs would grow by half or more with every block."""
    generator, spread = torch.Generator().manual_seed(0), {}
    for depth in (8, 56):
        network = networks.make({"kind": "resnet", "depth": depth, "width": 0.5}, (3, 16, 16), 10)
        gains = torch.cat([torch.full((p.size,), p.gain * math.sqrt(2 / p.fan_in)) for p in network.parameters])
        draws = gains * torch.randn(8, network.n_weights, generator=generator)
        spread[depth] = forward(network, draws, torch.randn(8, 4, 3, 16, 16, generator=generator)).std().item()
    assert spread[56] < 4 * spread[8]


def images(n=60):
    """Bright above or below, on noise: (1, n, 3, 8, 8) and labels."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n)[None] % 2
    x = torch.randn(1, n, 3, 8, 8, generator=generator)
    x[0, ::2, :, :4] += 1.5
    x[0, 1::2, :, 4:] += 1.5
    return x, y


def fit(method, cells=(0,), block=1, **settings):
    network = networks.make({"kind": "resnet", "depth": 8, "width": 0.25}, (3, 8, 8), 2)
    scales, (x, y) = (0.3, 0.1), images()
    models = [Model(priors.make("normal", {}), scales[c]) for c in cells]
    joint = LogJoint(network, models, x, y, torch.zeros(len(cells), dtype=torch.long), block=block)
    streams = Streams([f"cell-{c}" for c in cells], ["p"] * len(cells))
    made = inference.make(method, {"batch_size": 20} | settings)
    fitted = made.fit(joint, streams)
    found = predict(fitted.posterior, joint.x, joint.which, streams, 10, block=block)
    return fitted.posterior.arrays, found, y[0].numpy()


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("map", {"steps": 100, "learning_rate": 0.01}),
        ("mean_field", {"steps": 150, "learning_rate": 0.01, "warm_up": 0.5, "initial_sd": 0.02}),
        ("mean_field", {"steps": 100, "learning_rate": 0.01, "warm_up": 0.5, "initial_sd": 0.02, "estimator": "local"}),
        ("mc_dropout", {"steps": 100, "learning_rate": 0.01}),
        ("laplace_approximation", {"steps": 100, "learning_rate": 0.01, "structure": "kronecker"}),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("estimator", ""),
)
def test_methods_learn_where_a_picture_is_bright(method, settings):
    _, found, y = fit(method, **settings)
    assert np.mean(found["mean_proba"][0].argmax(-1) == y) > 0.9


@pytest.mark.parametrize("method", ["map", "mean_field"])
def test_a_cell_has_the_same_bits_alone_and_in_a_stack(method):
    together, alone = fit(method, (0, 1), 2, steps=4), fit(method, (1, 1), 2, steps=4)  # filled up with copies
    for which in (0, 1):
        for key, values in together[which].items():
            np.testing.assert_array_equal(np.asarray(values)[1], np.asarray(alone[which][key])[1])


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"depth": 19}, (3, 32, 32), "depth is 19: it must be one of 8, 14, 18, 20"),
        ({"width": 0}, (3, 32, 32), "width"),
        ({"blocks": 3}, (3, 32, 32), "no option 'blocks': known are depth, width, activation"),
        ({"depth": 18}, (3, 28, 28), "32 x 32 or larger"),
        ({}, (3, 3, 3), "4 x 4 or larger"),
        ({}, (12,), "takes images"),
    ],
)
def test_what_it_cannot_be_is_refused(options, shape, message):
    with pytest.raises(ValueError, match=message):
        networks.make({"kind": "resnet"} | options, shape, 2)


@pytest.fixture
def trained():
    """A network of torchvision's names with batch norm that has seen data, in prediction."""
    torch.manual_seed(0)
    module = ResNet(3, (4, 8, 16, 32), 2, 5, norm=True, large=True)
    for p in module.parameters():
        p.data += 0.1 * torch.randn_like(p)
    for _ in range(3):
        module(torch.randn(16, 3, 32, 32) * 2 + 1)
    return module.eval()


def stored(module, folder, leaving_out=()):
    path = folder / "resnet18.pth"
    torch.save({k: v for k, v in module.state_dict().items() if k not in leaving_out}, path)
    return read_weights(str(path), hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_centre_of_anothers_weights_with_batch_norm_is_the_same_function(trained, tmp_path):
    network = networks.make(LARGE, (3, 32, 32), 5)
    centre = centred_on(network, stored(trained, tmp_path), "resnet18.pth", new_layers=0)
    assert centre.zero_centred == ()
    x = torch.randn(1, 4, 3, 32, 32)
    with torch.no_grad():
        ours, theirs = forward(network, torch.from_numpy(centre.weights)[None], x)[0].T, trained(x[0])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_layers_without_counterpart_are_named(trained, tmp_path):
    network = networks.make(LARGE, (3, 32, 32), 2)
    centre = centred_on(network, stored(trained, tmp_path), "resnet18.pth", new_layers=1)
    assert centre.zero_centred == ("dense1.weight", "dense1.bias")
    with pytest.raises(
        ValueError, match=r"dense1.weight has the shape \[5, 32\] in resnet18.pth and \[2, 32\] in the network"
    ):
        centred_on(network, stored(trained, tmp_path), "resnet18.pth", new_layers=0)


def test_a_batch_norm_without_its_convolution_is_refused(trained, tmp_path):
    with pytest.raises(ValueError, match=r"the batch norm layer1\.0\.bn1 does not follow a convolution"):
        stored(trained, tmp_path, leaving_out=("layer1.0.conv1.weight",))
