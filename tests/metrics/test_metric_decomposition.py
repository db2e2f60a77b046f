"""Metrics of the two uncertainties beside each other and beside what they stand for."""

import numpy as np
import pytest

from bnnbench import metrics
from bnnbench.metrics import Mixture, Predictions


def mixture(epistemic, aleatoric, centre=0.0):
    """Two draws about a centre, with these sds at each point."""
    epistemic, aleatoric = np.asarray(epistemic, float), np.asarray(aleatoric, float)
    return Mixture(centre + epistemic[:, None] * [-1.0, 1.0], aleatoric[:, None] * [1.0, 1.0])


def found(predictions, y, ideal):
    return metrics.evaluate(predictions, y, ideal)


def test_parts_of_a_variance_that_rank_points_alike_opposite_or_not_at_all():
    sd = np.array([1.0, 2.0, 3.0, 4.0])
    ideal = Mixture.of_one(np.zeros(4), sd)
    for epistemic, wanted in ((sd, 1.0), (sd[::-1], -1.0), ([2.0, 4.0, 1.0, 3.0], 0.0)):
        values = found(mixture(epistemic, sd), np.zeros(4), ideal)
        assert values["uncertainties_rank_correlation"] == pytest.approx(wanted)
    assert np.isnan(found(mixture(sd, np.ones(4)), np.zeros(4), ideal)["uncertainties_rank_correlation"])


def test_epistemic_sd_over_the_error_of_the_mean():
    ideal = Mixture.of_one(np.full(3, 2.0), 1.0)
    off = mixture([0.5, 0.5, 0.5], [1, 1, 1], centre=3.0)
    assert found(off, np.zeros(3), ideal)["epistemic_error_ratio"] == pytest.approx(0.5)
    exact = mixture([0.5, 0.5, 0.5], [1, 1, 1], centre=2.0)
    assert np.isnan(found(exact, np.zeros(3), ideal)["epistemic_error_ratio"])


def test_draws_of_a_posterior_are_as_far_apart_as_from_a_truth_that_is_one_of_them():
    """The identity behind the ratios: 1 on average where truth and predictions are drawn from the same."""
    rng = np.random.default_rng(0)
    n = 4000
    draws, truth = rng.normal(size=(n, 40)), rng.normal(size=n)
    values = found(Mixture(draws, np.ones((1, 1))), truth, Mixture.of_one(truth, 1.0))
    assert values["epistemic_error_ratio"] == pytest.approx(1, abs=0.05)
    p = rng.beta(2, 3, size=(41, n))
    proba = np.stack([1 - p, p], -1)
    values = found(Predictions.from_draws(proba[:40]), rng.integers(0, 2, n), proba[40])
    assert values["information_excess_ratio"] == pytest.approx(1, abs=0.1)


def test_entropies_are_held_against_the_true_ones():
    p = np.array([0.5, 0.3, 0.1])
    truth = np.stack([1 - p, p], -1)
    values = found(Predictions.from_draws(np.stack([truth, truth])), np.array([0, 1, 0]), truth)
    assert values["aleatoric_entropy_ratio"] == pytest.approx(1)
    assert values["aleatoric_entropy_rank_correlation"] == pytest.approx(1)
    assert np.isnan(values["uncertainties_rank_correlation"])  # the draws agree
    certain = np.tile([0.0, 1.0], (3, 1))
    assert np.isnan(found(Predictions.from_draws(truth[None]), np.ones(3, int), certain)["aleatoric_entropy_ratio"])


def test_mutual_information_that_is_high_where_entropy_is_low():
    middle = np.array([0.5, 0.4, 0.3, 0.2])
    spread = np.array([0.0, 0.02, 0.06, 0.15])
    p = np.stack([middle - spread, middle + spread])
    draws = np.stack([1 - p, p], -1)
    values = found(Predictions.from_draws(draws), np.zeros(4, int), draws.mean(0))
    assert values["uncertainties_rank_correlation"] == pytest.approx(-1)
