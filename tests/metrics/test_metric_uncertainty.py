"""Entropies, variances and votes: hand-computed cases and the identities of the definitions."""

import numpy as np
import pytest
from scipy import stats

from bnnbench import metrics


@pytest.fixture(scope="module", params=[2, 3, 10])
def draws(request):
    rng = np.random.default_rng(request.param)
    centre = rng.dirichlet(np.ones(request.param), 60)
    p = np.stack([[rng.dirichlet(row * 5 + 0.05) for row in centre] for _ in range(40)])
    p[:, 0] = p[0, 0]  # a point where the draws agree
    p[:, 1] = np.eye(request.param)[0]  # and one where they are sure
    return p


def test_hand_computed():
    p = np.array([[[1.0, 0.0]], [[0.5, 0.5]]])
    assert metrics.expected_entropy(p) == pytest.approx([np.log(2) / 2])
    entropy = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    assert metrics.predictive_entropy(p.mean(0)) == pytest.approx([entropy])
    assert metrics.mutual_information(p) == pytest.approx([entropy - np.log(2) / 2])
    np.testing.assert_allclose(metrics.class_variance(p), [[0.0625, 0.0625]])
    assert metrics.total_variance(p) == pytest.approx([0.125])
    assert metrics.aleatoric_variance(p) == pytest.approx([0.25])


def test_variance_has_divisor_s_for_a_single_draw():
    np.testing.assert_array_equal(metrics.class_variance([[[0.3, 0.7]]]), [[0, 0]])


def test_total_and_aleatoric_variance_add_up(draws):
    mean = draws.mean(0)
    total, aleatoric = metrics.total_variance(draws), metrics.aleatoric_variance(draws)
    np.testing.assert_allclose(total + aleatoric, (mean * (1 - mean)).sum(1), atol=1e-14)
    assert total[2:].min() > 1e-4
    np.testing.assert_allclose(total[:2], 0, atol=1e-15)


def test_mutual_information_is_the_difference_and_within_bounds(draws):
    information, entropy = metrics.mutual_information(draws), metrics.predictive_entropy(draws.mean(0))
    np.testing.assert_allclose(information, entropy - metrics.expected_entropy(draws), atol=1e-14)
    assert (information >= 0).all() and (information <= entropy + 1e-14).all()
    assert (entropy <= np.log(draws.shape[-1]) + 1e-14).all()
    assert information[2:].min() > 1e-4
    np.testing.assert_allclose(information[:2], 0, atol=1e-14)


@pytest.mark.parametrize("kind", ["argmax", "label"])
def test_chi_square_forms_agree_and_stay_in_range(draws, kind):
    votes = metrics.votes(draws, kind)
    s, _, k = draws.shape
    assert votes.dtype.kind == "i" and (votes.sum(1) == s).all()
    statistic = metrics.chi_square(votes)
    np.testing.assert_allclose(statistic, stats.chisquare(votes, axis=1).statistic, atol=1e-10)
    np.testing.assert_allclose(statistic, s * (k * ((votes / s) ** 2).sum(1) - 1), atol=1e-10)
    assert (statistic >= 0).all() and (statistic <= s * (k - 1)).all()
    assert statistic[1] == s * (k - 1)
    assert metrics.chi_square([[s] * k]) == 0


def test_expected_error_rate():
    np.testing.assert_allclose(metrics.expected_error_rate([[10, 0, 0], [5, 3, 2], [4, 4, 2]]), [0, 0.5, 0.6])


def test_two_classes_expected_error_rate_is_a_function_of_chi_square():
    votes = np.stack([np.arange(102), 101 - np.arange(102)], 1)
    error, statistic = metrics.expected_error_rate(votes), metrics.chi_square(votes)
    np.testing.assert_allclose(error, (1 - np.sqrt(statistic / 101)) / 2, atol=1e-12)
    order = np.argsort(statistic, kind="stable")
    assert (np.diff(error[order]) <= 1e-12).all()


def test_three_classes_expected_error_rate_is_no_function_of_chi_square():
    votes = [[6, 0, 0], [4, 2, 0], [4, 1, 1]]
    assert metrics.expected_error_rate(votes)[1] == metrics.expected_error_rate(votes)[2]
    assert metrics.chi_square(votes)[1] > metrics.chi_square(votes)[2]


def test_small_stored_integers_do_not_overflow():
    votes = np.array([[250, 5], [128, 127]])
    np.testing.assert_array_equal(metrics.chi_square(votes.astype(np.uint8)), metrics.chi_square(votes))
    labels = np.array([[9], [8], [9]] * 20)
    small = metrics.chi_square_label_values(labels.astype(np.uint8))
    np.testing.assert_allclose(small, stats.chisquare(labels[:, 0]).statistic)


def test_argmax_votes_break_ties_low_and_label_votes_follow_the_probabilities():
    p = np.tile([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]], (20000, 1, 1))
    np.testing.assert_array_equal(metrics.votes(p), [[20000, 0, 0], [0, 0, 20000]])
    labels = metrics.votes(p, "label", random_state=1)
    assert labels[0, 2] == 0
    np.testing.assert_allclose(labels / 20000, p[0], atol=4 * (0.25 / 20000) ** 0.5)
    np.testing.assert_array_equal(labels, metrics.votes(p, "label", random_state=np.random.default_rng(1)))
    assert (labels != metrics.votes(p, "label", random_state=2)).any()


def test_label_values_statistic_is_document_ws():
    labels = np.array([[3, 0, 4, 7], [3, 0, 9, 2], [3, 0, 4, 7]])
    statistic = metrics.chi_square_label_values(labels)
    np.testing.assert_allclose(statistic[[0, 2, 3]], stats.chisquare(labels[:, [0, 2, 3]]).statistic)
    np.testing.assert_allclose(statistic[2:], 3 * labels.var(0)[2:] / labels.mean(0)[2:])
    assert statistic[0] == 0 and np.isnan(statistic[1])
    votes = np.stack([(labels == c).sum(0) for c in range(10)], 1)
    np.testing.assert_allclose(metrics.chi_square_label_values_of_votes(votes), statistic)


def test_renumbering_classes_changes_only_the_label_values_statistic(draws):
    k = draws.shape[-1]
    new = np.roll(np.arange(k), 1)  # class c becomes new[c]
    renumbered = draws[..., np.argsort(new)]
    for function in (metrics.total_variance, metrics.mutual_information, metrics.expected_entropy):
        np.testing.assert_allclose(function(renumbered), function(draws), atol=1e-13)
    labels = metrics.draw_labels(draws, "label")
    votes = metrics.votes(draws, "label")
    permuted = votes[:, np.argsort(new)]
    for function in (metrics.chi_square, metrics.expected_error_rate):
        np.testing.assert_allclose(function(permuted), function(votes), atol=1e-12)
    before, after = (metrics.chi_square_label_values(v)[2:] for v in (labels, new[labels]))
    assert np.nanmax(np.abs(before - after)) > 1
