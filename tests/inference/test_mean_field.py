"""Mean-field: its four estimators, its settings, and compiled against plain."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, LinearGaussian, small_data, stack_joint

from bnnbench.inference.map import Map
from bnnbench.inference.mean_field import ESTIMATORS, MeanField, negative_kl, negative_path_kl
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward_flipout, forward_local, noise_shapes, sign_shapes
from bnnbench.networks.mlp import build as mlp
from bnnbench.training.device import resolve_compile

MODELS = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy", "scale_mixture-inverse_gamma")]
NETWORK = mlp((2,), 2)


def streams_of(n_cells, dtype=torch.float64):
    return Streams([f"cell-{i}" for i in range(n_cells)], ["pair"] * n_cells, dtype=dtype)


def likelihood_draws(estimator, n_draws=2000):
    """Draws of the expected log likelihood's estimate at one fixed q with fixed log scales, (draws, cells)."""
    joint, streams = stack_joint(NETWORK, MODELS, *small_data()), streams_of(len(MODELS))
    rng = np.random.default_rng(0)
    loc = torch.from_numpy(rng.standard_normal((len(MODELS), joint.prior.n_latents)))
    sd = torch.full_like(loc, 0.3)
    sd[:, joint.prior.n_weights :] = 0
    noise = streams.normals("variational", (joint.prior.n_latents,))
    layers = [streams.coarse_normals(f"local-{i}", s) for i, s in enumerate(noise_shapes(NETWORK, joint.n_points))]
    flips = [streams.signs(f"flipout-{i}", s) for i, s in enumerate(sign_shapes(NETWORK, joint.n_points))]
    multiplier = joint.prior.multiplier(loc)
    mean, spread = loc[:, : joint.prior.n_weights] * multiplier, sd[:, : joint.prior.n_weights] * multiplier
    batch = joint.batch(None)

    def draw(step):
        if estimator == "draw":
            return joint.log_likelihood(loc + sd * noise.step(step), batch)
        if estimator == "flipout":
            shift = spread * noise.step(step)[:, : joint.prior.n_weights]
            outputs = forward_flipout(NETWORK, mean, shift, batch[0], [flip.step(step) for flip in flips])
        else:
            outputs = forward_local(NETWORK, mean, spread, batch[0], [layer.step(step) for layer in layers])
        return joint.likelihood.log_prob(outputs, batch[1], joint.prior.own(loc))

    return torch.stack([draw(step) for step in range(n_draws)]).numpy()


@pytest.mark.parametrize("estimator", ["local", "flipout"])
def test_noise_of_each_example_has_the_same_expectation_and_a_lower_variance(estimator):
    """Each point has the same law of outputs under all, and the log likelihood is a sum over points."""
    draw, other = likelihood_draws("draw"), likelihood_draws(estimator)
    error = np.sqrt(draw.var(0) / len(draw) + other.var(0) / len(other))
    assert (abs(draw.mean(0) - other.mean(0)) < 4 * error).all()
    assert (other.var(0) < draw.var(0) / 2).all()


def test_sticking_the_landing_has_no_gradient_where_q_is_the_posterior():
    """Orthogonal inputs make the posterior factorise; the score term alone leaves the others a variance there."""
    joint = LinearGaussian()
    design, _ = np.linalg.qr(np.column_stack([np.ones(joint.n_points), joint.x[0].numpy()]))
    joint.x = torch.from_numpy(design[:, 1:] * np.sqrt(joint.n_points))[None]
    precision = joint.n_points / joint.noise**2 + 1 / torch.tensor(joint.scales, dtype=torch.float64)[:, None] ** 2
    centre = torch.stack([*(joint.y @ joint.x[0])[0], joint.y.sum()]) / joint.noise**2 / precision
    loc = torch.zeros(joint.n_cells, joint.prior.n_latents, dtype=torch.float64)
    loc[:, :3], sd = centre, torch.ones_like(loc)
    sd[:, :3] = precision.rsqrt()
    noise = joint.streams().normals("variational", (joint.prior.n_latents,))

    def gradient(kl_term, step):
        parameters = [loc.clone().requires_grad_(), sd.clone().requires_grad_()]
        sample = parameters[0] + parameters[1] * noise.step(step)
        elbo = joint.log_likelihood(sample) + kl_term(joint.prior, *parameters, sample)
        return torch.cat(torch.autograd.grad(elbo.sum(), parameters))[..., :3]

    assert max(gradient(negative_path_kl, step).abs().max() for step in range(20)) < 1e-9
    others = torch.stack([gradient(negative_kl, step) for step in range(2000)])
    assert others.std(0).min() > 0.1
    assert (others.mean(0).abs() < 4 * others.std(0) / len(others) ** 0.5).all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("batch_size", [None, 10])
def test_every_estimator_reaches_the_factorised_optimum(estimator, batch_size):
    joint = LinearGaussian()
    method = MeanField(
        steps=3000, learning_rate=0.03, initial_sd=0.5, estimator=estimator, batch_size=batch_size, warm_up=0.2
    )
    arrays = method.fit(joint, joint.streams()).posterior.arrays
    loc, sd = arrays["loc"][:, :3].numpy(), arrays["sd"][:, :3].numpy()
    assert (abs(loc - joint.posterior_mean) < 0.15 * joint.marginal_sd).all()
    np.testing.assert_allclose(sd, joint.factorised_sd, rtol=0.07)


def test_temperature_scales_the_posteriors_variance():
    """log p(y | w) + T log p(w) + T H[q] has its optimum at variances T / (data precision + T prior precision)."""
    joint = LinearGaussian()
    arrays = MeanField(steps=4000, learning_rate=0.03, temperature=0.25).fit(joint, joint.streams()).posterior.arrays
    prior = 1 / np.array(joint.scales)[:, None] ** 2
    data = np.stack([np.diag(p) for p in joint.precisions]) - prior
    np.testing.assert_allclose(arrays["sd"][:, :3].numpy(), np.sqrt(0.25 / (data + 0.25 * prior)), rtol=0.05)


@pytest.mark.parametrize("setting", ["temperature", "entropy_weight"])
def test_at_zero_any_spread_is_lost(setting):
    """At temperature 0 neither prior nor entropy has a weight: maximum likelihood; the entropy's alone leaves MAP."""
    joint = LinearGaussian()
    arrays = MeanField(steps=4000, learning_rate=0.03, **{setting: 0.0}).fit(joint, joint.streams()).posterior.arrays
    expected = joint.least_squares if setting == "temperature" else joint.posterior_mean
    assert abs(arrays["loc"][:, :3].numpy() - expected).max() < 1e-3
    assert (arrays["sd"][:, :3].numpy() < joint.factorised_sd / 6).all()


def test_the_entropys_weight_tempers_the_posterior_as_a_whole():
    """E_q[log p(y, w)] + h H[q] has its optimum at variances h / precision, whatever the prior."""
    joint = LinearGaussian()
    method = MeanField(steps=4000, learning_rate=0.03, entropy_weight=0.25)
    arrays = method.fit(joint, joint.streams()).posterior.arrays
    np.testing.assert_allclose(arrays["sd"][:, :3].numpy(), 0.5 * joint.factorised_sd, rtol=0.05)
    assert (abs(arrays["loc"][:, :3].numpy() - joint.posterior_mean) < 0.1 * joint.factorised_sd).all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_without_entropy_it_collapses_on_the_maximum_a_posteriori(estimator):
    """The same initial values, steps and minibatches as `map`, hyperpriors included: the same optimum."""
    models = [ALL_MODELS[name] for name in ("normal-1", "laplace-half_cauchy", "cauchy-1")]
    joint, streams = stack_joint(NETWORK, models, *small_data()), streams_of(len(models))
    shared = {"steps": 1000, "learning_rate": 0.03}
    arrays = MeanField(**shared, initial_sd=1e-3, warm_up=0.0, entropy_weight=0.0, estimator=estimator).fit(
        joint, streams
    ).posterior.arrays  # fmt: skip
    point = Map(**shared).fit(joint, streams).posterior.arrays["loc"]
    assert arrays["sd"][joint.prior.active].max() < 0.005
    assert (joint.log_density(arrays["loc"]) - joint.log_density(point)).abs().max() < 0.05


def test_learned_scales_start_where_they_are_told_and_weights_with_the_same_spread():
    joint, streams = stack_joint(NETWORK, MODELS, *small_data()), streams_of(len(MODELS))
    method = MeanField(steps=1, learning_rate=1e-30, initial_scale=0.5, initial_sd=0.02)
    prior, arrays = joint.prior, method.fit(joint, streams).posterior.arrays
    weights, spread = prior.weights(arrays["loc"]), arrays["sd"][:, : prior.n_weights]
    torch.testing.assert_close(weights[0], weights[1])
    torch.testing.assert_close(spread[0], torch.full_like(spread[0], 0.02))
    torch.testing.assert_close(spread[1] * 0.5, spread[0])
    torch.testing.assert_close(prior.scales(arrays["loc"])[1], torch.full((6,), 0.5, dtype=torch.float64))


def test_negative_kl_is_zero_for_the_prior_itself():
    prior = stack_joint(NETWORK, MODELS[:1], *small_data()).prior
    zero = torch.zeros(1, prior.n_latents, dtype=torch.float64)
    assert abs(negative_kl(prior, zero, torch.ones_like(zero), zero).item()) < 1e-12


@pytest.mark.parametrize("change", [{"estimator": "flip"}, {"schedule": "linear"}, {"initial": "zeros"}])
def test_mistakes_are_named(change):
    ((setting, value),) = change.items()
    with pytest.raises(ValueError, match=f"{setting} is '{value}': it must be one of"):
        MeanField(steps=1, **change)


@pytest.mark.slow
@pytest.mark.skipif(not resolve_compile("auto"), reason="no C++ compiler")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_compiled_equals_plain(estimator):
    method = MeanField(steps=100, learning_rate=0.02, estimator=estimator)
    x, y = small_data()
    arrays = [
        method.fit(
            stack_joint(NETWORK, MODELS, x, y, torch.float32, compiled=compiled, block=len(MODELS)),
            streams_of(len(MODELS), torch.float32),
        ).posterior.arrays
        for compiled in (False, True)
    ]
    for name in ("loc", "sd"):
        torch.testing.assert_close(arrays[0][name], arrays[1][name], atol=1e-3, rtol=1e-3)
