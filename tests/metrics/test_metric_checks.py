"""Malformed input is refused with a message that names the argument and the remedy."""

import numpy as np
import pytest

from bnnbench import metrics

GOOD = np.array([[0.2, 0.8], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        ([0.2, 0.8], "proba must be a non-empty array of shape \\(n, K\\).*stack"),
        ([[1.0], [1.0]], "K >= 2"),
        (np.empty((0, 2)), "non-empty"),
        ([[0.2, np.nan]], "proba holds NaN.*drop"),
        ([[np.inf, 0.0]], "proba holds NaN or infinity"),
        ([[-0.1, 1.1]], "proba must lie in \\[0, 1\\].*softmax"),
        ([[0.2, 0.7]], "proba must have rows that sum to one.*normalise"),
        ([["a", "b"]], "real numbers"),
    ],
)
def test_malformed_probabilities(proba, message):
    with pytest.raises(ValueError, match=message):
        metrics.predictive_entropy(proba)


def test_draws_need_three_axes():
    with pytest.raises(ValueError, match=r"proba_draws.*\(S, n, K\)"):
        metrics.total_variance(GOOD)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 2], "y holds class 2 but there are 2"),
        ([0, -1], "y must be non-empty and non-negative"),
        ([0.0, 1.0], "y must hold integers.*astype"),
        ([0], "y must have shape \\(2,\\)"),
        ([[0, 1], [1, 0]], "not one-hot"),
    ],
)
def test_malformed_labels(y, message):
    for function in (
        metrics.accuracy,
        metrics.negative_log_likelihood,
        metrics.brier_score,
        metrics.expected_calibration_error,
    ):
        with pytest.raises(ValueError, match=message):
            function(GOOD, y)


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([[1, 2], [2, 2]], "equal positive row sums S, found 3 to 4"),
        ([[0, 0]], "equal positive row sums"),
        ([[3, -1]], "non-negative"),
        ([[0.5, 0.5]], "votes must hold integers"),
        ([1, 2], "shape \\(n, K\\)"),
    ],
)
def test_malformed_votes(votes, message):
    for function in (metrics.chi_square, metrics.expected_error_rate):
        with pytest.raises(ValueError, match=message):
            function(votes)


def test_malformed_scores_and_options():
    with pytest.raises(ValueError, match="score holds NaN"):
        metrics.auroc([0.1, np.nan], [True, False])
    with pytest.raises(ValueError, match="positive must be 2 booleans"):
        metrics.auroc([0.1, 0.2], [True])
    with pytest.raises(ValueError, match="wrong must be 2 booleans"):
        metrics.aurc([0.1, 0.2], [2, 0])
    with pytest.raises(ValueError, match="kind is 'mode'"):
        metrics.votes(GOOD[None], kind="mode")
    with pytest.raises(ValueError, match="at least one bin"):
        metrics.calibration_floor(GOOD, n_bins=0)
    with pytest.raises(ValueError, match="bayes_proba has shape"):
        metrics.expected_excess_nll(GOOD, GOOD[:1])


def test_stored_rounding_is_tolerated_and_taken_out():
    exact = np.random.default_rng(0).dirichlet(np.ones(10), 2000)
    for dtype in (np.float32, np.float16):
        rows = metrics.check_proba(exact.astype(dtype)).sum(1)
        np.testing.assert_allclose(rows, 1, atol=1e-15)
    halves = exact.astype(np.float16).astype(np.float64)
    assert abs(halves.sum(1) - 1).max() > 1e-4
    with pytest.raises(ValueError, match=r"sum to one within 0.0001"):
        metrics.check_proba(halves)
