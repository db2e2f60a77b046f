"""Families and hyperpriors: densities integrate to one, draws follow them, expectations are what they say."""

import math

import numpy as np
import pytest
import torch
from scenarios import FAMILIES, HYPERPRIORS
from scipy import integrate, stats

from bnnbench import hyperpriors, priors
from bnnbench.hyperpriors.half_cauchy import HalfCauchy
from bnnbench.hyperpriors.half_normal import HalfNormal
from bnnbench.hyperpriors.inverse_gamma import InverseGamma
from bnnbench.priors.scale_mixture import ScaleMixture

OTHERS = (ScaleMixture(0.2, 0.01),)
OTHER_HYPERPRIORS = (HalfNormal(0.3), HalfCauchy(2.0), InverseGamma(3.0, 0.5))


def name(prior) -> str:
    return "-".join([prior.name, *map(str, vars(prior).values())])


def density(prior, x):
    return np.exp(prior.log_density(torch.as_tensor(x, dtype=torch.float64)).numpy())


def cumulative(prior, grid):
    """Function x -> P(X <= x), by the trapezoid rule on a grid."""
    values = integrate.cumulative_trapezoid(density(prior, grid), grid, initial=0)
    return values[-1], lambda x: np.interp(x, grid, values)


def family_grid():
    """Dense near the origin and far into the tails of a Cauchy."""
    return np.tan(np.pi * (np.linspace(0, 1, 400_001)[1:-1] - 0.5))


@pytest.mark.parametrize("prior", [*FAMILIES, *OTHERS], ids=name)
def test_family_integrates_to_one_and_draws_follow_it(prior):
    total, probability = cumulative(prior, family_grid())
    assert total == pytest.approx(1, abs=1e-5)
    draws = prior.draw(np.random.default_rng(1), 20_000)
    assert stats.kstest(draws, probability).pvalue > 0.001


@pytest.mark.parametrize("hyperprior", [*HYPERPRIORS, *OTHER_HYPERPRIORS], ids=name)
def test_hyperprior_integrates_to_one_on_the_log_scale_and_draws_follow_it(hyperprior):
    total, probability = cumulative(hyperprior, np.linspace(-40, 40, 400_001))
    assert total == pytest.approx(1, abs=1e-6)
    draws = hyperprior.draw(np.random.default_rng(1), 20_000)
    assert (draws > 0).all()
    assert stats.kstest(np.log(draws), probability).pvalue > 0.001


@pytest.mark.parametrize("hyperprior", [*HYPERPRIORS, *OTHER_HYPERPRIORS], ids=name)
def test_hyperprior_is_finite_with_a_finite_gradient_far_out(hyperprior):
    log_s = torch.tensor([-30.0, 30.0], requires_grad=True)
    value = hyperprior.log_density(log_s)
    (gradient,) = torch.autograd.grad(value.sum(), log_s)
    assert torch.isfinite(value).all()
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("prior", [*FAMILIES, *OTHERS], ids=name)
def test_expected_log_density_equals_quadrature(prior):
    mean = torch.tensor([-3.0, -0.2, 0.0, 0.5, 2.0, 40.0], dtype=torch.float64)
    sd = torch.tensor([0.5, 1.0, 2.0, 0.01, 7.0, 0.3], dtype=torch.float64)
    exact = prior.expected_log_density(mean, sd)
    if exact is None:
        return
    for m, s, value in zip(mean.tolist(), sd.tolist(), exact.tolist(), strict=True):

        def weighted(z, m=m, s=s):
            return stats.norm.pdf(z, m, s) * prior.log_density(torch.tensor(z, dtype=torch.float64)).item()

        low, high = m - 12 * s, m + 12 * s
        kink = [min(max(0.0, low), high)]  # of the Laplace density
        assert value == pytest.approx(integrate.quad(weighted, low, high, points=[*kink, m], limit=200)[0], rel=1e-7)


def test_kl_to_laplace_is_the_published_form():
    """KL(N(m, v²) || Laplace(b)) = log 2b - log(2 pi e v²) / 2 + E|z| / b, here against Monte Carlo at b = 1."""
    m, v = 0.7, 0.4
    expected = priors.make("laplace").expected_log_density(torch.tensor(m), torch.tensor(v)).item()
    kl = -0.5 * math.log(2 * math.pi * math.e * v**2) - expected
    z = m + v * np.random.default_rng(0).standard_normal(400_000)
    sampled = stats.norm.logpdf(z, m, v) - stats.laplace.logpdf(z)
    assert kl == pytest.approx(sampled.mean(), abs=5 * sampled.std() / np.sqrt(len(z)))


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="unknown prior 'lapalce': known are cauchy, flat, laplace, normal"):
        priors.make("lapalce")
    with pytest.raises(ValueError, match="unknown hyperprior 'gamma'"):
        hyperpriors.make("gamma")
    with pytest.raises(ValueError, match="weight"):
        priors.make("scale_mixture", {"weight": 1.5})
    with pytest.raises(ValueError, match="prior 'normal'"):
        priors.make("normal", {"wieght": 1.5})
