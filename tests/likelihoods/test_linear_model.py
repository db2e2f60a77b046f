"""Every method under Gaussian noise of unknown sd, on a linear model whose posterior is known to 1e-8."""

from functools import cache

import arviz as az
import numpy as np
import pytest
import torch
from linear_model import LATENTS, Exact, LinearNoise, linear_data, with_bias
from scenarios import METHODS, OWN_MODEL, by_chain, quick_method
from scipy import special, stats

from bnnbench.inference import find
from bnnbench.likelihoods.gaussian import Gaussian
from bnnbench.metrics import Mixture
from bnnbench.prediction.predict import predict
from bnnbench.tasks import find as find_task

NEW = np.array([[0.0, 0.0], [1.5, -0.5], [-3.0, 2.0], [6.0, 6.0]])
LEVELS = np.array([0.01, 0.1, 0.5, 0.9, 0.99])

# Exact answers


class ConjugateNoise(Gaussian):
    """The same with an inverse-gamma prior on the noise's variance, of this shape and scale."""

    shape, rate = 3.0, 0.5

    def log_prior(self, own):
        constant = self.shape * np.log(self.rate) - special.gammaln(self.shape) + np.log(2)
        return (constant - 2 * self.shape * own - self.rate * (-2 * own).exp()).sum(1)


def test_the_quadrature_has_converged():
    rules = {"nodes": 401, "half_width": 1.5}, {"nodes": 4001, "half_width": 2.5}
    coarse, fine = (Exact(*linear_data(), 0.3, Gaussian(), **rule) for rule in rules)
    np.testing.assert_allclose(coarse.mean, fine.mean, atol=1e-10)
    np.testing.assert_allclose(coarse.covariance, fine.covariance, atol=1e-10)
    quantiles = fine.predictive(NEW).quantile(LEVELS)
    np.testing.assert_allclose(coarse.predictive(NEW).cdf(quantiles), np.tile(LEVELS, (4, 1)), atol=1e-10)
    gap = 1e-4
    slope = (fine.predictive(NEW).cdf(quantiles + gap) - fine.predictive(NEW).cdf(quantiles - gap)) / (2 * gap)
    np.testing.assert_allclose(slope, fine.predictive(NEW).density(quantiles), atol=1e-6)


def test_the_quadrature_integrates_the_log_joint():
    """The log joint less the log density of the weights given s is the logarithm of what is integrated over log s."""
    joint, rng = LinearNoise(), np.random.default_rng(0)
    latents = np.zeros((joint.n_cells, joint.prior.n_latents))
    latents[:, LATENTS] = rng.normal(size=(joint.n_cells, 4))
    values = joint.log_density(torch.from_numpy(latents)).numpy()
    for value, own, exact in zip(values, latents[:, LATENTS], joint.exact, strict=True):
        log_joint, mean, covariance = (a[0] for a in exact.given(own[3:]))
        of_weights = stats.multivariate_normal(mean, covariance).logpdf(own[:3])
        assert value - of_weights == pytest.approx(log_joint, rel=1e-10)


def normal_inverse_gamma(x, y, likelihood):
    """Least squares, (XᵀX)⁻¹, and shape and scale of the noise's variance, under flat weights."""
    design = with_bias(x)
    w, inverse = np.linalg.lstsq(design, y, rcond=None)[0], np.linalg.inv(design.T @ design)
    residuals = y - design @ w
    return w, inverse, likelihood.shape + (len(y) - 3) / 2, likelihood.rate + residuals @ residuals / 2


def test_the_quadrature_is_the_closed_form_where_there_is_one():
    (x, y), likelihood = linear_data(), ConjugateNoise()
    exact = Exact(x, y, 1e6, likelihood)
    w, inverse, shape, rate = normal_inverse_gamma(x, y, likelihood)
    log_s = 0.5 * (np.log(rate) - special.digamma(shape))
    np.testing.assert_allclose(exact.mean, np.append(w, log_s), atol=1e-8)
    covariance = np.zeros((4, 4))
    covariance[:3, :3], covariance[3, 3] = rate / (shape - 1) * inverse, special.polygamma(1, shape) / 4
    np.testing.assert_allclose(exact.covariance, covariance, atol=1e-8)
    predictive, design = exact.predictive(NEW), with_bias(NEW)
    scale = np.sqrt(rate / shape * (1 + np.einsum("mi,ij,mj->m", design, inverse, design)))
    student = stats.t(2 * shape, (design @ w)[:, None], scale[:, None])
    np.testing.assert_allclose(predictive.quantile(LEVELS), student.ppf(LEVELS), atol=1e-8)
    np.testing.assert_allclose(predictive.density(student.ppf(LEVELS)), student.pdf(student.ppf(LEVELS)), atol=1e-8)
    np.testing.assert_allclose(predictive.cdf(student.ppf(LEVELS)), np.tile(LEVELS, (4, 1)), atol=1e-8)


def test_exact_intervals_cover_what_the_model_itself_generates():
    """Over draws of weights, noise and targets from the prior, of 12 points each."""
    rng, likelihood, inside, n = np.random.default_rng(0), Gaussian(), [], 400
    for _ in range(n):
        x, x_new = rng.standard_normal((12, 2)), rng.standard_normal((1, 2))
        w, s = rng.standard_normal(3), np.exp(likelihood.draw(rng)[0])
        y, y_new = (with_bias(a) @ w + s * rng.standard_normal(len(a)) for a in (x, x_new))
        exact = Exact(x, y, 1.0, likelihood, nodes=301, half_width=3.0)
        inside.append(exact.predictive(x_new).cdf(y_new[:, None])[0, 0])
    assert stats.kstest(inside, "uniform").pvalue > 0.001
    assert np.mean(abs(np.array(inside) - 0.5) < 0.45) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / n))


# Methods

LANGEVIN = {"chains": 32, "cycles": 2, "burn_in": 1, "sampling": 1.0, "keep": 32_000}
"""The first cycle is left out: it comes from the initial values."""
SAMPLERS = {
    "hmc": {"leapfrogs": 8, "samples": 1000, "keep": 8000, "rounds": 1},
    "smc": {"populations": 8, "particles": 256, "moves": 3, "leapfrogs": 8, "keep": 2048},
    "pymc_nuts": {"chains": 2, "tune": 500, "samples": 1500, "stored": 3000},
    "sgld": LANGEVIN | {"steps": 6000, "learning_rate": 0.02, "warm_up": 0.5},
    "sghmc": LANGEVIN | {"steps": 4000, "learning_rate": 0.01, "warm_up": 0.5},
}
EXACT = ["hmc", "smc", "pymc_nuts"]
"""Samplers without a bias."""
OPTIMISERS = {"steps": 3000, "learning_rate": 0.1}
"""A high rate: Adam's second moments remember the steep first steps, where the noise is taken for far too small."""
VARIATIONAL = {"steps": 5000, "learning_rate": 0.1}
OWN_SETTINGS = {
    "mean_field": VARIATIONAL,
    "full_rank": VARIATIONAL,
    "pymc_advi": {"steps": 15_000, "learning_rate": 0.01},
    "pymc_fullrank": {"steps": 25_000, "learning_rate": 0.003},
}


def marked(names):
    return [pytest.param(m, marks=pytest.mark.slow) if m in OWN_MODEL else m for m in names]


@cache
def fitted(name: str, **settings):
    """The joint, the method and the posterior that it finds."""
    joint = LinearNoise()
    known = SAMPLERS.get(name) or OPTIMISERS | OWN_SETTINGS.get(name, {})
    method = quick_method(name, **known | settings)
    return joint, method, method.fit(joint, joint.streams()).posterior


def draws_of(name: str, n: int = 4000, **settings) -> np.ndarray:
    """(draws, cells, 4)"""
    joint, _, posterior = fitted(name, **settings)
    draw = posterior.draws(joint.streams(), "test")
    return torch.stack([draw(s) for s in range(n)]).numpy()[:, :, LATENTS]


def widening(name: str, method, exact: Exact) -> float:
    """How many times too large the variance of a direction is at most, at the rate that the sampler begins with.

    As the files of `sgld` and `sghmc` state it, for the steepest direction.
    """
    if name in EXACT:
        return 1.0
    steepest = np.linalg.eigvalsh(np.linalg.inv(exact.covariance))[-1]
    friction = getattr(method, "friction", 1.0)
    return 1 / (1 - method.learning_rate * steepest / len(exact.y) / (4 - 2 * friction))


@pytest.mark.parametrize("name", marked(SAMPLERS))
def test_samplers_have_the_exact_moments(name):
    joint, method, posterior = fitted(name)
    draws = posterior.arrays["draws"].numpy()[:, :, LATENTS]
    for chains, exact in zip(by_chain(draws, method.chains), joint.exact, strict=True):
        widest = widening(name, method, exact)
        assert widest < 1.1
        centred = chains - exact.mean
        for i in range(4):
            sd = np.sqrt(exact.covariance[i, i])
            error = sd / np.sqrt(az.ess(centred[:, :, i], method="mean"))
            assert error < 0.08 * sd  # enough draws to see anything
            assert abs(centred[:, :, i].mean()) < 4 * error
            for j in range(i + 1):
                product = centred[:, :, i] * centred[:, :, j]
                error = product.std() / np.sqrt(az.ess(product, method="mean"))
                bias = (widest - 1) * np.sqrt(exact.covariance[i, i] * exact.covariance[j, j])
                assert abs(product.mean() - exact.covariance[i, j]) < 4 * error + bias


@pytest.mark.parametrize("name", marked(EXACT))
def test_exact_samplers_have_the_exact_predictive(name):
    joint, method, posterior = fitted(name)
    task = find_task(joint.likelihood.task)
    which, n_draws = torch.zeros(joint.n_cells, dtype=torch.long), posterior.arrays["draws"].shape[1]
    arrays = predict(posterior, torch.from_numpy(NEW)[None], which, joint.streams(), n_draws)
    for i, exact in enumerate(joint.exact):
        mixture, predictive = task.summarise(arrays, i, n_draws), exact.predictive(NEW)
        assert isinstance(mixture, Mixture)
        quantiles = predictive.quantile(LEVELS)
        z = (quantiles[:, :, None] - mixture.location[:, None]) / mixture.scale[:, None]
        each = stats.norm.cdf(z)
        worth = [[_ess(values, method.chains) for values in rows] for rows in each]
        error = each.std(2) / np.sqrt(worth)
        assert (error < 0.015).all()
        assert (abs(mixture.cdf(quantiles) - LEVELS) < 4.5 * error).all()
        density = predictive.density(quantiles)
        assert (abs(mixture.quantile(LEVELS) - quantiles) < 5 * error / density).all()
        of_density = stats.norm.pdf(z) / mixture.scale[:, None]
        worth = [[_ess(values, method.chains) for values in rows] for rows in of_density]
        gap = abs(np.exp(mixture.log_density(quantiles)) - density)
        assert (gap < 5 * of_density.std(2) / np.sqrt(worth)).all()
        ends = predictive.cdf(np.stack(mixture.central_interval(0.8), 1))
        assert (abs(ends[:, 1] - ends[:, 0] - 0.8) < 4.5 * (error[:, 1] + error[:, 3])).all()


def _ess(values: np.ndarray, chains: int) -> float:
    """Of stored draws (draws,) of so many chains."""
    return az.ess(by_chain(values[None, :, None], chains)[0, :, :, 0], method="mean")


def target(name: str, exact: Exact) -> tuple[np.ndarray, np.ndarray]:
    """Mean (4,) and covariance (4, 4) that a method that is no sampler should reach; NaN where it says nothing."""
    unknown = np.full((4, 4), np.nan)
    reached = find(name).reaches
    if name == "laplace_approximation":
        return exact.mode, np.linalg.inv(exact.curvature)
    if reached in ("posterior", "factorised"):
        return exact.best_gaussian(factorised=reached == "factorised")
    if reached == "maximum_likelihood":
        w, sd = exact.maximum_likelihood
        return np.append(w, np.log(sd)), np.zeros((4, 4))
    if reached == "mode":
        return exact.mode, np.zeros((4, 4))
    return exact.mode, unknown


def is_sampler(name: str) -> bool:
    return name in SAMPLERS or find(name).reaches == "prior"


@pytest.mark.parametrize("name", marked([m for m in METHODS if not is_sampler(m)]))
def test_every_other_method_reaches_what_it_says(name):
    """Point estimates to 1e-3 of the posterior's sds; Gaussians, which are fitted to noisy gradients, to a tenth.

    PyMC's variational methods keep their rate to the end, and what they find moves by up to 0.4 sds. Of what a method
    says nothing, SWAG's spread, the middle is held to half a sd.
    """
    joint, _, _ = fitted(name)
    draws, n = draws_of(name), 4000
    for i, exact in enumerate(joint.exact):
        mean, covariance = target(name, exact)
        sd, own_sd = np.sqrt(np.diag(exact.covariance)), np.sqrt(np.diag(covariance))
        point = (own_sd == 0).all()
        share = 0.4 if name in OWN_MODEL else 1e-3 if point else 0.1
        slack = np.where(np.isnan(own_sd), 0.5, share) * sd
        monte_carlo = 4 * np.where(np.isnan(own_sd), draws[:, i].std(0), own_sd) / np.sqrt(n)
        assert (abs(draws[:, i].mean(0) - mean) < slack + monte_carlo).all()
        if not np.isnan(own_sd).any():
            gap = np.cov(draws[:, i].T) - covariance
            of_point = 1e-6 * np.outer(sd, sd)  # members of an ensemble end a little apart
            assert (abs(gap) < of_point + (max(share, 0.1) + 4 / np.sqrt(n)) * np.outer(own_sd, own_sd)).all()


def test_gaussians_that_are_best_in_their_family_are_told_from_each_other():
    """By more than the tolerance: independent ones have the conditional sds, and none is the posterior's own."""
    for exact in LinearNoise().exact:
        (_, full), (_, factorised) = (exact.best_gaussian(factorised=f) for f in (False, True))
        sd = np.sqrt(np.diag(exact.covariance))
        np.testing.assert_allclose(np.sqrt(np.diag(full)), sd, rtol=0.03)
        conditional = 1 / np.sqrt(np.diag(np.linalg.inv(exact.covariance)))
        np.testing.assert_allclose(np.sqrt(np.diag(factorised)), conditional, rtol=0.03)
        assert (np.sqrt(np.diag(factorised)[:2]) < 0.75 * sd[:2]).all()


@pytest.mark.parametrize("structure", ["full", "kronecker", "diagonal", "last_layer"])
def test_structures_of_the_laplace_approximation_have_their_part_of_the_curvature(structure):
    """Of one layer with one output the Kronecker product is exact; the last layer leaves log s at the mode."""
    draws, n = draws_of("laplace_approximation", structure=structure), 4000
    for i, exact in enumerate(fitted("laplace_approximation", structure=structure)[0].exact):
        covariance = np.linalg.inv(exact.curvature)
        if structure == "diagonal":
            covariance = np.diag(1 / np.diag(exact.curvature))
        if structure == "last_layer":
            covariance[3] = 0
        sd = np.sqrt(np.diag(covariance))
        assert (abs(draws[:, i].mean(0) - exact.mode) < 1e-3 + 4 * sd / np.sqrt(n)).all()
        gap = np.cov(draws[:, i].T) - covariance
        assert (abs(gap) < 1e-12 + 4.5 * np.sqrt(2 / n) * np.outer(sd, sd)).all()


def test_the_prior_is_drawn_from_with_its_noise():
    draws = draws_of("prior_only")
    for i, scale in enumerate(LinearNoise.scales):
        for k in range(3):
            assert stats.kstest(draws[:, i, k] / scale, "norm").pvalue > 1e-4
        assert stats.kstest(np.exp(draws[:, i, 3]), "halfnorm").pvalue > 1e-4


def test_hmc_has_the_closed_form_of_conjugate_noise():
    """Of the normal-inverse-gamma model, by the same likelihood under another prior of its noise."""
    joint = LinearNoise(ConjugateNoise(), scales=(1e3,))
    method = quick_method("hmc", **SAMPLERS["hmc"])
    draws = method.fit(joint, joint.streams()).posterior.arrays["draws"].numpy()[:, :, LATENTS]
    (chains,) = by_chain(draws, method.chains)
    w, inverse, shape, rate = normal_inverse_gamma(*linear_data(), joint.likelihood)
    mean = np.append(w, 0.5 * (np.log(rate) - special.digamma(shape)))
    variance = np.append(rate / (shape - 1) * np.diag(inverse), special.polygamma(1, shape) / 4)
    for i in range(4):
        centred = chains[:, :, i] - mean[i]
        assert abs(centred.mean()) < 4 * np.sqrt(variance[i] / az.ess(centred, method="mean"))
        squares = centred**2
        assert abs(squares.mean() - variance[i]) < 4 * squares.std() / np.sqrt(az.ess(squares, method="mean"))


def test_every_method_is_judged_here():
    assert {m for m in METHODS if is_sampler(m)} == {*SAMPLERS, "prior_only"}
