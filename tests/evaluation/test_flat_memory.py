"""What comes after training takes hardly more memory for many cells than for few."""

import pandas as pd
import pytest
from made_up_run import make
from peak import peak

from bnnbench.evaluation import evaluate, probing
from bnnbench.evaluation.results import load_results
from bnnbench.files import tables

AFTER_TRAINING = """
import sys
from made_up_run import make
from bnnbench import claims
from bnnbench.claims import toy
from bnnbench.evaluation import evaluate, probing
from bnnbench.evaluation.results import load_results
from bnnbench.report import figures, site

toy.LOGIT_DRAWS = 2  # they take most of the time, and no memory
plan = make(sys.argv[1], int(sys.argv[2]))
evaluate.gather(plan)
probing.gather(plan)
claims.write(plan)
results = load_results(plan.results)
assert len(results.cells) > 200 * int(sys.argv[2])
studies = [site.study(plan, results, name, figures.Figures(), "") for name in plan.studies]
assert studies[0].boards[0].rows and studies[0].findings and site.site(plan, results, studies)["n_cells"]
"""


@pytest.mark.slow
def test_gathering_claims_and_the_reports_data_of_ten_times_the_cells_take_little_more_memory(tmp_path):
    few, many = (peak(AFTER_TRAINING, tmp_path / str(seeds), seeds) for seeds in (5, 50))
    assert many < 1.3 * few


@pytest.fixture(scope="module")
def gathered(tmp_path_factory):
    plan = make(tmp_path_factory.mktemp("gathered") / "results", 2)
    evaluate.gather(plan)
    probing.gather(plan)
    return plan


def test_rows_are_those_of_the_whole_table(gathered, monkeypatch):
    """In its order, wherever its row groups end, from the file as from memory."""
    whole = pd.read_parquet(gathered.results / "metrics.parquet")
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 1000)
    evaluate.gather(gathered)
    kept = whole[(whole.study == "toy") & whole.metric.isin(["nll", "ece"]) & (whole.seed == 1)].reset_index(drop=True)
    asked = {"study": "toy", "metric": ["nll", "ece"], "seed": 1}
    results = load_results(gathered.results)
    pd.testing.assert_frame_equal(results.rows("metrics", **asked), kept)
    pd.testing.assert_frame_equal(results.rows("metrics", ["id", "value"], **asked), kept[["id", "value"]])
    assert results.rows("metrics", study="nobody's").dtypes.equals(whole.dtypes)
    known = results.distinct("metrics", "dataset", "metric")
    pd.testing.assert_frame_equal(known, whole[["dataset", "metric"]].drop_duplicates(ignore_index=True))
    assert results.metrics.shape == whole.shape
    pd.testing.assert_frame_equal(results.rows("metrics", **asked).reset_index(drop=True), kept)


def test_the_gathered_metrics_are_those_of_the_shards_in_their_order(gathered):
    parts = [pd.read_parquet(gathered.results / "metrics" / f"{name}.parquet") for name in gathered.shards]
    table = pd.read_parquet(gathered.results / "metrics.parquet")
    whole = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(table[: len(whole)], whole)
    assert set(table.inference[len(whole) :]) == {"chance", "bayes_rule"}
