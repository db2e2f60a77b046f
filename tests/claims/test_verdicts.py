"""Verdicts at the margins, from tables made by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from bnnbench.base.statistics import Interval, mean_interval
from bnnbench.claims import Claim, Measured, Statistic, judge, overall, verdicts
from bnnbench.evaluation.select import NothingToDraw


@pytest.mark.parametrize(
    ("direction", "low", "high", "verdict"),
    [
        ("above", 0.51, 0.9, "reproduced"),
        ("above", 0.5, 0.9, "undecided"),
        ("above", 0.1, 0.5, "not reproduced"),
        ("above", 0.1, 0.51, "undecided"),
        ("at least", 0.5, 0.9, "reproduced"),
        ("at least", 0.1, 0.5, "undecided"),
        ("at least", 0.1, 0.49, "not reproduced"),
        ("below", 0.1, 0.49, "reproduced"),
        ("below", 0.1, 0.5, "undecided"),
        ("below", 0.5, 0.9, "not reproduced"),
        ("at most", 0.1, 0.5, "reproduced"),
        ("at most", 0.5, 0.9, "undecided"),
        ("at most", 0.51, 0.9, "not reproduced"),
        ("below", math.nan, math.nan, "undecided"),
    ],
)
def test_the_interval_has_to_lie_beyond_the_margin_or_short_of_it(direction, low, high, verdict):
    assert judge(Interval((low + high) / 2, low, high), direction, 0.5) == verdict


def test_a_claim_of_several_statistics_needs_all_of_them():
    yes, no, open_ = "reproduced", "not reproduced", "undecided"
    assert overall([yes, yes]) == yes
    assert overall([yes, open_]) == open_
    assert overall([no, open_]) == overall([no, yes]) == no
    assert overall([]) == open_


def verdict_of(values, direction="above", margin=0.0, **options):
    statistic = Statistic("gain", direction, margin, lambda *_: Measured(np.array(values, float)), "x.html", **options)
    return verdicts(Claim("T1", "source", "It helps.", (statistic,)), None, "toy")[0]


def test_below_ten_seeds_the_interval_is_students_and_the_verdict_provisional():
    found = verdict_of([0.1, 0.2, 0.3, 0.2, 0.1])
    assert (found.effect, found.low, found.high) == pytest.approx(tuple(mean_interval([0.1, 0.2, 0.3, 0.2, 0.1])))
    assert (found.verdict, found.provisional, found.n_seeds) == ("reproduced", True, 5)
    assert not verdict_of(np.linspace(0.1, 0.3, 10)).provisional


def test_one_seed_decides_nothing():
    found = verdict_of([5.0])
    assert (found.verdict, found.effect, found.n_seeds, found.provisional) == ("undecided", 5.0, 1, True)
    assert math.isnan(found.low) and "One seed" in found.note


def test_an_interval_without_width_is_called_so():
    assert "no width" in verdict_of([1.0, 1.0, 1.0]).note


def nothing(*_):
    raise NothingToDraw("no reference")


def test_what_cannot_be_measured_is_undecided_and_left_out_beside_a_claim():
    main, beside = (Statistic("gain", "above", 0.0, nothing, "x.html", b) for b in (False, True))
    found = verdicts(Claim("T1", "source", "It helps.", (main, beside)), None, "toy")
    assert [(v.verdict, v.n_seeds, v.note) for v in found] == [("undecided", 0, "Not measured: no reference.")]


def test_rows_that_lack_a_seed_do_not_tip_the_mean():
    wide = pd.DataFrame({0: [1.0, 9.0], 1: [3.0, np.nan]})
    assert Measured.over(wide).by_seed.tolist() == [1.0, 3.0]


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="choose one of above"):
        Statistic("gain", "beyond", 0.0, nothing, "x.html")


def test_a_data_set_that_lacks_a_seed_is_left_out_by_name():
    wide = pd.DataFrame({0: [1.0, 2.0], 1: [3.0, np.nan]}, pd.Index([("a", "net"), ("b", "net")]))
    measured = Measured.over(wide, "Two classes.")
    assert list(measured.by_seed) == [1, 3]
    assert measured.note == "Two classes. Left out, since a seed lacks it: b, net."
