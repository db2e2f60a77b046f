"""Values of the regression metrics: closed forms, an independent implementation, and simulations."""

from itertools import pairwise

import numpy as np
import pytest
import scoringrules
from regression_cases import random_mixture, targets_of
from scipy import integrate, stats

from bnnbench import metrics
from bnnbench.metrics import Mixture
from bnnbench.metrics.regression import fidelity, scores, truth

LEVELS = np.array([1e-6, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999])


def values_of(mixture, y, ideal=None):
    return metrics.evaluate(mixture, y, ideal)


@pytest.fixture(scope="module")
def gaussian():
    mixture = random_mixture(3, n=150, draws=20)
    return mixture, targets_of(random_mixture(4, n=150, draws=20))


def test_mixtures_score_as_in_an_independent_implementation(gaussian):
    mixture, y = gaussian
    components = (mixture.location, mixture.scale)
    np.testing.assert_allclose(mixture.crps(y), scoringrules.crps_mixnorm(y, *components, backend="numpy"), rtol=1e-10)
    log_score = scoringrules.logs_mixnorm(y, *components, backend="numpy")
    np.testing.assert_allclose(-mixture.log_density(y), log_score, rtol=1e-10, atol=1e-12)
    for level in (0.5, 0.9):
        ends = mixture.quantile([(1 - level) / 2, (1 + level) / 2]).T
        expected = scoringrules.interval_score(y, *ends, 1 - level, backend="numpy").mean()
        assert metrics.interval_score(mixture, y, level) == pytest.approx(expected, rel=1e-9)
        assert values_of(mixture, y)[f"interval_score_{level * 100:.0f}"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("df", [1.5, 4.0])
def test_one_student_t_component_scores_as_in_an_independent_implementation(df):
    mixture, y = random_mixture(0, draws=1, df=df), targets_of(random_mixture(1))
    location, scale = mixture.location[:, 0], mixture.scale[:, 0]
    expected = scoringrules.crps_t(y, df, location, scale, backend="numpy")
    np.testing.assert_allclose(mixture.crps(y), expected, rtol=1e-5)
    np.testing.assert_allclose(mixture.log_density(y), stats.t.logpdf(y, df, location, scale), rtol=1e-10)


def crps_by_quadrature(mixture: Mixture, y: float) -> float:
    """The CRPS of a mixture at one point, the integral of (F(x) - 1[x >= y])^2."""
    edges = np.unique(np.r_[-np.inf, mixture.location[0], y, np.inf])

    def integrand(x: float, is_below: bool) -> float:
        return float((mixture.cdf([x])[0] - (not is_below)) ** 2)

    pieces = pairwise(edges)
    return sum(integrate.quad(integrand, a, b, args=(b <= y,), epsrel=1e-8)[0] for a, b in pieces)


@pytest.mark.parametrize("df", [1.5, 3.0, 30.0])
@pytest.mark.parametrize("spread", [0.05, 1.0, 20.0])
def test_crps_of_student_t_mixtures_against_quadrature(df, spread):
    rng = np.random.default_rng(1)
    mixture = Mixture(spread * rng.normal(size=(3, 4)), np.exp(rng.normal(size=(3, 4))), df)
    y = rng.normal(size=3)
    expected = [crps_by_quadrature(mixture.at(slice(i, i + 1)), y[i]) for i in range(3)]
    np.testing.assert_allclose(mixture.crps(y), expected, rtol=1e-4)


def test_student_t_tends_to_the_normal():
    normal, y = random_mixture(0), targets_of(random_mixture(0))
    near = Mixture(normal.location, normal.scale, df=1e5)
    np.testing.assert_allclose(near.crps(y), normal.crps(y), rtol=1e-3)
    np.testing.assert_allclose(near.quantile(LEVELS[1:-1]), normal.quantile(LEVELS[1:-1]), rtol=1e-3, atol=1e-3)


def test_one_normal_component_has_the_closed_forms():
    rng = np.random.default_rng(0)
    mean, sd, y = rng.normal(size=50), np.exp(rng.normal(size=50)), rng.normal(size=50)
    found = values_of(Mixture.of_one(mean, sd), y)
    z = (y - mean) / sd
    nll = -stats.norm.logpdf(y, mean, sd).mean()
    half_50, half_90 = stats.norm.ppf(0.75), stats.norm.ppf(0.95)
    expected = {
        "rmse": np.mean((y - mean) ** 2) ** 0.5,
        "mae": np.abs(y - mean).mean(),
        "nll": nll,
        "nll_moment_matched": nll,
        "crps": (sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - np.pi**-0.5)).mean(),
        "coverage_50": (np.abs(z) <= half_50).mean(),
        "coverage_90": (np.abs(z) <= half_90).mean(),
        "width_50": 2 * half_50 * sd.mean(),
        "width_90": 2 * half_90 * sd.mean(),
        "interval_score_90": (2 * half_90 * sd + 20 * sd * np.maximum(np.abs(z) - half_90, 0)).mean(),
        "aleatoric_sd": np.mean(sd**2) ** 0.5,
        "epistemic_sd": 0.0,
        "total_sd": np.mean(sd**2) ** 0.5,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_moments_are_those_of_a_sample_and_add_up():
    for df, factor in ((None, 1), (5.0, 5 / 3)):
        mixture = random_mixture(0, df=df)
        np.testing.assert_allclose(mixture.aleatoric_variance, factor * (mixture.scale**2).mean(1), rtol=1e-12)
        np.testing.assert_allclose(mixture.epistemic_variance, mixture.location.var(1), rtol=1e-12)
        parts = metrics.variance_decomposition(mixture)
        np.testing.assert_allclose(parts["total"], parts["aleatoric"] + parts["epistemic"], atol=1e-6)
        found = values_of(mixture, mixture.mean)
        squares = found["aleatoric_sd"] ** 2 + found["epistemic_sd"] ** 2
        assert found["total_sd"] ** 2 == pytest.approx(squares, abs=1e-6)
    one = random_mixture(0, n=1)
    sample = targets_of(Mixture(one.location.repeat(200_000, 0), one.scale.repeat(200_000, 0)))
    assert sample.var() == pytest.approx(one.total_variance[0], rel=0.02)
    assert sample.mean() == pytest.approx(one.mean[0], abs=0.02)


def test_moment_matched_density_is_that_of_the_normal_with_the_same_moments(gaussian):
    mixture, y = gaussian
    expected = stats.norm.logpdf(y, mixture.mean, mixture.total_variance**0.5)
    np.testing.assert_allclose(mixture.moment_matched_log_density(y), expected, rtol=1e-10)


@pytest.mark.parametrize("df", [None, 1.2, 3.0])
@pytest.mark.parametrize(("scale", "spread"), [(1, 1), (1e-3, 1), (1, 1e-9), (1, 1e3)])
def test_quantiles_invert_the_distribution_function(df, scale, spread):
    rng = np.random.default_rng(0)
    mixture = Mixture(spread * rng.normal(size=(20, 15)), scale * np.exp(rng.normal(size=(20, 15))), df)
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(LEVELS)), np.tile(LEVELS, (20, 1)), atol=1e-9)


def test_a_scale_broadcasts_and_chunks_do_not_show(monkeypatch, gaussian):
    mixture, y = gaussian
    n, s = mixture.location.shape
    for scale in (2.0, np.full(s, 2.0), np.full((n, 1), 2.0)):
        same = Mixture(mixture.location, scale)
        full = Mixture(mixture.location, np.full((n, s), 2.0))
        assert values_of(same, y) == pytest.approx(values_of(full, y), rel=1e-12, nan_ok=True)
    before = [mixture.crps(y), mixture.quantile(LEVELS), mixture.log_density(y), mixture.cdf(np.stack([y, y], 1))]
    monkeypatch.setattr("bnnbench.metrics.regression._mixture.CHUNK", 1000)
    after = [mixture.crps(y), mixture.quantile(LEVELS), mixture.log_density(y), mixture.cdf(np.stack([y, y], 1))]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_a_calibrated_predictor_covers_what_it_says_and_its_pit_is_uniform():
    mixture = random_mixture(6, n=4000, draws=5)
    y = targets_of(mixture, seed=1)
    found = values_of(mixture, y)
    for level in (0.5, 0.9):
        noise = (level * (1 - level) / len(y)) ** 0.5
        assert found[f"coverage_{level * 100:.0f}"] == pytest.approx(level, abs=4 * noise)
    assert stats.kstest(metrics.pit(mixture, y), "uniform").pvalue > 0.01
    histogram = metrics.pit_histogram(mixture, y, bins=8)
    np.testing.assert_allclose(histogram, 1 / 8, atol=0.03)
    assert histogram.sum() == pytest.approx(1)
    floor = found["quantile_calibration_error_floor"]
    assert found["quantile_calibration_error"] < 3 * floor
    narrow = values_of(Mixture(mixture.location, mixture.scale / 3), y)
    assert narrow["quantile_calibration_error"] > 5 * floor and narrow["coverage_90"] < 0.85


def test_quantile_calibration_error_by_hand():
    mixture = Mixture.of_one(np.zeros(2), 1.0)
    y = stats.norm.ppf([0.22, 0.61])  # below no quantile up to .20, one up to .60, both from .65 on
    levels = np.arange(1, 20) / 20
    share = np.where(levels < 0.22, 0, np.where(levels < 0.61, 0.5, 1))
    assert metrics.quantile_calibration_error(mixture, y) == pytest.approx(np.abs(share - levels).mean())
    assert metrics.quantile_calibration_error(mixture, [-50.0, -50.0]) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [1, 7, 20, 300])
def test_the_floor_is_what_calibrated_predictors_get(n):
    rng = np.random.default_rng(0)
    mixture = Mixture.of_one(np.zeros(n), 1.0)
    errors = [metrics.quantile_calibration_error(mixture, rng.normal(size=n)) for _ in range(3000)]
    noise = np.std(errors) / len(errors) ** 0.5
    assert metrics.quantile_calibration_error_floor(np.zeros(n)) == pytest.approx(np.mean(errors), abs=4 * noise)


def test_large_errors_are_the_largest_fifth_and_found_by_the_part_that_knows_them():
    rng = np.random.default_rng(0)
    error = np.arange(1.0, 101)
    location = np.array([-1.0, 1.0]) * error[:, None]
    mixture = Mixture(location, np.exp(rng.normal(size=(100, 1))) + 1000 / error[:, None])
    large = metrics.large_errors(mixture, error)
    assert large.sum() == 20 and large[80:].all()
    assert metrics.auroc_large_errors(mixture, error, "epistemic") == 1
    assert metrics.auroc_large_errors(mixture, error, "aleatoric") < 0.5
    assert values_of(mixture, error)["auroc_large_errors_total"] == metrics.auroc_large_errors(mixture, error)
    assert np.isnan(metrics.auroc_large_errors(mixture, np.ones(100)))  # all errors are equal
    with pytest.raises(ValueError, match="part is 'sum'; choose one of aleatoric, epistemic, total"):
        metrics.auroc_large_errors(mixture, error, "sum")


def test_against_the_truth():
    rng = np.random.default_rng(0)
    ideal = Mixture.of_one(rng.normal(size=80), np.exp(rng.normal(size=80)))
    y = targets_of(ideal)
    error = np.linspace(0.1, 2, 80)
    mixture = Mixture(ideal.location + error[:, None] * np.array([0.5, 1.5]), 2 * ideal.scale)
    found = values_of(mixture, y, ideal)
    nll = scores.negative_log_likelihood
    expected = {
        "excess_nll": nll(mixture, y) - nll(ideal, y),
        "rmse_to_truth": np.mean(error**2) ** 0.5,
        "aleatoric_sd_ratio": 2,
        "aleatoric_rank_correlation": 1,
        "epistemic_error_rank_correlation": 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert truth.excess_nll(ideal, y, ideal) == 0 and not expected.keys() & values_of(mixture, y).keys()
    constant = Mixture.of_one(ideal.mean, 1.0)
    assert np.isnan(metrics.aleatoric_rank_correlation(constant, ideal))
    assert np.isnan(metrics.epistemic_error_rank_correlation(constant, ideal))


@pytest.mark.parametrize("gap", [0.0, 0.1, 1.0, 3.0, 6.0, 30.0])
@pytest.mark.parametrize("draws", [1, 2, 100])
def test_total_variation_of_two_normals_is_the_closed_form(gap, draws):
    p = Mixture(np.zeros((3, 1)), np.ones((1, 1)))
    q = Mixture(np.full((3, draws), gap), np.ones((1, 1)))
    assert fidelity.total_variation(p, q) == pytest.approx(2 * stats.norm.cdf(gap / 2) - 1, abs=1e-3)


@pytest.mark.parametrize("df", [None, 3.0])
@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_total_variation_of_mixtures_against_a_fine_grid(scale, df):
    rng = np.random.default_rng(0)
    p, q = (Mixture(rng.normal(size=(2, 20)), scale * np.exp(0.3 * rng.normal(size=(2, 20))), df) for _ in range(2))
    grid = np.tile(np.linspace(-40, 40, 200_001), (2, 1))
    gap = np.diff(p.cdf(grid) - q.cdf(grid), axis=1, prepend=0, append=0)
    expected = np.abs(gap).sum(1).mean() / 2
    assert fidelity.total_variation(p, q) == pytest.approx(expected, abs=1e-3)
    assert fidelity.total_variation(q, p) == pytest.approx(fidelity.total_variation(p, q))
    assert metrics.compare(p, q, "regression") == {"total_variation": fidelity.total_variation(p, q)}
    assert "total_variation_floor" in metrics.declared()


def test_halves_are_the_first_and_the_last_draws():
    mixture = random_mixture(0, draws=6)
    first, second = mixture.halves()
    np.testing.assert_array_equal(np.hstack([first.location, second.location]), mixture.location)
    np.testing.assert_array_equal(np.hstack([first.scale, second.scale]), mixture.scale)
    shared = Mixture(mixture.location, np.ones((mixture.n_points, 1)), df=4)
    assert shared.halves()[1].scale.shape == (mixture.n_points, 1) and shared.halves()[1].df == 4
    assert random_mixture(0, draws=5).halves() is None and random_mixture(0, draws=1).halves() is None


def test_a_point_estimate_knows_nothing_by_what_its_draws_disagree_on():
    location = np.random.default_rng(0).normal(size=(60, 1)).repeat(30, 1)
    assert (Mixture(location, 1.0).epistemic_variance == 0).all()


def test_heavy_tails_have_no_variance_and_say_so():
    mixture = random_mixture(0, df=2.0)
    found = values_of(mixture, mixture.mean, random_mixture(1))
    assert np.isinf(mixture.total_variance).all()
    for name in ("total_sd", "aleatoric_sd", "nll_moment_matched", "aleatoric_sd_ratio"):
        assert np.isnan(found[name])
    assert np.isnan(random_mixture(0, df=1.0).crps(mixture.mean)).all()
