"""Dropout: `map` at rate 0; draws are zeroed columns; rates are a cell's own."""

import pytest
import torch
from scenarios import ALL_MODELS, quick_method, small_data, stack_joint

from bnnbench import networks
from bnnbench.inference.mc_dropout import DropoutPosterior, McDropout
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams

NETWORK = networks.make({"kind": "mlp"}, (2,), 2)
MODELS = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy", "cauchy-1")]
STREAMS = Streams(["a", "b", "c"], ["p"] * 3)


@pytest.mark.parametrize("batch_size", [None, 20])
def test_at_rate_zero_it_is_map(batch_size):
    joint = stack_joint(NETWORK, MODELS, *small_data(), torch.float32)
    settings = {"steps": 300, "learning_rate": 0.03, "batch_size": batch_size}
    dropout, point = (quick_method(m, **settings, rate=0.0).fit(joint, STREAMS) for m in ("mc_dropout", "map"))
    assert torch.equal(dropout.posterior.arrays["loc"], point.posterior.arrays["loc"])
    assert (dropout.trace == point.trace).all()
    assert torch.equal(dropout.posterior.draws(STREAMS, "predict")(3), point.posterior.arrays["loc"])


def test_a_draw_is_the_network_with_columns_of_its_own_set_to_zero():
    """Under learned scales too; the first layer, biases and scales are left as they are."""
    rates = torch.tensor([0.0, 0.25, 0.5])
    prior = LogPrior.of_models(NETWORK, MODELS)
    torch.manual_seed(0)
    loc = torch.randn(3, prior.n_latents)
    posterior = DropoutPosterior(prior, {"loc": loc, "rate": rates})
    draw, dropped = posterior.draws(STREAMS, "test"), torch.zeros(3)
    for s in range(400):
        drawn = draw(s)
        ratio = prior.weights(drawn) / prior.weights(loc)
        assert torch.equal(drawn[:, prior.n_weights :], loc[:, prior.n_weights :])
        for p in NETWORK.parameters:
            columns = ratio[:, p.start : p.stop].reshape(3, *p.shape)
            if p.is_bias or p.name == "dense1.weight":
                assert (columns == 1).all()
                continue
            torch.testing.assert_close(columns, columns[:, :1].expand_as(columns))
            for cell, rate in enumerate(rates):
                kept = columns[cell] != 0
                torch.testing.assert_close(columns[cell][kept], (1 / (1 - rate)).expand(int(kept.sum())))
                dropped[cell] += (~kept[0]).sum()
    torch.testing.assert_close(dropped / 4000, rates, atol=0.03, rtol=0)


def test_learns_on_images_in_minibatches_and_differs_from_map():
    images = networks.make({"kind": "lenet", "channels": [2], "kernel": 3, "hidden": [6]}, (1, 8, 8), 3)
    torch.manual_seed(0)
    y = torch.arange(60) % 3
    x = torch.randn(60, 1, 8, 8) + y[:, None, None, None]
    joint = stack_joint(images, MODELS, x, y, torch.float32)
    settings = {"steps": 150, "learning_rate": 0.02, "batch_size": 20}
    dropout, point = (quick_method(m, **settings, rate=0.3).fit(joint, STREAMS) for m in ("mc_dropout", "map"))
    assert (dropout.trace[:, -5:].mean(1) > dropout.trace[:, :5].mean(1)).all()
    assert not torch.allclose(dropout.posterior.arrays["loc"], point.posterior.arrays["loc"], atol=0.05)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_mistakes_are_named(rate):
    with pytest.raises(ValueError, match=r"rate is .*: it must be a number of at least 0 and below 1"):
        McDropout(rate=rate)
