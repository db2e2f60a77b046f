"""What every registered metric must hold, of any task: a new one is tested here without being named."""

import numpy as np
import pytest
from metric_cases import CASES

from bnnbench import metrics

KNOWN = {(task, name): found for task in metrics.INPUTS for name, found in metrics.registered(task).items()}
COMPUTED = [key for key, found in KNOWN.items() if found.compute]
WITH_DIRECTION = [key for key in COMPUTED if KNOWN[key].direction]


def test_each_task_has_cases():
    assert set(CASES) == set(metrics.INPUTS)


@pytest.fixture(scope="module")
def cases():
    """Cases by task and kind, made once; of the last random one also its points in another order."""
    kinds = ("random", "extreme", "opposite")
    found = {(task, kind): getattr(made, kind)() for task, made in CASES.items() for kind in kinds}
    for task in CASES:
        _, case = found[task, "random"][-1]
        found[task, "moved"] = case, case.at(np.random.default_rng(0).permutation(len(case.y)))
    return found


@pytest.mark.parametrize(("task", "name"), COMPUTED)
def test_it_is_finite_and_within_its_bounds_for_as_many_classes_as_it_says(cases, task, name):
    found = KNOWN[task, name]
    low, high = found.bounds
    for n_classes, case in cases[task, "random"]:
        values = case.values(name)
        assert bool(values) == (n_classes is None or n_classes >= found.min_classes)
        assert all(type(value) is float for value in values)
        assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)


@pytest.mark.parametrize(("task", "name"), COMPUTED)
def test_where_it_is_not_defined_the_registration_says_when(cases, task, name):
    for case in cases[task, "extreme"]:
        values = case.values(name)
        assert not np.isinf(values).any()
        assert KNOWN[task, name].undefined or not np.isnan(values).any()


@pytest.mark.parametrize(("task", "name"), COMPUTED)
def test_the_order_of_points_does_not_matter(cases, task, name):
    case, moved = cases[task, "moved"]
    assert moved.values(name) == pytest.approx(case.values(name), abs=1e-12)


@pytest.mark.parametrize(("task", "name"), WITH_DIRECTION)
def test_good_predictions_are_better_in_its_direction(cases, task, name):
    sign = 1 if KNOWN[task, name].direction == "higher" else -1
    for pair in cases[task, "opposite"]:
        good, bad = (case.values(name) for case in pair)
        assert all(sign * better > sign * worse for better, worse in zip(good, bad, strict=True))


@pytest.mark.parametrize(("task", "name"), KNOWN)
def test_all_that_the_report_needs_is_known_of_it(task, name):
    about = KNOWN[task, name].of_class(1)
    assert metrics.describe(about.name, task) == about
    assert about.label and about.definition.endswith(".") and "{c}" not in about.label + about.definition
    if about.floor:
        assert metrics.describe(about.floor, task).bounds == about.bounds
    if about.column:
        assert about.column.label and about.column.hint and about.column.digits >= 0
