"""Ranking metrics, against scikit-learn, brute force and hand-computed values."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from bnnbench import metrics


@pytest.fixture(params=[None, 1, 0], ids=["continuous", "one decimal", "whole numbers"])
def scored(request):
    rng = np.random.default_rng(5)
    positive = rng.random(400) < 0.2
    score = rng.normal(positive * 1.0, 1)
    return (score if request.param is None else score.round(request.param)), positive


def test_against_scikit_learn(scored):
    score, positive = scored
    assert metrics.auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))
    assert metrics.aupr(score, positive) == pytest.approx(average_precision_score(positive, score))
    fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
    assert metrics.fpr_at_95_tpr(score, positive) == pytest.approx(fpr[np.argmax(tpr >= 0.95)])


def test_aurc_is_the_mean_over_random_orders_of_ties(scored):
    score, wrong = scored
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(400):
        order = np.lexsort((rng.random(len(score)), score))
        areas.append((wrong[order].cumsum() / np.arange(1, len(score) + 1)).mean())
    noise = np.std(areas) / len(areas) ** 0.5
    assert abs(metrics.aurc(score, wrong) - np.mean(areas)) < 4 * noise + 1e-12


def test_hand_computed():
    score, wrong = [0.1, 0.2, 0.3, 0.4], [False, True, False, True]
    assert metrics.auroc(score, wrong) == 0.75
    assert metrics.aurc(score, wrong) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert metrics.aupr(score, wrong) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.fpr_at_95_tpr(score, wrong) == 0.5


def test_95_percent_of_twenty_positives_is_nineteen():
    positive = np.r_[False, np.ones(20, bool), False]
    score = np.r_[-5.0, -6.0, np.arange(19), 4.5]
    assert metrics.fpr_at_95_tpr(score, positive) == 0.5  # without the 20th positive, the lowest negative is spared


def test_constant_score():
    wrong = np.arange(10) < 3
    assert metrics.auroc(np.zeros(10), wrong) == 0.5
    assert metrics.aurc(np.zeros(10), wrong) == pytest.approx(0.3)
    assert metrics.aupr(np.zeros(10), wrong) == pytest.approx(0.3)
    assert metrics.fpr_at_95_tpr(np.zeros(10), wrong) == 1


def test_one_class_only():
    for flags in (np.zeros(5, bool), np.ones(5, bool)):
        for function in (metrics.auroc, metrics.aupr, metrics.fpr_at_95_tpr):
            assert np.isnan(function(np.arange(5), flags))
        assert metrics.aurc(np.arange(5), flags) == flags[0]
