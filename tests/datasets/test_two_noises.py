"""Data sets whose noise is known, in training sets of which a smaller one is part of a larger one."""

import numpy as np
import pytest
from scipy import stats

from bnnbench import datasets
from bnnbench.datasets import noisy_labels

FAMILIES = ("noisy_wave", "noisy_labels")
families = pytest.mark.parametrize("family", FAMILIES)


@families
def test_a_smaller_training_set_is_the_beginning_of_a_larger_one_and_the_rest_is_the_same(family):
    small, large = (datasets.make(family, {"n_train": n}, [0, 1]) for n in (10, 300))
    for seed in (0, 1):
        few, many = small.split(seed), large.split(seed)
        for i in (0, 1):
            np.testing.assert_array_equal(many[i][:10], few[i])
        for i in (2, 3):
            np.testing.assert_array_equal(many[i], few[i])
    np.testing.assert_array_equal(small.test()[0], large.test()[0])
    np.testing.assert_array_equal(small.test()[1], large.test()[1])


@families
def test_inputs_are_the_same_whatever_the_noise_and_tested_on_are_the_same_whatever_the_share(family):
    plain = datasets.make(family, {"n_train": 2000}, [0])
    other = datasets.make(family, {"n_train": 2000, "noise": 0.05}, [0])
    np.testing.assert_array_equal(plain.split(0)[0], other.split(0)[0])
    assert not np.array_equal(plain.split(0)[1], other.split(0)[1])
    quiet = datasets.make(family, {"n_train": 2000, "quiet_share": 0.1}, [0])
    assert (plain.split(0)[0] < 0).mean() == pytest.approx(0.5, abs=0.05)
    assert (quiet.split(0)[0] < 0).mean() == pytest.approx(0.1, abs=0.03)
    np.testing.assert_array_equal(plain.test()[0], quiet.test()[0])


def test_noise_is_that_much_larger_on_a_wave_of_more_noise():
    x, y, *_ = datasets.make("noisy_wave", {"n_train": 500, "noise": 0.2}, [0]).split(0)
    louder = datasets.make("noisy_wave", {"n_train": 500, "noise": 0.8}, [0]).split(0)[1]
    mean = np.sin(2 * x[:, 0])
    np.testing.assert_allclose(louder - mean, 4 * (y - mean), atol=1e-5)
    z = (y - mean) / (0.2 * np.exp(np.sin(x[:, 0])))
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_so_many_labels_are_wrong_as_is_said():
    x, y, *_ = datasets.make("noisy_labels", {"n_train": 20_000}, [0]).split(0)
    wrong = (y == 1) != (np.sin(2 * x[:, 0]) > 0)
    said = 0.2 * (1 + 0.9 * np.sin(x[:, 0]))
    for part in np.array_split(np.argsort(x[:, 0]), 8):
        assert wrong[part].mean() == pytest.approx(said[part].mean(), abs=4 * np.sqrt(0.25 / len(part)))
    proba = datasets.bayes_proba("noisy_labels", {}, x)
    np.testing.assert_allclose(proba.min(axis=1), said, rtol=1e-6)


@families
def test_regions_are_where_inputs_are(family):
    regions = datasets.regions(family, {})
    x = datasets.make(family, {"n_train": 300}, [0]).x_pool[:, 0]
    inside = [(low <= x) & (x <= high) for low, high in regions["inside"]]
    assert np.any(inside, axis=0).all() and all(part.any() for part in inside)
    ends = sorted(end for intervals in regions.values() for interval in intervals for end in interval)
    assert ends[1:-1:2] == ends[2:-1:2]  # one region begins where another ends


def test_names_say_the_size_and_what_is_not_the_default():
    assert datasets.dataset_name("noisy_wave", {"n_train": 200}) == "noisy_wave-n-200"
    options = {"n_train": 50, "noise": 0.05, "quiet_share": 0.1}
    assert datasets.dataset_name("noisy_labels", options) == "noisy_labels-noise-0.05-quiet-0.1-n-50"


@pytest.mark.parametrize(("family", "option", "value"), [
    ("noisy_labels", "noise", 0.3), ("noisy_wave", "noise", 0.0), ("noisy_wave", "quiet_share", 1.0)])  # fmt: skip
def test_options_out_of_bounds_are_refused(family, option, value):
    with pytest.raises(ValueError, match=option):
        datasets.make(family, {option: value}, [0])
    if option == "noise" and value > 0:
        with pytest.raises(ValueError, match="half of the labels"):
            noisy_labels.share_wrong(np.zeros(1), value)
