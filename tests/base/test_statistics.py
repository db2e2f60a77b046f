import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnnbench.base.statistics import (
    balanced,
    holm,
    intervals,
    mean_interval,
    paired_difference,
    resampled_interval,
    wilcoxon_holm,
)


def tidy(rows, metric="nll"):
    """Rows of (dataset, seed, prior, value) as the metrics table has them."""
    frame = pd.DataFrame(rows, columns=["dataset", "seed", "prior", "value"])
    fixed = {"study": "toy", "network": "mlp", "hyperprior": "fixed", "scale": 1.0, "inference": "map", "recipe": ""}
    return frame.assign(**fixed, split="test", metric=metric, id="")


def test_few_values_get_a_t_interval():
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    half = stats.t.ppf(0.975, 2) * 1 / np.sqrt(3)
    assert (mean, low, high) == pytest.approx((2, 2 - half, 2 + half))


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert mean_interval([4.0])[0] == 4 and np.isnan(mean_interval([4.0])[1:]).all()
    assert np.isnan(mean_interval([])).all()


def test_splits_that_share_rows_have_wider_intervals():
    """Means of a tenth of 200 rows over 20 splits: 95% of these intervals hold the true mean, and fewer plain ones."""
    rng, held = np.random.default_rng(0), {"plain": 0, "resampled": 0}
    for _ in range(200):
        rows = rng.standard_normal(200)
        values = [rng.permutation(rows)[:20].mean() for _ in range(20)]
        for name, found in (("plain", mean_interval(values)), ("resampled", resampled_interval(values, 1 / 9))):
            held[name] += found.low <= 0 <= found.high
    assert held["plain"] < 0.85 * 200
    assert held["resampled"] > 0.92 * 200


def test_nan_is_left_out():
    assert mean_interval([1, np.nan, 2, 3]) == mean_interval([1, 2, 3])


def test_many_values_are_bootstrapped_the_same_way_each_time_and_in_any_order():
    x = np.random.default_rng(1).exponential(size=30)
    first = mean_interval(x)
    assert first == mean_interval(x[::-1])
    t = stats.t.interval(0.95, 29, x.mean(), stats.sem(x))
    assert first.high - first.mean > first.mean - first.low  # skewed, as t is not
    assert (first.high - first.low) == pytest.approx(t[1] - t[0], rel=0.15)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_of_normal_values_cover_as_often_as_they_claim(n):
    rng = np.random.default_rng(0)
    covered = [low < 0 < high for _, low, high in (mean_interval(rng.standard_normal(n)) for _ in range(600))]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


def test_level_must_be_a_probability():
    with pytest.raises(ValueError, match="level is 95"):
        mean_interval([1, 2], level=95)


def test_intervals_group_by_columns_with_nan_as_a_value():
    table = tidy([("a", s, "normal", s) for s in range(3)]).assign(scale=np.nan)
    found = intervals(table, ["dataset", "scale"])
    assert found[["mean", "n"]].values.tolist() == [[1.0, 3]]
    with pytest.raises(ValueError, match="several rows a seed; they differ in \\['prior'\\]"):
        intervals(pd.concat([table, table.assign(prior="flat")]), ["dataset"])


def test_intervals_take_one_column_by_its_name_and_refuse_one_that_is_not_there():
    table = tidy([("a", s, "normal", s) for s in range(3)])
    pd.testing.assert_frame_equal(intervals(table, "dataset"), intervals(table, ["dataset"]))
    with pytest.raises(ValueError, match="by names the column 'datasets', which the table lacks"):
        intervals(table, "datasets")
    with pytest.raises(ValueError, match="value names the column 'score'"):
        intervals(table, "dataset", value="score")
    with pytest.raises(ValueError, match="by names no column"):
        intervals(table, [])


def test_paired_difference_removes_what_seeds_share():
    shared = [0.0, 5.0, -3.0, 9.0]
    rows = [("a", s, "normal", v) for s, v in enumerate(shared)]
    rows += [("a", s, "laplace", v - 0.5) for s, v in enumerate(shared)]
    found = paired_difference(tidy(rows), {"prior": "laplace"}, {"prior": "normal"}, "nll")
    assert found[:3] == pytest.approx((-0.5, -0.5, -0.5)) and (found.pairs, found.seeds) == (4, 4)


def test_paired_difference_takes_its_interval_over_seeds_not_over_data_sets():
    rng = np.random.default_rng(0)
    effects = rng.standard_normal((3, 4))
    rows = [(f"d{d}", s, p, e * (p == "laplace")) for (d, s), e in np.ndenumerate(effects) for p in ("laplace", "flat")]
    found = paired_difference(tidy(rows), {"prior": "laplace"}, {"prior": "flat"}, "nll")
    assert found[:3] == pytest.approx(tuple(mean_interval(effects.mean(0))))
    assert (found.pairs, found.seeds) == (12, 4)


def test_every_seed_averages_the_same_data_sets():
    values = {("easy", 0): 0.0, ("easy", 1): 0.0, ("hard", 0): 10.0}
    rows = [(d, s, p, v * (p == "laplace")) for (d, s), v in values.items() for p in ("laplace", "flat")]
    found = paired_difference(tidy(rows), {"prior": "laplace"}, {"prior": "flat"}, "nll")
    assert found[:3] == (0, 0, 0) and (found.pairs, found.seeds) == (2, 2)


def test_unpaired_rows_and_other_metrics_are_left_out():
    table = tidy([("a", 0, "normal", 1.0), ("a", 1, "normal", 2.0), ("a", 0, "flat", 0.5)])
    table = pd.concat([table, tidy([("a", 0, "normal", 7.0)], metric="ece")])
    found = paired_difference(table, {"prior": "normal"}, {"prior": ["flat"]}, "nll")
    assert found.mean == 0.5 and np.isnan(found.low) and found.pairs == 1
    for several in ({"flat"}, np.array(["flat"]), pd.Series(["flat"])):
        assert paired_difference(table, {"prior": "normal"}, {"prior": several}, "nll").mean == 0.5
    apart = paired_difference(table, {"prior": "flat", "seed": 0}, {"prior": "normal", "seed": 1}, "nll")
    assert apart.pairs == apart.seeds == 0 and np.isnan(apart[:3]).all()


@pytest.mark.parametrize(
    ("a", "metric", "split", "message"),
    [
        ({"prior": "laplas"}, "nll", "test", "a has no row whose prior is 'laplas': did you mean 'laplace'"),
        ({"prior": ["normal", "laplas"]}, "nll", "test", "whose prior is 'laplas'"),
        ({"prior": "normal", "seed": 7}, "nll", "test", "whose seed is 7: there are 0, 1$"),
        ({"prior": "normal"}, "nnl", "test", "whose metric is 'nnl': did you mean 'nll'"),
        ({"prior": "normal"}, "nll", "tests", "whose split is 'tests': did you mean 'test'"),
        ({"priors": "normal"}, "nll", "test", "a names the column 'priors'"),
    ],
)
def test_a_misspelt_metric_or_value_is_no_empty_pairing(a, metric, split, message):
    table = tidy([("a", s, p, 1.0) for s in (0, 1) for p in ("normal", "laplace")])
    for first, second, side in ((a, {"prior": "laplace"}, "a"), ({"prior": "laplace"}, a, "b")):
        expected = message if side == "a" or not message.startswith("a ") else f"b {message[2:]}"
        with pytest.raises(ValueError, match=expected):
            paired_difference(table, first, second, metric, split)


def test_what_is_known_of_no_row_of_a_pair_is_an_empty_pairing():
    table = tidy([("a", 0, "normal", 1.0), ("a", 1, "flat", 2.0)])
    assert paired_difference(table, {"prior": "normal"}, {"prior": "flat"}, "nll").pairs == 0
    assert paired_difference(table.head(0), {"prior": "normal"}, {"prior": "flat"}, "nll").pairs == 0
    assert paired_difference(table, {"prior": "normal"}, {"prior": "flat", "scale": np.nan}, "nll").pairs == 0


def test_an_ambiguous_side_is_refused_with_what_to_set():
    table = tidy([("a", 0, "normal", 1.0), ("a", 0, "flat", 0.5)])
    with pytest.raises(ValueError, match=r"a picks several rows .* differ in prior"):
        paired_difference(table, {"dataset": "a"}, {"prior": "flat"}, "nll")
    with pytest.raises(ValueError, match="column 'priors'"):
        paired_difference(table, {"priors": "normal"}, {"prior": "flat"}, "nll")


def test_balanced_tables_have_every_row_in_every_seed():
    wide = pd.DataFrame({0: [1.0, 2.0, np.nan], 1: [3.0, np.nan, np.nan]}, index=list("abc"))
    assert balanced(wide).index.tolist() == ["a"]
    apart = pd.DataFrame({0: [1.0, 2.0], 1: [np.nan, 5.0], 2: [4.0, np.nan]})
    assert balanced(apart).columns.tolist() == [0]  # no row has every seed, and one seed has every row
    some = pd.DataFrame(np.ones((4, 5)), index=["a", "b", "c", "d"])
    some.iloc[0, 1] = some.iloc[1, 2] = np.nan
    some.iloc[2:, 1:] = np.nan  # two rows have one seed: they do not cost the others theirs
    kept = balanced(some)
    assert kept.index.tolist() == ["a", "b"] and kept.columns.tolist() == [0, 3, 4]
    nothing = pd.DataFrame([[np.nan, 1, 1], [1, np.nan, 1], [1, np.nan, np.nan]], index=["a", "b", "c"])
    assert not balanced(nothing).empty  # no row and no seed is whole


def test_holm_by_hand_and_in_the_order_given():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert holm([]).size == 0
    with pytest.raises(ValueError, match="probabilities"):
        holm([1.2])


def test_methods_are_compared_across_data_sets_only_from_eight_on():
    rng = np.random.default_rng(0)
    base = rng.random(8)
    scores = pd.DataFrame({"map": base, "better": base - 0.1 - 0.01 * rng.random(8), "same": base})
    found = wilcoxon_holm(scores, "map")
    assert found.loc["better", "p"] == pytest.approx(2 / 2**8)  # all signs agree
    assert found.loc["better", "p_holm"] == pytest.approx(4 / 2**8)
    assert found.loc["same", "p"] == 1 and found.loc["better", "median"] < -0.1
    assert wilcoxon_holm(scores.head(7), "map").empty
    with pytest.raises(ValueError, match="choose one of"):
        wilcoxon_holm(scores, "mle")


@pytest.mark.parametrize("n", [2, 6, 9])
def test_below_ten_values_the_interval_is_students(n):
    x = np.random.default_rng(n).gamma(2.0, size=n)
    low, high = stats.t.interval(0.95, n - 1, x.mean(), stats.sem(x))
    assert mean_interval(x) == pytest.approx((x.mean(), low, high), rel=1e-12)


@pytest.mark.parametrize("n", [10, 20])
def test_from_ten_values_on_the_percentiles_are_expanded(n):
    """To those of Hesterberg (2015), section 4.3; of normal values they are then as wide as Student's interval."""
    ratios = []
    for seed in range(40):
        x = np.random.default_rng(seed).standard_normal(n)
        found = mean_interval(x)
        means = np.random.default_rng(0).choice(np.sort(x), (4000, n)).mean(1)
        tail = stats.norm.cdf(stats.t.ppf(0.025, n - 1) * np.sqrt(n / (n - 1)))
        assert found == pytest.approx((x.mean(), *np.quantile(means, [tail, 1 - tail])), rel=1e-9)
        low, high = stats.t.interval(0.95, n - 1, x.mean(), stats.sem(x))
        ratios.append((found.high - found.low) / (high - low))
    assert np.mean(ratios) == pytest.approx(1, abs=0.02)
