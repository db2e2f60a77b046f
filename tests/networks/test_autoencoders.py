"""Autoencoders: shapes, the terms of codes by closed forms, noise of their own, what is refused."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, METHODS, quick_method

from bnnbench import likelihoods, networks
from bnnbench.base.progress import Progress
from bnnbench.base.settings import parameters
from bnnbench.inference import find, make
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.networks._autoencoder import normal_kl
from bnnbench.networks.mlp import build as mlp
from bnnbench.prediction.predict import predict

D = 6
EXACT_ONLY = {"hmc", "mile", "smc", "laplace_approximation", "pymc_advi", "pymc_fullrank", "pymc_nuts"}


@pytest.fixture(autouse=True)
def one_thread():
    """Products of matrices round by the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def vae(latent: int = 2, **options):
    return networks.make({"kind": "vae", "encoder": [5], "decoder": [5], "latent": latent} | options, (D,), 1)


def binary(n: int = 30, dtype=torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(1, n, D, generator=generator) < torch.linspace(0.2, 0.8, D)).to(dtype)


def joint_of(network=None, models=("normal-1",) * 2, likelihood=None, x=None, **options) -> LogJoint:
    x = binary() if x is None else x
    models, y = [ALL_MODELS[name] for name in models], torch.zeros(x.shape[:2], dtype=torch.long)
    likelihood = likelihood or likelihoods.make("bernoulli_elbo")
    which = torch.zeros(len(models), dtype=torch.long)
    return LogJoint(network or vae(), models, x, y, which, likelihood, **options)


def test_outputs_are_the_reconstruction_the_input_and_the_terms_of_the_codes():
    network, x, n_samples = vae(3), binary(7, torch.float64).transpose(1, 2).expand(2, -1, -1), 4
    weights = torch.randn(2, network.n_weights, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(2, n_samples * 3, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    outputs = forward(network, weights, torch.cat([x, noise], 1))
    assert outputs.shape == (2, network.n_outputs, 7 * n_samples) == (2, 2 * D + 3, 28)
    encoder, decoder = network.encoder, network.decoder
    assert encoder.n_weights + decoder.n_weights == network.n_weights
    mean, log_sd = forward(encoder, weights[:, : encoder.n_weights], x).split(3, 1)
    for point in range(7):
        for sample in range(n_samples):
            found = outputs[:, :, point * n_samples + sample]
            law = torch.distributions.Normal(mean[:, :, point], log_sd[:, :, point].exp())
            prior = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
            z = law.mean + law.stddev * noise[:, 3 * sample : 3 * sample + 3, point]
            drawn = forward(decoder, weights[:, encoder.n_weights :], z.unsqueeze(2))[:, :, 0]
            terms = prior.log_prob(z), law.log_prob(z), torch.distributions.kl_divergence(law, prior)
            expected = torch.cat([drawn, x[:, :, point], torch.stack([t.sum(1) for t in terms], 1)], 1)
            torch.testing.assert_close(found, expected)


def test_the_divergence_of_codes_is_the_mean_log_ratio_and_zero_at_the_prior():
    mean, log_sd = torch.tensor([[[1.5], [-0.5]]]).double(), torch.tensor([[[-1.0], [0.4]]]).double()
    noise = torch.randn(1, 2, 200_000, generator=torch.Generator().manual_seed(0)).double()
    z = mean + log_sd.exp() * noise
    ratio = (-0.5 * noise.square() - log_sd + 0.5 * z.square()).sum(1)
    error = 4 * ratio.std() / 200_000**0.5
    assert float(normal_kl(mean, log_sd)) == pytest.approx(float(ratio.mean()), abs=float(error))
    assert float(normal_kl(torch.zeros(1, 2, 1), torch.zeros(1, 2, 1))) == 0


def test_a_plain_autoencoder_has_no_noise_and_the_mean_for_a_code():
    network, x = vae(sampled=False), binary().transpose(1, 2)
    assert network.noise == 0 and vae().noise == 2 and vae(samples=3).noise == 6
    weights = torch.randn(1, network.n_weights, generator=torch.Generator().manual_seed(1))
    code = forward(network.encoder, weights[:, : network.encoder.n_weights], x)
    outputs = forward(network, weights, x)
    torch.testing.assert_close(outputs[:, :D], forward(network.decoder, weights[:, network.encoder.n_weights :], code))
    assert (outputs[:, -3:] == 0).all()


def test_parameters_are_of_encoder_and_decoder_and_dropout_leaves_inputs_and_codes():
    network = networks.make({"kind": "vae", "encoder": [5, 4], "decoder": [3, 7], "latent": 2}, (D,), 1)
    shapes = {p.name: p.shape for p in network.parameters if not p.is_bias}
    assert shapes == {
        "encoder1.weight": (5, D), "encoder2.weight": (4, 5), "encoder3.weight": (4, 4),
        "decoder1.weight": (3, 2), "decoder2.weight": (7, 3), "decoder3.weight": (D, 7),
    }  # fmt: skip
    dropped = [p.name for p in network.dropped]
    assert dropped == ["encoder2.weight", "encoder3.weight", "decoder2.weight", "decoder3.weight"]


def test_each_step_has_noise_of_its_own_that_the_cells_of_a_pair_share():
    joint, streams = joint_of(models=["normal-1"] * 3), Streams(["a", "b", "c"], ["p", "p", "q"])
    data, again = joint.batches(streams, 8), joint.take([2, 0]).batches(streams.take([2, 0]), 8)
    x, y = data(5)
    assert x.shape == (3, D + 2, 8) and y.shape == (3, 8)
    noise = x[:, D:]
    assert torch.equal(noise[0], noise[1]) and not torch.equal(noise[0], noise[2])
    assert not torch.equal(noise, data(6)[0][:, D:])
    assert torch.equal(again(5)[0], x[[2, 0]])  # whatever came before, and whoever stands beside
    index = streams.batches(joint.n_points, 8)(5)
    assert torch.equal(x[:, :D], joint.x[0][index].transpose(1, 2))
    everything = torch.cat([data(t)[0][0, D:].flatten() for t in range(200)])
    assert float(everything.mean()) == pytest.approx(0, abs=4 / 3200**0.5)
    assert float(everything.var()) == pytest.approx(1, abs=4 * (2 / 3200) ** 0.5)
    with pytest.raises(ValueError, match="needs noise of its own in each step: ask `batches`"):
        joint.batch(None)


@pytest.mark.parametrize("batch_size", [None, 8])
def test_networks_without_noise_have_the_data_that_they_had(batch_size):
    network, x = mlp((D,), 2, hidden=(3,)), binary()
    joint = LogJoint(network, [ALL_MODELS["normal-1"]] * 2, x, torch.zeros(1, 30).long(), torch.zeros(2).long())
    streams = Streams(["a", "b"], ["p", "q"])
    for step in (0, 7):
        found = joint.batches(streams, batch_size)(step)
        for one, other in zip(found, joint.batch(streams.batches(30, batch_size)(step)), strict=True):
            assert torch.equal(one, other)


def few(method: str) -> dict:
    settings = {"steps": 20, "keep": 12, "chains": 4, "rounds": 1, "tune": 8, "samples": 12, "leapfrogs": 4}
    settings |= {"members": 2, "stored": 12, "learning_rate": 0.005, "swa_learning_rate": 0.002, "batch_size": 10}
    return {key: value for key, value in settings.items() if key in parameters(find(method))}


@pytest.mark.parametrize("method", METHODS)
def test_methods_fit_all_weights_or_say_that_they_need_the_density_exact(method):
    model = "flat" if method == "mle" else "normal-1"
    joint, fitted = joint_of(models=[model] * 2), quick_method(method, **few(method))
    reason = fitted.unsuited(joint.network, ALL_MODELS[model], joint.likelihood)
    assert (reason is not None) == (method in EXACT_ONLY)
    if reason:
        assert "its density is an estimate" in reason
        return
    streams = Streams(["a", "b"], ["p", "p"])
    fit = fitted.fit(joint, streams)
    arrays = predict(fit.posterior, joint.x, joint.which, streams, 4, block=2)
    assert all(np.isfinite(values).all() for values in arrays.values())
    moved = fit.posterior.draws(streams, "predict")(0)[:, : joint.prior.n_weights]
    assert (moved.std(1) > 0).all()


@pytest.mark.parametrize("estimator", ["local", "flipout"])
def test_noise_of_layers_runs_through_both_halves(estimator):
    joint = joint_of()
    method = make("mean_field", {"estimator": estimator, "steps": 10, "batch_size": 10})
    assert method.unsuited(joint.network, ALL_MODELS["normal-1"], joint.likelihood) is None
    assert np.isfinite(method.fit(joint, Streams(["a", "b"], ["p", "p"])).trace).all()
    assert method.unsuited(vae(samples=2), ALL_MODELS["normal-1"], joint.likelihood) is not None


class Killed(Progress):
    """Kills a fit after so many offers of its state, which it then gives back."""

    def __init__(self, after: int):
        self.left, self.kept = after, {}

    def keep(self, stage, state):
        self.kept[stage] = deepcopy(state())
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def restored(self, stage):
        return self.kept.get(stage)


@pytest.mark.parametrize("name", ["map", "mean_field"])
def test_a_cell_has_the_same_bits_alone_in_a_stack_and_after_a_resume(name):
    method = make(name, {"steps": 40, "batch_size": 10, "learning_rate": 0.01})

    def fit(cells, progress=None):
        joint = joint_of(models=[("normal-1", "laplace-half_cauchy")[c] for c in cells])
        streams = Streams([f"cell-{c}" for c in cells], ["p"] * 2)
        fitted = method.fit(joint, streams, progress or Progress())
        return fitted.posterior.arrays, predict(fitted.posterior, joint.x, joint.which, streams, 3, block=2)

    together, alone = fit([0, 1]), fit([1, 1])  # a block of two is filled up with copies
    killed = Killed(15)
    with pytest.raises(KeyboardInterrupt):
        fit([0, 1], killed)
    resumed = fit([0, 1], killed)
    for which in (0, 1):
        for key, values in together[which].items():
            np.testing.assert_array_equal(np.asarray(alone[which][key])[1], np.asarray(values)[1])
            np.testing.assert_array_equal(np.asarray(resumed[which][key]), np.asarray(values))


def test_what_makes_no_sense_is_refused_with_its_place_and_remedy():
    with pytest.raises(ValueError, match="latent is 7, and an input has 6 numbers: give a code that is no longer"):
        vae(7)
    with pytest.raises(ValueError, match="it takes vectors"):
        networks.make({"kind": "vae"}, (1, 8, 8), 1)
    elbo, alone = likelihoods.make("bernoulli_elbo"), likelihoods.make("bernoulli_reconstruction")
    fault = elbo.data_fault(2 * binary())
    assert "go from 0 to 2" in fault and "gaussian_elbo" in fault and elbo.data_fault(binary()) is None
    assert "reads a reconstruction" in elbo.network_fault(mlp((D,), 1))
    normal, plain = ALL_MODELS["normal-1"], vae(sampled=False)
    assert "no law of codes" in make("map", {}).unsuited(plain, normal, elbo)
    assert make("map", {}).unsuited(plain, normal, alone) is None
    for objective in (alone, likelihoods.make("bernoulli_kl"), replace(elbo, kl_weight=4.0)):
        assert not objective.is_density and "no density" in make("sgld", {}).unsuited(vae(), normal, objective)
    with pytest.raises(ValueError, match="importance_samples"):
        likelihoods.make("bernoulli_elbo", {"importance_samples": 3})
