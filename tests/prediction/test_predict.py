"""Running moments and votes equal those of the draws themselves."""

import numpy as np
import pytest
import torch

from bnnbench import metrics, networks
from bnnbench.inference import DrawsPosterior, GaussianPosterior, PointPosterior
from bnnbench.model.prior import LogPrior, Model
from bnnbench.model.streams import Streams
from bnnbench.prediction.predict import predict
from bnnbench.prediction.trained import TrainedCell
from bnnbench.priors.normal import Normal

NETWORKS = [
    networks.make({"kind": "mlp", "hidden": [4]}, (2,), 2),
    networks.make({"kind": "lenet", "channels": [2], "kernel": 3, "hidden": [5]}, (1, 6, 6), 3),
]


def posterior_of(network, n_cells, kind=GaussianPosterior):
    prior = LogPrior.of_models(network, [Model(Normal(), 1.0)] * n_cells)
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
        single = type(posterior)(LogPrior.of_models(network, [Model(Normal(), 1.0)]), {})
        single.draws = lambda streams, purpose, c=c: lambda s: latents[s][c : c + 1]
        draws = TrainedCell(network, single, "x").sample_proba(x, 40)
        np.testing.assert_allclose(got["mean_proba"][c], draws.mean(0), atol=1e-6)
        np.testing.assert_allclose(got["variance"][c], metrics.class_variance(draws), atol=1e-6)
        np.testing.assert_allclose(got["expected_entropy"][c], metrics.expected_entropy(draws), atol=1e-5)
        assert np.array_equal(got["argmax_votes"][c], metrics.votes(draws, "argmax"))
        assert (got["label_votes"][c].sum(1) == 40).all()


@pytest.mark.parametrize("kind", [GaussianPosterior, PointPosterior])
def test_label_votes_follow_the_mean_probabilities(kind):
    """Over many draws the label votes' share estimates the mean probability: a z-score for every point."""
    network, streams, s = NETWORKS[1], Streams(["a"], ["p"]), 1000
    x = torch.from_numpy(inputs(network, 200))[None]
    got = predict(posterior_of(network, 1, kind), x, torch.zeros(1, dtype=torch.long), streams, s, block=1)
    p = got["mean_proba"][0].astype(float)
    z = (got["label_votes"][0] / s - p) / np.sqrt(p * (1 - p) / s + 1e-9)
    assert abs(z.mean()) < 0.2
    assert z.std() < 1.15


def test_a_point_estimate_has_no_spread_and_votes_alike():
    network = NETWORKS[0]
    x = torch.from_numpy(inputs(network))[None]
    got = predict(
        posterior_of(network, 1, PointPosterior), x, torch.zeros(1, dtype=torch.long), Streams(["a"], ["p"]), 30
    )
    assert not got["variance"].any()
    assert set(np.unique(got["argmax_votes"])) == {0, 30}


def test_predictions_do_not_depend_on_the_stack():
    network = NETWORKS[0]
    x = torch.from_numpy(inputs(network))[None]
    both = posterior_of(network, 2)
    one = GaussianPosterior(
        LogPrior.of_models(network, [Model(Normal(), 1.0)]), {k: v[1:] for k, v in both.arrays.items()}
    )
    stacked = predict(both, x, torch.zeros(2, dtype=torch.long), Streams(["a", "b"], ["p", "q"]), 20)
    alone = predict(one, x, torch.zeros(1, dtype=torch.long), Streams(["b"], ["q"]), 20)
    np.testing.assert_allclose(alone["mean_proba"][0], stacked["mean_proba"][1], atol=1e-6)
    assert np.array_equal(alone["label_votes"][0], stacked["label_votes"][1])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", [GaussianPosterior, PointPosterior])
def test_the_mean_of_a_trained_cell_is_that_of_its_draws_in_chunks_of_rows_too(network, kind, monkeypatch):
    cell, x = TrainedCell(network, posterior_of(network, 1, kind), "x"), inputs(network)
    draws = cell.sample_proba(x, 12)
    monkeypatch.setattr("bnnbench.prediction.trained.points_at_once", lambda network: 7)
    np.testing.assert_allclose(cell.predict_proba(x, 12), draws.mean(0), atol=1e-6)
    assert max(len(proba) for _, _, proba in cell.each_draw(x, 12)) == 7
    assert cell.predict_proba(x[:0], 12).shape == (0, network.n_outputs)
    with pytest.raises(ValueError, match="n_draws must be at least 1"):
        cell.predict_proba(x, 0)


def of_four_chains(n):
    """A posterior of four chains of n draws, and the class probabilities (chains, points, classes) at `inputs`.

    Every chain stays at a network of its own, so that predictions tell how often each was drawn from.
    """
    network = NETWORKS[0]
    prior = LogPrior.of_models(network, [Model(Normal(), 1.0)])
    networks_of_chains = 3 * torch.randn(1, 4, prior.n_latents, generator=torch.Generator().manual_seed(3))
    posterior = DrawsPosterior.of_chains(prior, networks_of_chains.unsqueeze(2).expand(-1, -1, n, -1))
    single = DrawsPosterior(prior, {"draws": networks_of_chains})
    single.draws = lambda streams, purpose: lambda s: networks_of_chains[:, s]
    return posterior, TrainedCell(network, single, "x").sample_proba(inputs(network), 4)


def predicted(posterior, n_draws):
    x = torch.from_numpy(inputs(posterior.prior.network))[None]
    return predict(posterior, x, torch.zeros(1, dtype=torch.long), Streams(["a"], ["p"]), n_draws, block=1)


@pytest.mark.parametrize("n_draws", [4, 20, 100, 200, 300, 1000])
def test_predictions_are_of_all_chains_alike_and_their_first_half_of_the_first_half_of_the_chains(n_draws):
    posterior, of_chain = of_four_chains(50)
    got = predicted(posterior, n_draws)
    np.testing.assert_allclose(got["mean_proba"][0], of_chain.mean(0), atol=1e-5)
    np.testing.assert_allclose(got["first_half_proba"][0], of_chain[:2].mean(0), atol=1e-5)
    np.testing.assert_allclose(got["variance"][0], of_chain.var(0), atol=1e-5)


def test_a_number_that_chains_do_not_divide_is_shared_out_as_evenly_as_can_be():
    posterior, of_chain = of_four_chains(50)
    shares = np.array([2, 1, 2, 1]) / 6
    np.testing.assert_allclose(
        predicted(posterior, 6)["mean_proba"][0], (shares[:, None, None] * of_chain).sum(0), atol=1e-5
    )
    assert "first_half_proba" not in predicted(posterior, 7)
    np.testing.assert_allclose(predicted(posterior, 1)["mean_proba"][0], of_chain[0], atol=1e-5)


def test_draws_of_a_chain_are_taken_along_its_whole_length():
    place = torch.arange(60.0).reshape(1, 1, 60, 1).expand(1, 3, -1, 1)
    chosen = DrawsPosterior.of_chains(None, place).of_predictions(9).arrays
    assert chosen["draws"].flatten().tolist() == [19] * 3 + [39] * 3 + [59] * 3
    assert chosen["chain"][0].tolist() == [0, 1, 2] * 3
    unknown = DrawsPosterior(None, {"draws": place[:, 0]})  # of an ensemble, or stored before chains were told apart
    assert unknown.of_predictions(4).arrays["draws"].flatten().tolist() == [14, 29, 44, 59]


def test_as_many_draws_as_are_stored_are_taken_in_their_order():
    posterior, _ = of_four_chains(5)
    draw = posterior.of_predictions(20).draws(Streams(["a"], ["p"]), "predict")
    assert torch.equal(torch.stack([draw(s) for s in range(20)], 1), posterior.arrays["draws"])
    one_chain = DrawsPosterior.of_chains(None, torch.arange(5.0).reshape(1, 1, 5, 1))
    draw = one_chain.of_predictions(8).draws(Streams(["a"], ["p"]), "predict")
    assert [int(draw(s)) for s in range(8)] == [0, 1, 2, 3, 4, 0, 1, 2]
