"""Accuracy, NLL and Brier score, and the distances to the Bayes rule, against hand-computed values."""

import numpy as np
import pytest

from bnnbench import metrics

PROBA = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])
Y = np.array([0, 2, 2])


def test_hand_computed():
    assert metrics.accuracy(PROBA, Y) == pytest.approx(2 / 3)
    assert metrics.negative_log_likelihood(PROBA, Y) == pytest.approx(-np.log(0.7 * 0.3 * 0.5) / 3)
    rows = [0.09 + 0.04 + 0.01, 0.01 + 0.36 + 0.49, 0.0625 + 0.0625 + 0.25]
    assert metrics.brier_score(PROBA, Y) == pytest.approx(sum(rows) / 3)


def test_ties_go_to_the_lowest_class():
    assert metrics.accuracy([[0.5, 0.5]], [0]) == 1
    assert metrics.accuracy([[0.5, 0.5]], [1]) == 0


def test_impossible_label_costs_the_floor_in_any_precision():
    for dtype in (np.float64, np.float32, np.float16):
        nll = metrics.negative_log_likelihood(np.array([[1, 0], [0, 1]], dtype), [1, 1])
        assert nll == pytest.approx(24 * np.log(2) / 2)


def test_nll_of_extreme_probabilities_does_not_depend_on_class_numbering():
    p = np.array([1e-12, 1e-9, 1e-3], np.float32)
    stored_small = np.stack([1 - p, p], 1)
    stored_large = np.stack([1 - (1 - p), 1 - p], 1)[:, ::-1]
    first, second = (metrics.negative_log_likelihood(q, [1, 1, 1]) for q in (stored_small, stored_large))
    assert first == pytest.approx(second, abs=1e-4)


def test_toy_metrics_by_hand():
    best, p, y = np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([[0.6, 0.4], [0.7, 0.3]]), [0, 1]
    assert metrics.excess_nll(p, y, best) == pytest.approx((np.log(0.8 / 0.6) + np.log(0.6 / 0.3)) / 2)
    kl = [0.8 * np.log(0.8 / 0.6) + 0.2 * np.log(0.2 / 0.4), 0.4 * np.log(0.4 / 0.7) + 0.6 * np.log(2)]
    assert metrics.expected_excess_nll(p, best) == pytest.approx(np.mean(kl))
    assert metrics.mean_absolute_error_to_bayes(p, best) == pytest.approx((0.2 + 0.3) / 2)
    assert metrics.accuracy_gap_to_bayes(p, y, best) == pytest.approx(0.5)


def test_half_the_sum_over_more_classes():
    assert metrics.mean_absolute_error_to_bayes([[1, 0, 0]], [[0, 0.5, 0.5]]) == pytest.approx(1)


def test_the_bayes_rule_has_no_excess_and_anything_else_has():
    rng = np.random.default_rng(0)
    best = rng.dirichlet(np.ones(3), 500)
    best[0] = [1, 0, 0]
    assert metrics.expected_excess_nll(best, best) == pytest.approx(0, abs=1e-12)
    assert metrics.excess_nll(best, rng.integers(0, 3, 500), best) == 0
    assert metrics.expected_excess_nll(rng.dirichlet(np.ones(3), 500), best) > 0.1


def test_excess_nll_averages_to_the_kl():
    rng = np.random.default_rng(1)
    best, p = rng.dirichlet(np.ones(2), 200), rng.dirichlet(np.ones(2) * 3, 200)
    excess = [metrics.excess_nll(p, (rng.random(200) > best[:, 0]).astype(int), best) for _ in range(2000)]
    error = np.std(excess) / len(excess) ** 0.5
    assert abs(np.mean(excess) - metrics.expected_excess_nll(p, best)) < 4 * error
