import dataclasses

import numpy as np
import pytest
from spoiling import lose

from bnnbench.evaluation.results import load_results
from bnnbench.report import leaderboard


@pytest.fixture(scope="module")
def boards(small_plan, small_results):
    return leaderboard.boards(small_plan, small_results, "toy")


def test_there_is_one_board_a_data_set_in_the_order_of_the_study(boards):
    assert [board.dataset for board in boards] == ["moons-0.4", "circles-0.4"]
    assert boards[0].title == "moons, noise 0.4"


def test_rows_are_in_order_of_test_nll_and_hold_both_controls(boards):
    for board in boards:
        values = [row.values["nll"].mean for row in board.rows]
        assert values == sorted(values)
        assert {"chance", "bayes_rule", "plain"} <= {row.kind for row in board.rows}
        assert [row.rank for row in board.ranked] == list(range(1, len(board.ranked) + 1))


def test_every_value_is_the_mean_over_seeds_of_the_metrics_table(boards, small_results):
    table = small_results.metrics[small_results.metrics.split == "test"]
    for board in boards:
        for row in board.rows:
            dataset, network, likelihood, prior, hyperprior, scale, inference, recipe = row.key
            rows = table[
                (table.dataset == dataset) & (table.network == network) & (table.likelihood == likelihood)
                & (table.prior == prior) & (table.hyperprior == hyperprior) & (table.scale.fillna(0) == scale)
                & (table.inference == inference) & (table.recipe == recipe)
            ]  # fmt: skip
            for metric, estimate in row.values.items():
                values = rows[rows.metric == metric].value
                if values.empty:  # a metric that these cells lack
                    assert np.isnan(estimate.mean)
                    continue
                assert len(values) == 2
                np.testing.assert_allclose(estimate.mean, values.mean(), rtol=1e-9)
                half = 12.706 * values.std(ddof=1) / np.sqrt(2)  # Student's t, one degree of freedom
                np.testing.assert_allclose(estimate.high - estimate.mean, half, rtol=1e-4, atol=1e-12)


def test_no_entry_appears_twice_and_the_tuned_scale_is_named(boards, small_results):
    for board in boards:
        assert len({row.key for row in board.rows}) == len(board.rows)
        tuned = [row for row in board.rows if row.choice == "tuned"]
        assert len(tuned) == (small_results.tuned.dataset == board.dataset).sum() > 0
        assert all(row.scale == f"tuned ({row.scale_value:g})" for row in tuned)


def test_ties_are_paired_by_seed(boards, small_results):
    table = small_results.metrics
    table = table[(table.split == "test") & (table.metric == "nll")].assign(scale=lambda t: t.scale.fillna(0))
    board = boards[0]
    columns = ["dataset", "network", "likelihood", "prior", "hyperprior", "scale", "inference", "recipe"]
    by_entry = {key: group.sort_values("seed").value.to_numpy() for key, group in table.groupby(columns)}
    best = by_entry[board.best.key]
    assert board.best.tied
    for row in board.ranked[1:]:
        d = by_entry[row.key] - best
        assert row.tied == (abs(d.mean()) <= 12.706 * d.std(ddof=1) / np.sqrt(2))


def test_an_entry_that_lacks_a_seed_is_shown_without_rank(copied):
    lost = "toy/moons-0.4/mlp-5-5/laplace-1/map/seed-1"
    lose(copied, lost, "diverged")
    board = leaderboard.boards(copied, load_results(copied.results), "toy")[0]
    row = next(r for r in board.rows if r.prior == "Laplace" and r.choice == "fixed" and r.method == "MAP")
    assert (row.seeds, row.wanted, row.rank, row.tied) == (1, 2, None, None)
    assert row not in board.ranked


def test_a_temperature_is_named_in_the_row(small_plan, small_results):
    shards = {
        name: dataclasses.replace(
            shard, cells=tuple(dataclasses.replace(c, settings=c.settings | {"temperature": 0.5}) for c in shard.cells)
        )
        for name, shard in small_plan.shards.items()
    }
    plan = dataclasses.replace(small_plan, shards=shards)
    board = leaderboard.boards(plan, small_results, "toy")[0]
    assert all("temperature 0.5" in row.method for row in board.ranked)
