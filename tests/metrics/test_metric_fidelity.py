import numpy as np
import pytest

from bnnbench.metrics import agreement, total_variation

P = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3], [0.1, 0.1, 0.8]])
Q = np.array([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.4, 0.3, 0.3], [0.3, 0.1, 0.6]])


def test_values_worked_out_by_hand():
    assert agreement(P, Q) == 3 / 4  # the second point differs
    assert total_variation(P, Q) == pytest.approx((0.2 + 0.2 + 0.0 + 0.2) / 4)


def test_two_classes_are_the_mean_distance_of_one_probability():
    p, q = np.array([0.1, 0.6, 0.5]), np.array([0.4, 0.55, 0.5])
    stacked = [np.stack([1 - v, v], 1) for v in (p, q)]
    assert total_variation(*stacked) == pytest.approx(np.abs(p - q).mean())
    assert agreement(*stacked) == 1


@pytest.mark.parametrize("metric", [agreement, total_variation])
def test_both_are_symmetric_and_bounded(metric):
    assert metric(P, Q) == pytest.approx(metric(Q, P))
    certain = np.eye(3)
    assert metric(certain, certain) == (1 if metric is agreement else 0)
    assert metric(certain, np.roll(certain, 1, axis=1)) == (0 if metric is agreement else 1)


@pytest.mark.parametrize("metric", [agreement, total_variation])
def test_bad_shapes_and_values_are_refused(metric):
    with pytest.raises(ValueError, match=r"reference has shape \(3, 3\) but proba \(4, 3\)"):
        metric(P, Q[:3])
    with pytest.raises(ValueError, match="reference must be a non-empty array of shape"):
        metric(P, Q[:, 0])
    with pytest.raises(ValueError, match="rows that sum to one"):
        metric(P, Q * 0.5)
    with pytest.raises(ValueError, match="NaN"):
        metric(P * np.nan, Q)
