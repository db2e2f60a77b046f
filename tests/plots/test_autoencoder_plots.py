"""Figures, the table and the claims of a small run of autoencoders."""

import numpy as np
import pandas as pd
import pytest
from small_run import NOTHING_ELSE, run

from bnnbench import load_results, plots
from bnnbench.claims import of_study

FEW = {"settings": {"steps": 12, "batch_size": 20}, "stack": 4}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    study = {
        "datasets": {"digits_binary": {"n_train": 60, "n_validation": 20}},
        "networks": {"vae-3": None, "vae-5": None, "vae-20": None},
        "scales": [1],
        "draws": 2,
        "inference": NOTHING_ELSE | {"map": FEW},
        "probes": {"codes": {"settings": {"inputs": 50, "images": 10, "samples": [1, 10]}}},
    }
    config = {"studies": ["vae"], "seeds": [0, 1], "device": "cpu", "compile": "off"}
    folder = str(tmp_path_factory.mktemp("vae"))
    return load_results(run(config | {"results_dir": folder, "overrides": {"vae": study}}).results)


def test_every_network_and_objective_is_trained_and_scored(results):
    assert set(results.cells.state) == {"done"}
    found = set(zip(results.cells.network, results.cells.likelihood, strict=True))
    assert found == {
        ("vae-2", "bernoulli_elbo"), ("vae-2", "bernoulli_elbo_sampled"), ("vae-2", "bernoulli_reconstruction"),
        ("vae-2", "bernoulli_kl"), ("autoencoder-2", "bernoulli_reconstruction"), ("vae-10", "bernoulli_elbo"),
        ("vae-10", "bernoulli_elbo_sampled"),
    }  # fmt: skip
    table = results.metrics[results.metrics.split == "test"]
    by_cell = table[table.inference == "map"].pivot_table("value", "id", "metric")
    assert (by_cell.nll <= by_cell.negative_elbo + 1e-6).all()
    np.testing.assert_allclose(by_cell.negative_elbo, by_cell.reconstruction_error + by_cell.code_kl, rtol=1e-5)
    assert (table[table.inference == "chance"].set_index("metric").value["nll"] < 64 * np.log(2)).all()


def test_figures_show_what_was_trained(results):
    labels = [text.get_text() for text in plots.decoded_samples(results, "vae").axes[0].get_yticklabels()]
    assert labels == ["test images", "2 numbers", "10 numbers"]
    image = plots.manifold(results, "vae", n=3).axes[0].images[0].get_array()
    assert image.shape == (27, 27)
    titles = [title for ax in plots.code_planes(results, "vae", n=40).axes if (title := ax.get_title("left"))]
    assert len(titles) == 5 and sum("KL alone" in title for title in titles) == 1
    lines = plots.bounds_by_code(results, "vae").axes[0].lines
    assert [list(line.get_xdata()) for line in lines] == [[2, 10]] * 4
    assert [list(line.get_xdata()) for line in plots.importance_curves(results, "vae").axes[0].lines] == [[1, 10]] * 2
    assert plots.autoencoders_in_words(results, "vae").count("\n") == 1 + 7


def test_claims_have_their_statistics(results):
    table = pd.read_parquet(results.folder / "claims.parquet")
    assert list(table.id) == ["V1", "V2", "V2", "V3", "V4"] and table.effect.notna().all()
    assert [claim.id for claim in of_study("vae-mnist")] == ["V1M", "V2M", "V3M", "V4M"]
