"""Initial values: N(0, g² / fan_in) for weights and N(0, 1 / fan_in) for biases, whatever multiplies them."""

import math

import pytest
import torch
from scenarios import stack_joint

from bnnbench.hyperpriors.half_normal import HalfNormal
from bnnbench.inference._optimise import initial_gaussian, initial_latents
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks.lenet import build as lenet
from bnnbench.networks.mlp import build as mlp
from bnnbench.priors.normal import Normal

CELLS = 300
NETWORKS = {
    "tanh": (mlp((12,), 3, hidden=(8,)), (4, 12)),
    "relu": (mlp((12,), 3, hidden=(8,), activation="relu"), (4, 12)),
    "images": (lenet((1, 8, 8), 3, channels=(4,), kernel=3, hidden=(6,)), (4, 1, 8, 8)),
}
MODELS = [Model(Normal(), 3.0), Model(Normal(), hyperprior=HalfNormal())]
GAIN = {"tanh": 5 / 3, "relu": math.sqrt(2), "images": 5 / 3}


def world(name, model):
    network, shape = NETWORKS[name]
    x, y = torch.zeros(shape), torch.zeros(shape[0], dtype=torch.long)
    joint = stack_joint(network, [model] * CELLS, x, y, torch.float32)
    return joint, Streams([f"cell-{i}" for i in range(CELLS)], [f"pair-{i}" for i in range(CELLS)])


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize(
    "model", [Model(Normal(), 3.0), Model(Normal(), hyperprior=HalfNormal())], ids=["fixed", "learned"]
)
@pytest.mark.parametrize("name", NETWORKS)
def test_weights_begin_at_the_width_of_their_layers(name, model, scale):
    joint, streams = world(name, model)
    latents = initial_latents(joint, streams, "fan_in", scale)
    weights = joint.prior.weights(latents)
    for p in joint.network.parameters:
        expected = (1.0 if p.is_bias else GAIN[name]) / math.sqrt(p.fan_in)
        values = weights[:, p.start : p.stop]
        error = expected / math.sqrt(2 * values.numel())
        assert abs(values.std().item() - expected) < 5 * error, p.name
        assert abs(values.mean().item()) < 5 * expected / math.sqrt(values.numel())
    log_scales = latents[:, joint.prior.n_weights :]
    assert torch.allclose(log_scales, torch.full_like(log_scales, math.log(scale) if joint.prior.learns else 0.0))


def test_unit_normal_is_what_it_says_and_cells_of_a_pair_begin_alike():
    joint, _ = world("tanh", Model(Normal(), 1.0))
    streams = Streams([f"cell-{i}" for i in range(CELLS)], ["pair"] * CELLS)
    weights = initial_latents(joint, streams, "unit_normal", 1.0)[:, : joint.prior.n_weights]
    assert torch.equal(weights[0], weights[-1])
    assert abs(weights[0].std().item() - 1) < 5 / math.sqrt(2 * weights.shape[1])


def test_the_first_posterior_of_a_weight_has_the_sd_that_was_asked_for_also_under_a_learned_scale():
    for model in MODELS:
        joint, streams = world("tanh", model)
        loc, rho = initial_gaussian(joint, streams, "fan_in", 0.5, 0.05)
        sd = torch.nn.functional.softplus(rho)[:, : joint.prior.n_weights]
        multiplier = joint.prior.multiplier(loc)
        of_weights = sd if multiplier is None else sd * multiplier
        torch.testing.assert_close(of_weights, torch.full_like(of_weights, 0.05), rtol=1e-4, atol=0)
