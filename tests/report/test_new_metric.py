"""A metric that is registered once goes through evaluation into the tables, the glossary and the leaderboards."""

import pandas as pd
import pytest

from bnnbench import metrics
from bnnbench.evaluation import evaluate
from bnnbench.evaluation.results import load_results
from bnnbench.files.tables import write_table
from bnnbench.metrics import _registry
from bnnbench.report import facts, findings, leaderboard, render


@pytest.fixture
def made_up_score(monkeypatch):
    """A metric of the mean probabilities and a score of uncertainty, taken out again at the end."""
    monkeypatch.setattr(_registry, "_METRICS", dict(_registry._METRICS))
    column = metrics.Column("Made-up %", 1, 100, "mean of the highest probability")
    about = {
        "label": "Made-up score",
        "definition": "Mean of the made-up score.",
        "task": "classification",
        "direction": "higher",
    }
    metrics.metric("made_up_score", column=column, **about)(lambda proba: proba.max(1).mean())
    metrics.register_score("made_up_uncertainty", "made-up uncertainty", lambda p: -p.mean_proba.max(1))


def test_a_new_metric_is_in_tables_glossary_leaderboards_and_findings(made_up_score, copied):
    for name, shard in copied.shards.items():
        folder = copied.results
        evaluate.evaluate_shard(copied, shard, folder / "shards" / f"{name}.nc", folder / "metrics" / f"{name}.parquet")
    evaluate.gather(copied)
    results = load_results(copied.results)
    rows = results.metrics[results.metrics.metric == "made_up_score"]
    assert set(rows.id) == set(results.metrics.id) and rows.value.between(0.5, 1).all()

    assert dict(facts.metrics(results)[0][1])["made_up_score"].definition == "Mean of the made-up score."
    for board in leaderboard.boards(copied, results, "toy"):
        labels = [c.label for c in board.columns]
        assert labels[:2] == ["NLL", "Accuracy %"] and labels.index("Made-up %") > labels.index("AUROC")
        best = rows[(rows.split == "test") & (rows.dataset == board.dataset) & (rows.inference == "bayes_rule")]
        assert board.reference("bayes_rule").values["made_up_score"].mean == pytest.approx(best.value.mean())
    (scores,) = findings.scores(results, "toy")
    assert "made-up uncertainty" in scores.sentence

    page = (render(copied) / "glossary.html").read_text(encoding="utf-8")
    assert '<tr id="made_up_score">' in page and "Mean of the made-up score." in page
    study = (copied.results / "report" / "study-toy.html").read_text(encoding="utf-8")
    assert study.count(">Made-up %</th>") == 2


def test_tables_that_know_a_metric_that_is_gone_still_become_a_report(copied):
    table = pd.read_parquet(copied.results / "metrics.parquet")
    old = table[table.metric == "nll"].assign(metric="forgotten_score")
    write_table(pd.concat([table, old]), copied.results / "metrics.parquet")
    described = dict(facts.metrics(load_results(copied.results))[0][1])["forgotten_score"]
    assert described.label == "forgotten score" and "another version" in described.definition


def test_tables_from_before_a_metric_have_no_column_of_it(made_up_score, small_plan, small_results):
    for board in leaderboard.boards(small_plan, small_results, "toy"):
        assert board.rows and "made_up_score" not in [c.metric for c in board.columns]
        assert pd.isna(board.rows[0].values["made_up_score"].mean)
