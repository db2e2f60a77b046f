"""The evidence lower bound: against quadrature and probabilistic PCA, its two estimators, and importance sampling."""

import math

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS
from scipy.stats import multivariate_normal

from bnnbench import likelihoods, networks, tasks
from bnnbench.inference import make
from bnnbench.inference._base import DrawsPosterior, PointPosterior
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.prediction.codes import log_weights
from bnnbench.prediction.predict import predict
from bnnbench.prediction.trained import TrainedCell
from bnnbench.probes.codes import bound

D = 6
LINE = networks.make({"kind": "vae", "encoder": [4], "decoder": [4], "latent": 1}, (D,), 1)
ELBO, SAMPLED = likelihoods.make("bernoulli_elbo"), likelihoods.make("bernoulli_elbo_sampled")
TASK = tasks.find("density")


def images(n: int) -> torch.Tensor:
    return (torch.rand(n, D, generator=torch.Generator().manual_seed(3)) < 0.5).float()


def on_a_line(likelihood=ELBO, scale: float = 1.0) -> TrainedCell:
    """A code of one number, with random weights."""
    prior = LogPrior.of_models(LINE, [ALL_MODELS["normal-1"]], likelihood)
    loc = scale * torch.randn(1, prior.n_latents, generator=torch.Generator().manual_seed(0))
    return TrainedCell(LINE, PointPosterior(prior, {"loc": loc}), "line")


def exact(cell: TrainedCell, x: torch.Tensor) -> np.ndarray:
    """log p(x) by quadrature over the code, (n,)."""
    z = torch.linspace(-9, 9, 4001, dtype=torch.float64)
    weights = cell.posterior.arrays["loc"][:, : LINE.n_weights].double()
    logits = forward(LINE.decoder, weights[:, -LINE.decoder.n_weights :], z[None, None])[0]  # (D, codes)
    given = x.double() @ torch.nn.functional.logsigmoid(logits) + (1 - x.double()) @ torch.nn.functional.logsigmoid(
        -logits
    )
    of_codes = given - 0.5 * z.square() - 0.5 * math.log(2 * math.pi)
    return (of_codes.logsumexp(1) + math.log(float(z[1] - z[0]))).numpy()


def relative_sd(cell: TrainedCell, x: torch.Tensor) -> np.ndarray:
    """Of importance weights, whose mean is p(x), (n,)."""
    return relative_sd_of(cell, x, exact(cell, x))


def relative_sd_of(cell: TrainedCell, x: torch.Tensor, log_density: np.ndarray) -> np.ndarray:
    """Likewise where log p(x) is this."""
    return np.exp(log_weights(cell, x.numpy(), 20_000) - log_density[:, None]).std(1)


def test_probabilities_of_all_images_sum_to_one():
    everything = torch.tensor(np.stack(np.meshgrid(*[[0.0, 1.0]] * D), -1).reshape(-1, D), dtype=torch.float32)
    assert np.exp(exact(on_a_line(), everything)).sum() == pytest.approx(1, abs=1e-9)


def test_importance_sampling_meets_quadrature_and_never_exceeds_it_in_the_mean():
    cell, x, k = on_a_line(), images(25), 4000
    log_w = log_weights(cell, x.numpy(), k)
    truth = exact(cell, x)
    weights = np.exp(log_w - truth[:, None])  # of mean 1
    error = weights.std(1) / np.sqrt(k)
    assert (abs(weights.mean(1) - 1) < 5 * error).all() and error.max() < 0.2
    repeats = log_w.reshape(25, 40, 100)
    curve = []
    for n in (1, 2, 5, 20, 100):
        found = np.stack([bound(r[:, :n]) for r in repeats.transpose(1, 0, 2)]).mean(0) - truth
        curve.append(found.mean())
    spread = repeats[:, :, 0].std() / np.sqrt(25 * 40)
    assert (np.diff(curve) > 0).all() and curve[-1] < 2 * spread  # Burda et al. 2016, theorem 1
    assert curve[0] < -10 * spread


def test_predictions_are_the_same_estimate_with_its_half_and_the_bound():
    cell, x = on_a_line(likelihoods.make("bernoulli_elbo", {"importance_samples": 2000})), images(12)
    found = cell.predictions(x.numpy(), 1)
    truth = exact(cell, x)
    error = relative_sd(cell, x) / np.sqrt(2000)
    assert (abs(np.exp(found.log_density - truth) - 1) < 5 * error).all() and error.max() < 0.1
    assert (abs(np.exp(found.bound.half - truth) - 1) < 5 * np.sqrt(2) * error).all()
    assert (found.bound.half != found.log_density).all() and (found.bound.elbo < truth).all()
    assert found.dimensions == D
    log_w = log_weights(cell, x.numpy(), 20_000)  # their mean is the bound, the divergence drawn
    tolerance = 5 * log_w.std(1) * (1 / np.sqrt(2000) + 1 / np.sqrt(20_000))
    assert (abs(found.bound.elbo - log_w.mean(1)) < tolerance).all()
    assert "bound" in found.given(None)


def test_draws_of_weights_are_averaged_as_densities_and_what_is_stored_comes_back():
    likelihood, x = likelihoods.make("bernoulli_elbo", {"importance_samples": 2000}), images(9)
    prior = LogPrior.of_models(LINE, [ALL_MODELS["normal-1"]], likelihood)
    draws = 0.5 * torch.randn(1, 3, prior.n_latents, generator=torch.Generator().manual_seed(1))
    posterior = DrawsPosterior.of_draws(prior, draws, torch.zeros(3, dtype=torch.long))
    which, streams = torch.zeros(1, dtype=torch.long), Streams(["a"], ["p"])
    arrays = predict(posterior, x[None], which, streams, 3, block=1)
    cells = [TrainedCell(LINE, PointPosterior(prior, {"loc": draws[:, s]}), f"{s}") for s in range(3)]
    each = np.exp([exact(cell, x) for cell in cells])
    errors = each * np.stack([relative_sd(cell, x) for cell in cells]) / np.sqrt(2000)
    tolerance = 5 * np.sqrt((errors**2).sum(0)) / 3
    for name, wider in (("log_density", 1), ("half_samples_log_density", np.sqrt(2))):
        assert (abs(np.exp(arrays[name][0]) - each.mean(0)) < wider * tolerance).all()
    assert (arrays["log_density"][0] > arrays["mean_log_density"][0]).all() and arrays["variance"].max() > 0.01
    group = {name: type("Held", (), {"values": values}) for name, (_, values) in TASK.encode(arrays, 3, False).items()}
    decoded, direct = TASK.decode(group, 0), TASK.summarise(arrays, 0, 3)
    np.testing.assert_allclose(decoded.log_density, direct.log_density, rtol=1e-6)
    for one, other in zip(decoded.bound, direct.bound, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_split_is_summed_up_the_same_whatever_block_its_cells_are_in():
    x, models = images(20)[None], [ALL_MODELS["normal-1"]] * 3
    prior = LogPrior.of_models(LINE, models, ELBO)
    loc = torch.randn(3, prior.n_latents, generator=torch.Generator().manual_seed(0))
    streams, which = Streams(["a", "b", "c"], ["p", "q", "p"]), torch.zeros(3, dtype=torch.long)
    whole = predict(PointPosterior(prior, {"loc": loc}), x, which, streams, 2, block=3)
    parts = predict(PointPosterior(prior, {"loc": loc}), x, which, streams, 2, block=1)
    for name in ("log_density", "bound_log_density", "half_samples_log_density"):
        np.testing.assert_allclose(whole[name], parts[name], atol=1e-4)
    same = predict(PointPosterior(prior, {"loc": loc[[0, 0, 0]]}), x, which, streams, 2, block=3)["log_density"]
    assert (same[0] == same[2]).all() and (same[0] != same[1]).any()  # noise belongs to the pair


def estimates(latents: torch.Tensor, n: int, network=LINE) -> dict[str, torch.Tensor]:
    """n estimates of one image's bound by each estimator, of the same draws of the code."""
    joint = {}
    for name, likelihood in (("A", SAMPLED), ("B", ELBO)):
        x = images(1)[None].double().expand(1, n, D)
        noise = torch.randn(1, 1, n, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        outputs = forward(network, latents[:, : network.n_weights], torch.cat([x.transpose(1, 2), noise], 1))
        by_code = outputs.transpose(0, 2).transpose(1, 2).reshape(n, -1, 1)
        joint[name] = likelihood.log_prob(by_code, torch.zeros(n, 1), None)
    return joint


def test_the_two_estimators_agree_in_the_mean():
    n = 50_000
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        found = estimates(torch.randn(1, LINE.n_weights, dtype=torch.float64, generator=generator), n)
        difference = found["A"] - found["B"]
        assert abs(float(difference.mean())) < 4 * float(difference.std()) / math.sqrt(n)
        assert float(difference.std()) > 0.1


def test_the_closed_form_varies_less_where_codes_are_far_from_the_prior():
    """Their mean is 3, their sd 1/e, and the decoder hardly looks at them. Where it looks, and the encoder is the exact
    posterior, it is the other way round: see the linear autoencoder below."""
    network = networks.make({"kind": "vae", "encoder": [], "decoder": [], "latent": 1}, (D,), 1)
    latents = torch.zeros(1, network.n_weights, dtype=torch.float64)
    starts = {p.name: p.start for p in network.parameters}
    latents[0, starts["encoder1.bias"]], latents[0, starts["encoder1.bias"] + 1] = 3.0, -1.0
    latents[0, starts["decoder1.weight"] : starts["decoder1.weight"] + D] = 0.1
    found = estimates(latents, 20_000, network)
    assert float(found["B"].var()) < 0.1 * float(found["A"].var())


def pca(x: np.ndarray, k: int) -> tuple[float, float]:
    """Highest mean log likelihood and its noise sd of probabilistic PCA (Tipping & Bishop 1999, eqs 4 to 8)."""
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    noise, d = values[k:].mean(), x.shape[1]
    log_det = np.log(values[:k]).sum() + (d - k) * np.log(noise)
    return -0.5 * (d * np.log(2 * np.pi) + log_det + d), float(np.sqrt(noise))


def test_a_linear_autoencoder_is_probabilistic_pca_to_its_exact_likelihood():
    rng, d, k, n = np.random.default_rng(0), 4, 2, 300
    loadings = np.array([[1.0, 1.0, 0.5, 0.0], [0.0, -0.5, 1.0, 1.0]])
    x = (rng.normal(size=(n, k)) @ loadings + 0.5 * rng.normal(size=(n, d)) + 1).astype(np.float32)
    network = networks.make({"kind": "vae", "encoder": [], "decoder": [], "latent": k}, (d,), 1)
    likelihood = likelihoods.make("gaussian_elbo", {"noise_scale": 100.0})
    inputs = torch.from_numpy(x)[None]
    joint = LogJoint(
        network, [ALL_MODELS["flat"]], inputs, torch.zeros(1, n).long(), torch.zeros(1).long(), likelihood, block=1
    )
    streams = Streams(["a"], ["p"])
    posterior = make("mle", {"steps": 1500, "learning_rate": 0.05}).fit(joint, streams).posterior
    best, noise_sd = pca(x, k)
    weights, own = joint.prior.weights(posterior.arrays["loc"])[0].double(), joint.prior.own(posterior.arrays["loc"])
    by_name = {p.name: weights[p.start : p.stop].reshape(p.shape).numpy() for p in network.parameters}
    sd = float(own.exp())
    loading = by_name["decoder1.weight"]
    marginal = multivariate_normal(by_name["decoder1.bias"], loading @ loading.T + sd**2 * np.eye(d))
    assert sd == pytest.approx(noise_sd, rel=0.02)
    exactly = marginal.logpdf(x)
    assert best - 1e-3 < exactly.mean() <= best + 1e-6
    found = predict(posterior, inputs, torch.zeros(1, dtype=torch.long), streams, 1, block=1)
    np.testing.assert_allclose(found["log_density"][0], exactly, atol=0.05)
    # Its encoder is exact: what the bound lacks is the error of 15,000 reconstructions, whose sd is about sqrt(d / 2).
    assert abs(exactly.mean() - found["bound_log_density"].mean()) < 4 * np.sqrt(d / 2) / np.sqrt(50 * n)
    assert abs(found["log_density"] - found["half_samples_log_density"]).max() < 0.05  # so all weights are alike


def test_a_decoder_that_gives_the_noise_too_has_a_density_that_is_the_integral_over_codes():
    likelihood = likelihoods.make("gaussian_elbo_heteroscedastic", {"importance_samples": 5000})
    network = networks.make({"kind": "vae", "encoder": [4], "decoder": [4], "latent": 1}, (1,), likelihood.n_outputs(1))
    prior = LogPrior.of_models(network, [ALL_MODELS["normal-1"]], likelihood)
    loc = torch.randn(1, prior.n_latents, generator=torch.Generator().manual_seed(1))
    loc[:, : network.encoder.n_weights] *= 0.1  # codes are drawn from little else than their prior
    cell = TrainedCell(network, PointPosterior(prior, {"loc": loc}), "cell")
    x, z = (torch.linspace(-end, end, 4001, dtype=torch.float64) for end in (20, 9))
    weights = loc[:, : network.n_weights].double()[:, -network.decoder.n_weights :]
    mean, log_sd = forward(network.decoder, weights, z[None, None])[0]
    assert log_sd.std() > 0.1 and abs(log_sd).max() < 3  # it depends on the code, and the soft bound is far away
    log_sd = 7 * (log_sd / 7).tanh()
    given = torch.distributions.Normal(mean, log_sd.exp()).log_prob(x[:, None])
    of_codes = given - 0.5 * z.square() - 0.5 * math.log(2 * math.pi)
    exactly = of_codes.logsumexp(1) + math.log(float(z[1] - z[0]))
    assert float(exactly.exp().sum() * (x[1] - x[0])) == pytest.approx(1, abs=1e-6)
    points = x[1900:2101:20]
    found = cell.predictions(points[:, None].float().numpy(), 1).log_density
    error = relative_sd_of(cell, points[:, None].float(), exactly[1900:2101:20].numpy()) / np.sqrt(5000)
    assert (abs(np.exp(found - exactly[1900:2101:20].numpy()) - 1) < 5 * error + 1e-5).all() and error.max() < 0.1


def test_the_weights_of_the_terms_are_those_of_the_objective():
    outputs = torch.randn(1, 2 * D + 3, 8, generator=torch.Generator().manual_seed(0)).double()
    y, own = torch.zeros(1, 4), None  # two codes a point
    reconstruction, _, _, divergence = (t.sum(1) / 2 for t in ELBO.terms(outputs, own))
    for likelihood, expected in (
        (ELBO, reconstruction - divergence),
        (likelihoods.make("bernoulli_reconstruction"), reconstruction),
        (likelihoods.make("bernoulli_kl"), -divergence),
        (likelihoods.make("bernoulli_elbo", {"kl_weight": 4.0}), reconstruction - 4 * divergence),
    ):
        torch.testing.assert_close(likelihood.log_prob(outputs, y, own), expected)


def test_independent_pixels_bound_the_probability_of_binary_images():
    rng = np.random.default_rng(0)
    x_train, x = ((rng.random((n, D)) < 0.3).astype(float) for n in (50, 9))
    x_train[:, 0] = 0
    found = TASK.chance_at(x_train, np.zeros(50), 1, x).log_density
    frequency = (x_train.sum(0) + 0.5) / 51
    np.testing.assert_allclose(found, np.log(np.where(x > 0, frequency, 1 - frequency)).sum(1))
