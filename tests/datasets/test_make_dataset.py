"""Data sets by family name: dispatch, names and refusals."""

import numpy as np
import pytest

from bnnbench import datasets
from bnnbench.datasets import circles, cubic, make


def test_families_are_the_files_that_generate():
    assert set(datasets.FAMILIES) >= {"circles", "digits", "fashion_mnist", "mnist", "moons"}
    for family in datasets.FAMILIES:
        assert "seeds" not in datasets.known_options(family)
        assert "data_dir" not in datasets.known_options(family)
    assert datasets.known_options("circles")["noise"] is ...
    assert datasets.known_options("circles")["factor"] == 0.5


@pytest.mark.parametrize(
    ("family", "options"),
    [("moons", {"noise": 0.3}), ("circles", {"noise": 0.4, "factor": 0.8, "n_test": 10}), ("digits", {})],
)
def test_make_names_what_it_makes(family, options, tmp_path):
    data = make(family, options, seeds=[4], data_dir=tmp_path / "not needed")
    assert data.name == datasets.dataset_name(family, options)
    assert data.seeds.tolist() == [4]


def test_tasks_and_what_only_curves_have():
    assert [datasets.task(family) for family in ("cubic", "digits", "moons")] == ["regression"] + ["classification"] * 2
    x = np.zeros((3, 1))
    np.testing.assert_array_equal(datasets.law("cubic", {"noise": 2}, x), cubic.law(x, 2))
    assert datasets.regions("cubic", {})["gap"] == [(-2, 2)]
    assert datasets.law("digits", {}, x) is None
    assert datasets.regions("moons", {"noise": 0.4}) is None
    with pytest.raises(ValueError, match="unknown data set family 'cubi'"):
        datasets.task("cubi")


@pytest.mark.parametrize(
    ("family", "options", "group"),
    [
        ("moons", {"noise": 0.3}, "plane"),
        ("circles", {"noise": 0.3, "n_test": 10}, "plane-n_test-10"),
        ("digits", {"n_train": 10}, "digits"),
        ("foong", {"noise": 0.3}, "curves"),
        ("cubic", {}, "curves-n_train-20"),  # families' defaults differ: equal names are equal sizes
        ("foong", {"n_train": 20}, "curves-n_train-20"),
        ("cubic", {"n_train": 100}, "curves"),
    ],
)
def test_groups_are_named_by_what_differs_from_their_usual_sizes(family, options, group):
    assert datasets.group(family, options) == group


def test_bayes_proba_where_the_generator_is_known():
    options = {"noise": 0.4, "n_train": 10}
    x = make("circles", options, [0]).x_test
    np.testing.assert_array_equal(datasets.bayes_proba("circles", options, x), circles.bayes_proba(x, 0.4))
    assert datasets.bayes_proba("digits", {}, x) is None


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("moon", {"noise": 0.4}, "'moon'.*did you mean 'moons'.*circles, .*digits"),
        ("_idx", {}, "unknown data set family"),
        ("moons", {"nois": 0.4}, "'moons': no option 'nois'.*did you mean 'noise'.*n_train"),
        ("moons", {"noise": 0.4, "seeds": [1]}, "no option 'seeds'"),
        ("moons", {}, "option 'noise' is missing: give a number above 0"),
    ],
)
def test_unknown_families_and_options_are_refused(family, options, message):
    with pytest.raises(ValueError, match=message):
        make(family, options, [0])
