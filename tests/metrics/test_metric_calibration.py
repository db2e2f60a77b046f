"""The calibration error and its floor."""

import numpy as np
import pytest

from bnnbench import metrics
from bnnbench.metrics.classification.calibration import _bins


def binary(confidence):
    return np.stack([1 - np.asarray(confidence), confidence], 1)


def calibrated_labels(p, rng):
    return (rng.random(len(p))[:, None] >= p.cumsum(1)[:, :-1]).sum(1)


def test_hand_computed_two_bins():
    p, y = binary([0.6, 0.7, 0.8, 0.9]), [1, 0, 1, 1]
    assert metrics.expected_calibration_error(p, y, n_bins=2) == pytest.approx((0.3 + 0.3) / 4)
    assert metrics.expected_calibration_error(p, y, n_bins=1) == pytest.approx(abs(3.0 - 3) / 4)
    assert metrics.expected_calibration_error(p, y) == pytest.approx((0.4 + 0.7 + 0.2 + 0.1) / 4)


def test_all_confidences_one():
    p = binary(np.ones(40))
    assert metrics.expected_calibration_error(p, np.ones(40, int)) == 0
    assert metrics.expected_calibration_error(p, np.r_[np.zeros(10, int), np.ones(30, int)]) == pytest.approx(0.25)
    assert metrics.calibration_floor(p) == 0


def test_all_equal_confidences_share_one_bin():
    y = np.r_[np.zeros(30, int), np.ones(70, int)]
    assert metrics.expected_calibration_error(binary(np.full(100, 0.7)), y) == pytest.approx(0, abs=1e-12)
    # so do confidences one rounding apart, such as 0.7 and 1 - 0.3 can be
    apart = np.where(np.arange(100) % 2, 0.7, np.nextafter(0.7, 1))
    assert len(set(_bins(apart, 15))) == 1


def test_bins_have_equal_mass_and_right_closed_edges():
    confidence = np.random.default_rng(0).permutation(np.arange(1, 31) / 30)
    bins = _bins(confidence, 15)
    np.testing.assert_array_equal(np.bincount(bins), [2] * 15)
    assert bins[confidence == 2 / 30] == 0 and bins[confidence == 3 / 30] == 1


def test_ties_stay_together_and_one_is_counted_once():
    confidence = np.r_[np.linspace(0.5, 0.99, 50), np.ones(500)]
    bins = _bins(confidence, 15)
    assert len(set(bins[50:])) == 1
    assert np.bincount(bins).sum() == 550


def test_floor_is_exact_for_equal_confidences():
    # |successes - 2 * .7| for binomial(2, .7), by hand
    by_hand = 0.09 * 1.4 + 0.42 * 0.4 + 0.49 * 0.6
    assert metrics.calibration_floor(binary([0.7, 0.7])) == pytest.approx(by_hand / 2)
    assert metrics.calibration_floor(binary([0.7])) == pytest.approx(2 * 0.7 * 0.3)


@pytest.mark.parametrize("n", [10, 30, 300])
@pytest.mark.parametrize("shape", ["flat", "saturated", "mixed", "ten classes"])
def test_floor_against_simulation(n, shape):
    rng = np.random.default_rng(7)
    p = {
        "flat": lambda: binary(rng.random(n)),
        "saturated": lambda: binary(1 - rng.beta(0.2, 5, n)),
        "mixed": lambda: binary(np.where(rng.random(n) < 0.8, 1 - 0.01 * rng.random(n), rng.random(n))),
        "ten classes": lambda: rng.dirichlet(np.full(10, 0.3), n),
    }[shape]()
    errors = [metrics.expected_calibration_error(p, calibrated_labels(p, rng)) for _ in range(4000)]
    noise = np.std(errors) / len(errors) ** 0.5
    floor = metrics.calibration_floor(p)
    assert abs(np.mean(errors) - floor) < 4 * noise + 0.01 * floor


def test_calibrated_predictions_hit_the_floor_and_overconfident_ones_do_not():
    rng = np.random.default_rng(3)
    logit = rng.normal(0, 1.5, 10_000)
    p = binary(1 / (1 + np.exp(-logit)))
    labels = [calibrated_labels(p, rng) for _ in range(60)]
    floor = metrics.calibration_floor(p)
    assert np.mean([metrics.expected_calibration_error(p, y) for y in labels]) == pytest.approx(floor, rel=0.1)
    sharp = binary(1 / (1 + np.exp(-2 * logit)))
    assert metrics.expected_calibration_error(sharp, labels[0]) > 10 * metrics.calibration_floor(sharp)


def test_floor_tends_to_the_folded_normal():
    p = binary(np.full(20_000, 0.8))
    expected = np.sqrt(2 / np.pi * 0.16 / 20_000)
    assert metrics.calibration_floor(p) == pytest.approx(expected, rel=1e-3)
    assert metrics.calibration_floor(p[:5000]) == pytest.approx(2 * expected, rel=1e-3)
