"""Mean-field: its two estimators, its settings, and compiled against plain."""

import numpy as np
import pytest
import torch
from scenarios import ALL_MODELS, LinearGaussian, small_data, stack_joint

from bnnbench.inference.mean_field import MeanField, negative_kl
from bnnbench.networks._apply import noise_shapes
from bnnbench.networks.mlp import build as mlp
from bnnbench.streams import Streams
from bnnbench.train import resolve_compile

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
    layers = [streams.normals(f"local-{i}", s) for i, s in enumerate(noise_shapes(NETWORK, joint.n_points))]
    multiplier = joint.prior.multiplier(loc)
    mean, spread = loc[:, : joint.prior.n_weights] * multiplier, sd[:, : joint.prior.n_weights] * multiplier
    batch = joint.batch(None)

    def draw(step):
        if estimator == "draw":
            return joint.log_likelihood(joint.prior.weights(loc + sd * noise.step(step)), batch)
        return joint.local_log_likelihood(mean, spread, [layer.step(step) for layer in layers], batch)

    return torch.stack([draw(step) for step in range(n_draws)]).numpy()


def test_local_reparameterisation_has_the_same_expectation_and_a_lower_variance():
    """Each point has the same law of outputs under both, and the log likelihood is a sum over points."""
    draw, local = likelihood_draws("draw"), likelihood_draws("local")
    error = np.sqrt(draw.var(0) / len(draw) + local.var(0) / len(local))
    assert (abs(draw.mean(0) - local.mean(0)) < 4 * error).all()
    assert (local.var(0) < draw.var(0) / 2).all()


@pytest.mark.parametrize("estimator", ["draw", "local"])
@pytest.mark.parametrize("batch_size", [None, 10])
def test_every_estimator_reaches_the_factorised_optimum(estimator, batch_size):
    joint = LinearGaussian()
    method = MeanField(
        steps=8000, learning_rate=0.02, initial_sd=0.5, estimator=estimator, batch_size=batch_size, warm_up=0.2
    )
    arrays = method.fit(joint, joint.streams()).posterior.arrays
    loc, sd = arrays["loc"][:, :3].numpy(), arrays["sd"][:, :3].numpy()
    assert (abs(loc - joint.posterior_mean) < 0.15 * joint.factorised_sd).all()
    np.testing.assert_allclose(sd, joint.factorised_sd, rtol=0.05)


def test_temperature_scales_the_posteriors_variance():
    """log p(y | w) + T log p(w) + T H[q] has its optimum at variances T / (data precision + T prior precision)."""
    joint = LinearGaussian()
    arrays = MeanField(steps=8000, learning_rate=0.02, temperature=0.25).fit(joint, joint.streams()).posterior.arrays
    prior = 1 / np.array(joint.scales)[:, None] ** 2
    data = np.stack([np.diag(p) for p in joint.precisions]) - prior
    np.testing.assert_allclose(arrays["sd"][:, :3].numpy(), np.sqrt(0.25 / (data + 0.25 * prior)), rtol=0.05)


def test_learned_scales_start_where_they_are_told_and_weights_with_the_same_spread():
    joint, streams = stack_joint(NETWORK, MODELS, *small_data()), streams_of(len(MODELS))
    method = MeanField(steps=1, learning_rate=0.0, initial_scale=0.5, initial_sd=0.02)
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
    with pytest.raises(ValueError, match=f"{setting}: unknown.*'{value}'"):
        MeanField(steps=1, **change).fit(stack_joint(NETWORK, MODELS, *small_data()), streams_of(len(MODELS)))


@pytest.mark.slow
@pytest.mark.skipif(not resolve_compile("auto"), reason="no C++ compiler")
@pytest.mark.parametrize("estimator", ["draw", "local"])
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
