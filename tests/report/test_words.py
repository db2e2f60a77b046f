import pytest

from bnnbench.words import prose


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.12345, 3), "0.123"),
        ((-0.5, 2), "−0.50"),
        ((0.5, 1, True), "+0.5"),
        ((-0.00001, 3), "0.000"),
        ((float("nan"),), "–"),
        ((None,), "–"),
        ((12345.6, 0), "12,346"),
    ],
)
def test_numbers_have_true_minus_signs_and_dashes_where_nothing_is_known(arguments, text):
    assert prose.number(*arguments) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0571, "0.057"), (1.74, "1.7"), (123.4, "123"), (0, "0"), (float("nan"), "–")]
)
def test_significant_digits(value, text):
    assert prose.significant(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(5.2, "5.2 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (None, "–")])
def test_durations(seconds, text):
    assert prose.duration(seconds) == text


def test_counts_lists_and_ranges():
    assert prose.count(1, "seed") == "1 seed"
    assert prose.count(1200, "entry", "entries") == "1,200 entries"
    assert prose.listing(["a", "b", "c"]) == "a, b and c"
    assert prose.listing([]) == ""
    assert prose.ranges([5, 2, 1, 0, 8, 9]) == "0–2, 5, 8, 9"


def test_a_temperature_other_than_one_is_named():
    assert prose.method("map") == "MAP"
    assert prose.method("mean_field", "cold", 0.1).endswith("temperature 0.1")
