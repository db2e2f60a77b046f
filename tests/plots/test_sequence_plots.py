"""Figures, texts and the claim of a small run of recurrent networks."""

import numpy as np
import pandas as pd
import pytest
from small_run import NOTHING_ELSE, run

from bnnbench import load_results, plots
from bnnbench.claims.sequence import CLAIMS, chosen
from bnnbench.datasets import markov
from bnnbench.plots import sequences

FEW = {"settings": {"steps": 12, "batch_size": 8}, "recipes": None, "stack": 4}
OPTIONS = {"n_train": 16, "n_validation": 8, "n_test": 12, "length": 6}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = {
        "datasets": {"digits": {"n_train": 16, "n_validation": 8}, "markov": OPTIONS, "text": None},
        "networks": {"lstm-24": None, "gru-24": {"hidden": [3]}},
        "models": ["normal-1", "normal-half_normal", "flat"],
        "draws": 4,
        "inference": NOTHING_ELSE | {name: FEW for name in ("map", "mean_field", "mc_dropout")},
    }
    config = {"studies": ["sequence"], "seeds": [0, 1], "device": "cpu", "compile": "off"}
    folder = str(tmp_path_factory.mktemp("sequence"))
    return load_results(run(config | {"results_dir": folder, "overrides": {"sequence": study}}).results)


def test_everything_is_trained_and_drawn(results):
    assert set(results.cells.state) == {"done"}
    assert plots.symbol_sets(results, "sequence") == ["markov_order_3"]
    bits = plots.recurrent_scores(results, "sequence", "markov_order_3").axes[0]
    rate = markov.entropy_rate()
    assert [line.get_label() for line in bits.lines if "entropy rate" in str(line.get_label())] == [
        f"entropy rate of the source, {rate:.3f} bits"
    ]
    assert [ax.get_xlabel() for ax in plots.recurrent_scores(results, "sequence", "digits").axes] == [
        "NLL", "Accuracy", "ECE"
    ]  # fmt: skip
    text = plots.generated_in_words(results, "sequence", "markov_order_3", n_symbols=9, n_sequences=1)
    assert text.count("<tr>") == 1 + 1 + 3


def test_bits_along_a_piece_average_to_those_of_the_metric(results):
    cell = results.cells[results.cells.dataset == "markov_order_3"].iloc[0]
    y = results.labels(cell.id)[1]
    read, bits = sequences._bits_by_step(results.predictions(cell.id).proba, y)
    assert read.tolist() == [3, 4, 5, 6, 7, 8]
    table = results.metrics[(results.metrics.id == cell.id) & (results.metrics.split == "test")].set_index("metric")
    assert bits.mean() == pytest.approx(table.value["bits_per_symbol"], abs=1e-6)
    assert plots.bits_along_pieces(results, "sequence", "markov_order_3").axes[0].lines[-1].get_label() == "true source"


def test_the_claim_compares_the_models_that_validation_data_chose(results):
    table = pd.read_parquet(results.folder / "claims.parquet").set_index("part")
    assert len(table) == 4  # no ensemble was run
    ours, plain = (
        chosen(results, "sequence", "nll", inference=inference, prior=prior)
        for inference, prior in (("mean_field", "normal"), ("map", "flat"))
    )
    assert table.effect["a"] == pytest.approx((ours - plain).to_numpy().mean())
    rows = results.metrics[(results.metrics.inference == "mean_field") & (results.metrics.metric == "nll")]
    validation = rows[rows.split == "validation"].groupby(["dataset", "hyperprior"]).value.mean().unstack()
    test = rows[rows.split == "test"].groupby(["dataset", "hyperprior"]).value.mean().unstack()
    best = {name: test.loc[name, validation.loc[name].idxmin()] for name in test.index}
    np.testing.assert_allclose(ours.mean(axis=1).droplevel("network").to_dict()["digits"], best["digits"])
    assert [s.direction for s in CLAIMS[0].statistics[:4]] == ["below", "below", "at most", "at most"]
