"""Running moments and votes equal those of the draws themselves."""

import numpy as np
import pytest
import torch

from bnnbench import metrics, networks
from bnnbench.inference import GaussianPosterior, PointPosterior
from bnnbench.joint import LogPrior, Model
from bnnbench.predict import predict
from bnnbench.priors.normal import Normal
from bnnbench.streams import Streams
from bnnbench.trained import TrainedCell

NETWORKS = [
    networks.make({"kind": "mlp", "hidden": [4]}, (2,), 2),
    networks.make({"kind": "lenet", "channels": [2], "kernel": 3, "hidden": [5]}, (1, 6, 6), 3),
]


def posterior_of(network, n_cells, kind=GaussianPosterior):
    prior = LogPrior(network, [Model(Normal(), 1.0)] * n_cells)
    torch.manual_seed(1)
    arrays = {"loc": torch.randn(n_cells, prior.n_latents), "sd": torch.rand(n_cells, prior.n_latents)}
    return kind(prior, arrays)


def inputs(network, n=50):
    return np.random.default_rng(0).normal(size=(n, *network.input_shape)).astype(np.float32)


@pytest.mark.parametrize("network", NETWORKS)
def test_moments_and_argmax_votes_equal_those_of_the_draws(network):
    x, streams = inputs(network), Streams(["a", "b", "c"], ["p", "p", "q"])
    posterior = posterior_of(network, 3)
    got = predict(posterior, torch.from_numpy(x)[None], torch.zeros(3, dtype=torch.long), streams, 40, block=2)
    draw = posterior.draws(streams, "predict")
    latents = [draw(s) for s in range(40)]
    for c in range(3):
        single = type(posterior)(LogPrior(network, [Model(Normal(), 1.0)]), {})
        single.draws = lambda streams, purpose, c=c: lambda s: latents[s][c : c + 1]
        draws = TrainedCell(network, single, "x").sample_proba(x, 40)
        np.testing.assert_allclose(got.mean_proba[c], draws.mean(0), atol=1e-6)
        np.testing.assert_allclose(got.variance[c], metrics.class_variance(draws), atol=1e-6)
        np.testing.assert_allclose(got.expected_entropy[c], metrics.expected_entropy(draws), atol=1e-5)
        assert np.array_equal(got.argmax_votes[c], metrics.votes(draws, "argmax"))
        assert (got.label_votes[c].sum(1) == 40).all()


@pytest.mark.parametrize("kind", [GaussianPosterior, PointPosterior])
def test_label_votes_follow_the_mean_probabilities(kind):
    """Over many draws the label votes' share estimates the mean probability: a z-score for every point."""
    network, streams, s = NETWORKS[1], Streams(["a"], ["p"]), 1000
    x = torch.from_numpy(inputs(network, 200))[None]
    got = predict(posterior_of(network, 1, kind), x, torch.zeros(1, dtype=torch.long), streams, s, block=1)
    p = got.mean_proba[0].astype(float)
    z = (got.label_votes[0] / s - p) / np.sqrt(p * (1 - p) / s + 1e-9)
    assert abs(z.mean()) < 0.2
    assert z.std() < 1.15


def test_a_point_estimate_has_no_spread_and_votes_alike():
    network = NETWORKS[0]
    x = torch.from_numpy(inputs(network))[None]
    got = predict(
        posterior_of(network, 1, PointPosterior), x, torch.zeros(1, dtype=torch.long), Streams(["a"], ["p"]), 30
    )
    assert not got.variance.any()
    assert set(np.unique(got.argmax_votes)) == {0, 30}


def test_predictions_do_not_depend_on_the_stack():
    network = NETWORKS[0]
    x = torch.from_numpy(inputs(network))[None]
    both = posterior_of(network, 2)
    one = GaussianPosterior(LogPrior(network, [Model(Normal(), 1.0)]), {k: v[1:] for k, v in both.arrays.items()})
    stacked = predict(both, x, torch.zeros(2, dtype=torch.long), Streams(["a", "b"], ["p", "q"]), 20)
    alone = predict(one, x, torch.zeros(1, dtype=torch.long), Streams(["b"], ["q"]), 20)
    np.testing.assert_allclose(alone.mean_proba[0], stacked.mean_proba[1], atol=1e-6)
    assert np.array_equal(alone.label_votes[0], stacked.label_votes[1])
