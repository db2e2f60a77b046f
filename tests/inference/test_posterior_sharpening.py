"""Posterior sharpening: its bound term by term, and against the evidence of a linear model with two levels."""

import numpy as np
import pytest
import torch
from scenarios import LinearGaussian, quick_method
from scipy import stats
from torch.distributions import Normal, kl_divergence

from bnnbench.inference.mean_field import _elbo
from bnnbench.inference.posterior_sharpening import batch_log_likelihood, sharpened_bound

SPREAD = 0.3


class Setting:
    """A linear model's cells, somewhere: loc and rho, noise of both levels, the data and the batch's gradient."""

    def __init__(self, n_batches: int = 1, noise: float = LinearGaussian.noise):
        self.joint = type("Noisier", (LinearGaussian,), {"noise": noise})()
        torch.manual_seed(0)
        cells, latents, n = self.joint.n_cells, self.joint.prior.n_latents, self.joint.prior.n_weights
        self.loc, self.rho = (torch.randn(cells, latents, dtype=torch.float64) for _ in range(2))
        self.noise = torch.randn(cells, latents, dtype=torch.float64)
        self.around = torch.zeros(cells, n, dtype=torch.float64)
        index = torch.arange(self.joint.n_points // n_batches).expand(cells, -1)
        self.batch, self.one = self.joint.batch(index), torch.ones((), dtype=torch.float64)
        self.phi = self.loc + torch.nn.functional.softplus(self.rho) * self.noise
        score = self.joint.objective(batch_log_likelihood)
        self.log_likelihood, (gradient,) = score.with_gradient([self.phi], self.batch)
        self.gradient = gradient[:, :n]

    def bound(self, rate: float) -> torch.Tensor:
        objective = self.joint.objective(sharpened_bound, spread=SPREAD)
        constants = [self.one, self.gradient, *self.batch, self.noise, self.around]
        return objective([self.loc, self.rho, torch.full_like(self.gradient, rate)], constants)


@pytest.mark.parametrize("n_batches", [1, 4])
def test_without_a_rate_and_a_second_level_it_is_mean_field(n_batches):
    at = Setting(n_batches)
    elbo = at.joint.objective(_elbo, estimator="draw", entropy_weight=1.0, sd_floor=0.0)
    expected = elbo([at.loc, at.rho], [at.one, *at.batch, at.noise])
    torch.testing.assert_close(at.bound(0.0), expected)


@pytest.mark.parametrize("n_batches", [1, 4])
def test_the_second_level_costs_its_divergence_in_every_batch(n_batches):
    at, rate = Setting(n_batches), 0.7
    moved = at.phi.clone()
    moved[:, : at.gradient.shape[1]] += SPREAD**2 * rate * at.gradient
    gain = n_batches * (at.joint.objective(batch_log_likelihood)([moved], at.batch) - at.log_likelihood)
    cost = n_batches * kl_divergence(Normal(moved, SPREAD), Normal(at.phi, SPREAD)).sum(1)
    torch.testing.assert_close(at.bound(rate) - at.bound(0.0), gain - cost)


def test_a_rate_of_one_is_best_where_the_likelihood_is_linear():
    at = Setting(noise=300.0)  # which makes its curvature small beside the prior's of the second level
    rates = np.linspace(0, 2, 21)
    gains = torch.stack([at.bound(rate) - at.bound(0.0) for rate in rates])
    np.testing.assert_allclose(rates[gains.argmax(0)], 1.0)
    torch.testing.assert_close(gains.max(0).values, 0.5 * SPREAD**2 * at.gradient.square().sum(1), rtol=1e-3, atol=0)


def test_the_bound_stays_below_the_evidence_of_both_levels_and_comes_near_it():
    joint = LinearGaussian()
    spread = 0.1  # whose own noise costs some nats, half its square times the likelihood's curvature
    method = quick_method("posterior_sharpening", steps=3000, learning_rate=0.03, spread=spread, initial_sd=0.3)
    found = method.fit(joint, joint.streams()).trace[:, -5:].mean(1)
    x, y = (a[0].numpy() for a in (joint.x, joint.y))
    design = np.column_stack([x, np.ones(len(x))])
    for bound, scale in zip(found, joint.scales, strict=True):
        covariance = (scale**2 + spread**2) * design @ design.T + joint.noise**2 * np.eye(len(y))
        evidence = stats.multivariate_normal(np.zeros(len(y)), covariance).logpdf(y)
        assert evidence - 5 < bound < evidence
