"""Metrics of maps against closed forms on maps made by hand; void pixels are in none of them."""

import numpy as np
import pytest
from segmentation_cases import SEGMENTATION, VOID, probability_on

from bnnbench import metrics
from bnnbench.metrics import Maps
from bnnbench.metrics.segmentation.wrong_pixels import accuracy_kept

Y = np.array([[[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, VOID, VOID], [2, 2, VOID, VOID]]])
READ = np.array([[[0, 0, 1, 1], [0, 1, 1, 1], [2, 2, 0, 0], [2, 2, 0, 0]]])
"""One pixel of class 0 is read as 1; what is void does not matter. Class 3 is nowhere."""


def found(y=Y, read=READ, p=0.7, k=4):
    return metrics.evaluate(Maps.certain(probability_on(read, p, k)), y)


def test_scores_of_a_map_made_by_hand():
    values = found()
    assert values["accuracy"] == pytest.approx(11 / 12)
    assert values["class_accuracy"] == pytest.approx((3 / 4 + 1 + 1) / 3)
    assert values["miou"] == pytest.approx((3 / 4 + 4 / 5 + 1) / 3)
    assert [values[f"iou_{c}"] for c in range(3)] == pytest.approx([3 / 4, 4 / 5, 1]) and np.isnan(values["iou_3"])
    assert values["nll"] == pytest.approx(-(11 * np.log(0.7) + np.log(0.1)) / 12, abs=1e-6)
    assert values["ece"] == pytest.approx(11 / 12 - 0.7, abs=1e-6)


def test_a_class_that_is_only_predicted_counts_in_the_miou_and_not_in_the_class_accuracy():
    read = READ.copy()
    read[0, 0, 0] = 3
    values = found(read=read)
    assert values["class_accuracy"] == pytest.approx((2 / 4 + 1 + 1) / 3)
    assert values["miou"] == pytest.approx((2 / 4 + 4 / 5 + 1 + 0) / 4)


def test_what_is_said_of_void_pixels_changes_nothing():
    rng = np.random.default_rng(0)
    for _, case in SEGMENTATION.random():
        void = case.y == VOID
        names = ("mean_proba", "class_sd", "total_variance", "expected_entropy", "mutual_information")
        arrays = [getattr(case.maps, name).copy() for name in names]
        noise = rng.random(arrays[0].shape)
        arrays[0] = np.where(void[:, None], noise / noise.sum(1, keepdims=True), arrays[0])
        arrays[2:] = [np.where(void, rng.random(void.shape), a) for a in arrays[2:]]
        values = metrics.evaluate(Maps(*arrays, 10), case.y, case.ideal)
        assert values == pytest.approx(case.found, rel=1e-12)


def test_entropy_of_the_mean_is_the_sum_of_its_two_parts():
    _, case = SEGMENTATION.random()[0]
    maps = case.maps
    np.testing.assert_allclose(maps.predictive_entropy, maps.expected_entropy + maps.mutual_information, atol=1e-5)


def test_pavpu_counts_patches_that_are_accurate_and_certain_or_neither():
    """Four squares of 4 x 4: right and sure, right and unsure, wrong and unsure, and one that is void but for a pixel
    that is wrong and sure."""
    y = np.zeros((1, 8, 8), int)
    y[0, 4:, 4:] = VOID
    y[0, 4, 4] = 0
    read, p = np.zeros_like(y), np.full((1, 8, 8), 0.99)
    p[0, :4, 4:] = p[0, 4:, :4] = 0.6
    read[0, 4:, :] = 1
    chosen = np.stack([np.where(read == 0, p, 1 - p), np.where(read == 1, p, 1 - p)], 1)
    values = metrics.evaluate(Maps.certain(chosen), y)
    assert values["pavpu"] == pytest.approx(2 / 4)
    assert values["accurate_if_certain"] == pytest.approx(1 / 2)
    assert values["uncertain_if_inaccurate"] == pytest.approx(1 / 2)


def test_accuracy_of_what_is_kept_sets_the_most_uncertain_aside_and_shares_ties():
    wrong = np.array([False, False, True, True])
    assert accuracy_kept(np.array([0.1, 0.2, 0.3, 0.4]), wrong, 0.5) == 1
    assert accuracy_kept(np.array([0.1, 0.2, 0.3, 0.4]), wrong, 0.75) == pytest.approx(2 / 3)
    assert accuracy_kept(np.ones(4), wrong, 0.25) == 0.5


@pytest.mark.parametrize(
    ("y", "fault"),
    [
        (Y.astype(float), "whole numbers"),
        (Y[:, :2], "whole numbers of shape"),
        (np.full_like(Y, 4), "classes up to 4 of 4"),
        (np.full_like(Y, VOID), "void below 0"),
    ],
)
def test_labels_that_do_not_fit_are_refused(y, fault):
    with pytest.raises(ValueError, match=fault):
        found(y)


def test_maps_that_are_no_probabilities_are_refused():
    with pytest.raises(ValueError, match="sum to one"):
        Maps.certain(np.full((1, 3, 2, 2), 0.5))
    with pytest.raises(ValueError, match="shape"):
        Maps.certain(np.full((1, 2), 0.5))
