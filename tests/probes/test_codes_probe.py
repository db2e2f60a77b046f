"""The probe of an autoencoder's codes: distances by closed forms, neighbours by hand, and the curve of importance."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS

from bnnbench import datasets, likelihoods, networks, probes
from bnnbench.inference._base import PointPosterior
from bnnbench.model.prior import LogPrior
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.codes import decoded, encoded
from bnnbench.prediction.trained import TrainedCell
from bnnbench.probes.codes import accuracy, bound, frechet_to_normal

DATA = datasets.make("digits_binary", {"n_train": 200, "n_validation": 50}, [0])


def cell_of(sampled: bool = True, scale: float = 1.0) -> TrainedCell:
    options = {"kind": "vae", "encoder": [4], "decoder": [4], "latent": 2, "sampled": sampled}
    network = networks.make(options, (64,), 1)
    likelihood = likelihoods.make("bernoulli_elbo" if sampled else "bernoulli_reconstruction")
    prior = LogPrior.of_models(network, [ALL_MODELS["normal-1"]], likelihood)
    loc = scale * torch.randn(1, prior.n_latents, generator=torch.Generator().manual_seed(0))
    return TrainedCell(network, PointPosterior(prior, {"loc": loc}), "cell")


def test_the_distance_from_the_prior_is_that_of_gaussians_with_these_moments():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((50_000, 2)) * [2.0, 0.5] + [1.0, 0.0]
    assert frechet_to_normal(z) == pytest.approx(1 + 1 + 0.25, rel=0.02)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert frechet_to_normal(z @ turn) == pytest.approx(frechet_to_normal(z))
    assert frechet_to_normal(rng.standard_normal((50_000, 2))) < 1e-3
    assert frechet_to_normal(np.zeros((10, 3))) == pytest.approx(3)  # all in one place


def test_neighbours_and_bounds_by_hand():
    known, labels = np.array([[0.0], [1.0], [5.0]]), np.array([0, 1, 1])
    assert accuracy(known, labels, np.array([[0.2], [0.9], [9.0], [0.4]]), np.array([0, 1, 1, 1])) == 0.75
    log_w = np.log([[1.0, 3.0], [1e-300, 1e-300]]) - 500
    np.testing.assert_allclose(bound(log_w), [np.log(2) - 500, np.log(1e-300) - 500])


@pytest.mark.parametrize("sampled", [True, False])
def test_readings_are_there_and_the_curve_falls(sampled):
    found = list(probes.make("codes", {"images": 40, "samples": [1, 10, 200]}).run(cell_of(sampled), DATA, 0))
    by_name = {(r.variable, r.metric, r.level): r.value for r in found}
    curve = [by_name["importance", "nll", k] for k in (1.0, 10.0, 200.0)]
    assert curve[0] > curve[1] > curve[2] and np.isfinite(curve).all()
    assert 0.6 < by_name["inputs", "neighbour_accuracy", 0.0] < 1
    assert 0 <= by_name["codes", "neighbour_accuracy", 0.0] < by_name["inputs", "neighbour_accuracy", 0.0]
    assert by_name["prior", "distance_to_prior", 0.0] < 0.1 and by_name["codes", "active", 0.0] == 1


def test_without_weights_codes_are_the_prior_and_images_are_grey():
    cell = cell_of(scale=0.0)
    mean, sd = encoded(cell, DATA.x_test[:5])
    assert (mean == 0).all() and (sd == 1).all()
    np.testing.assert_array_equal(decoded(cell, np.ones((3, 2))), np.full((3, 64), 0.5))
    assert (encoded(cell_of(sampled=False), DATA.x_test[:5])[1] == 0).all()
    network = mlp((64,), 2)
    prior = LogPrior.of_models(network, [ALL_MODELS["normal-1"]])
    other = TrainedCell(network, PointPosterior(prior, {"loc": torch.zeros(1, prior.n_latents)}), "other")
    with pytest.raises(ValueError, match="other is no autoencoder: it has no codes"):
        encoded(other, DATA.x_test)


def test_pixels_are_one_as_often_as_they_are_bright():
    from sklearn.datasets import load_digits

    grey = load_digits().data / 16
    everything = datasets.make("digits_binary", {}, [0])
    assert set(np.unique(everything.x_pool)) == {0, 1} and everything.task == "density"
    found = np.concatenate([everything.x_pool, everything.x_test]).mean(0)
    assert abs(found - grey.mean(0)).max() < 4 * 0.5 / np.sqrt(len(grey))
    np.testing.assert_array_equal(everything.x_test, DATA.x_test)
