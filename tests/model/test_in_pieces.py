"""Long rows taken in pieces: the same values and gradients to the last bit, and less memory on the way."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from bnnbench import hyperpriors, inference, networks, priors
from bnnbench.model import in_pieces
from bnnbench.model.centre import Centre
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams

NETWORK = {"kind": "vgg", "depth": 11, "width": 1 / 16}


def joint_of(model: Model, network) -> LogJoint:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(1, 32, 3, 32, 32, generator=generator), torch.arange(32)[None] % 10
    return LogJoint(network, [model], x, y, torch.zeros(1, dtype=torch.long), block=1)


def models() -> dict[str, Model]:
    n, rng = networks.make(NETWORK, (3, 32, 32), 10).n_weights, np.random.default_rng(0)
    weights = rng.normal(0, 0.05, n).astype(np.float32)
    centre = Centre(weights, np.maximum(abs(weights), 0.01).astype(np.float32))
    normal, half_cauchy = priors.make("normal", {}), hyperpriors.make("half_cauchy", {})
    return {
        "normal": Model(normal, 0.1),
        "cauchy": Model(priors.make("cauchy", {}), 0.1),
        "learned": Model(normal, hyperprior=half_cauchy),
        "centred": Model(normal, 0.5, centre=centre, start=weights),
        "centred, learned": Model(normal, hyperprior=half_cauchy, centre=centre, start=weights),
    }


@pytest.mark.parametrize("name", models())
@pytest.mark.parametrize("method", ["map", "mean_field"])
def test_a_fit_in_pieces_has_the_same_bits(method, name, monkeypatch):
    network, model, fits = networks.make(NETWORK, (3, 32, 32), 10), models()[name], []
    for piece in (2**30, 2**12):
        monkeypatch.setattr(in_pieces, "PIECE", piece)
        made = inference.make(method, {"steps": 3, "batch_size": 4})
        fits.append(made.fit(joint_of(model, network), Streams(["cell"], ["pair"])))
    for key, array in fits[0].posterior.arrays.items():
        assert torch.equal(array, fits[1].posterior.arrays[key])
    np.testing.assert_array_equal(fits[0].trace, fits[1].trace)


def test_gradients_second_ones_too_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr(in_pieces, "PIECE", 4)
    a, b = (torch.randn(2, 10, dtype=torch.float64, requires_grad=True) for _ in range(2))
    noise = torch.randn(2, 10, dtype=torch.float64)

    def function(start, a, b, noise):
        drawn = a + b.exp() * noise
        return drawn, (drawn.square() * b)[:, : max(0, 7 - start)]  # the last three are not summed

    def whole(a, b):
        drawn, products = function(0, a, b, noise)
        return drawn, products.sum(1)

    def parts(a, b):
        return in_pieces.in_pieces(function, [a, b], [noise], kept=1)

    for ours, theirs in zip(parts(a, b), whole(a, b), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.autograd.gradcheck(parts, (a, b)) and torch.autograd.gradgradcheck(parts, (a, b))


MEASURE = """
import resource, sys, torch
from tests.model.test_in_pieces import joint_of
from bnnbench import inference, networks, priors
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams

def fit(width):
    network = networks.make({"kind": "vgg", "depth": 11, "width": width}, (3, 32, 32), 10)
    made = inference.make(sys.argv[1], {"steps": 2, "batch_size": 4})
    made.fit(joint_of(Model(priors.make("normal", {}), 0.1), network), Streams(["cell"], ["pair"]))
    return 4 * network.n_weights

torch.set_num_threads(1)
fit(1 / 64)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
weights = fit(float(sys.argv[2]))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / weights)
"""


def peak(method: str, width: float) -> float:
    """Memory that a fit of two steps takes at its peak, in a process of its own, in units of the network's weights."""
    made = subprocess.run([sys.executable, "-c", MEASURE, method, str(width)], capture_output=True, text=True)
    assert not made.returncode, made.stderr
    return float(made.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss is in KiB on Linux alone")
@pytest.mark.parametrize(("method", "most"), [("map", 9), ("mean_field", 14.5)])
def test_a_large_network_takes_its_state_and_little_more(method, most):
    """Adam's state is three times the weights, for mean field six times; gradients, noise and draws come to it."""
    assert peak(method, 0.75) < most
