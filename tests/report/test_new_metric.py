"""A metric that is registered once goes through evaluation into the tables, the glossary and the leaderboards."""

import pandas as pd
import pytest

from bnnbench import evaluate, metrics
from bnnbench.metrics import _registry
from bnnbench.report import facts, findings, leaderboard, render
from bnnbench.results import load_results


@pytest.fixture
def sharpness(monkeypatch):
    """A metric of the mean probabilities and a score of uncertainty, taken out again at the end."""
    monkeypatch.setattr(_registry, "_METRICS", dict(_registry._METRICS))
    column = metrics.Column("Sharp %", 1, 100, "mean of the highest probability")
    about = {"label": "Sharpness", "definition": "Mean of the highest probability.", "direction": "higher"}
    metrics.metric("sharpness", column=column, **about)(lambda proba: proba.max(1).mean())
    metrics.register_score("second_best", "second probability", lambda p: -p.mean_proba.max(1))


def test_a_new_metric_is_in_tables_glossary_leaderboards_and_findings(sharpness, copied):
    for name, shard in copied.shards.items():
        folder = copied.results
        evaluate.evaluate_shard(copied, shard, folder / "shards" / f"{name}.nc", folder / "metrics" / f"{name}.parquet")
    evaluate.gather(copied)
    results = load_results(copied.results)
    rows = results.metrics[results.metrics.metric == "sharpness"]
    assert set(rows.id) == set(results.metrics.id) and rows.value.between(0.5, 1).all()

    assert dict(facts.metrics(results))["sharpness"].definition == "Mean of the highest probability."
    for board in leaderboard.boards(copied, results, "toy"):
        assert [c.label for c in board.columns][-2:] == ["AUROC", "Sharp %"]
        best = rows[(rows.split == "test") & (rows.dataset == board.dataset) & (rows.inference == "bayes_rule")]
        assert board.reference("bayes_rule").values["sharpness"].mean == pytest.approx(best.value.mean())
    (scores,) = findings.scores(results.metrics, "toy")
    assert "second probability" in scores.sentence

    page = (render(copied) / "glossary.html").read_text()
    assert '<tr id="sharpness">' in page and "Mean of the highest probability." in page
    study = (copied.results / "report" / "study-toy.html").read_text()
    assert study.count(">Sharp %</th>") == 2


def test_tables_that_know_a_metric_that_is_gone_still_become_a_report(copied):
    table = pd.read_parquet(copied.results / "metrics.parquet")
    old = table[table.metric == "nll"].assign(metric="forgotten_score")
    evaluate.write_table(pd.concat([table, old]), copied.results / "metrics.parquet")
    described = dict(facts.metrics(load_results(copied.results)))["forgotten_score"]
    assert described.label == "forgotten score" and "another version" in described.definition


def test_tables_from_before_a_metric_have_no_column_of_it(sharpness, small_plan, small_results):
    for board in leaderboard.boards(small_plan, small_results, "toy"):
        assert board.rows and "sharpness" not in [c.metric for c in board.columns]
        assert pd.isna(board.rows[0].values["sharpness"].mean)
