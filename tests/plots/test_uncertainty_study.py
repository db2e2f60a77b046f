"""The study of the two uncertainties from data to figures on tiny sizes, and what its figures show."""

import numpy as np
import pytest
from small_run import NOTHING_ELSE, run

from bnnbench import datasets, plots
from bnnbench.evaluation.results import Results, load_results
from bnnbench.evaluation.sizes import chosen_scores, facts
from bnnbench.words.names import data_name

STUDY = "uncertainty"
SIZES = [8, 30]
CONFIG = {
    "studies": [STUDY],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        STUDY: {
            "datasets": {
                "noisy_wave": {"n_train": SIZES, "noise": [0.2, 0.8], "quiet_share": 0.5, "n_validation": 20,
                               "n_test": 40},
                "noisy_labels": {"n_train": SIZES, "noise": 0.2, "quiet_share": 0.5, "n_validation": 20, "n_test": 40},
            },
            "networks": {"mlp-20": {"hidden": [4]}},
            "models": ["normal-1"],
            "inference": NOTHING_ELSE | {
                "map": {"settings": {"steps": 30}, "stack": 4, "only": {"network": ["mlp-20"]}},
                "mean_field": {"settings": {"steps": 40}, "stack": 4},
            },
            "draws": 10,
            "probes": {"regions": {"settings": {"points": 5, "draws": 5}}},
        }
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    return load_results(run(CONFIG | {"results_dir": str(tmp_path_factory.mktemp("uncertainty") / "results")}).results)


def titles(figure) -> list[str]:
    return [title for ax in figure.axes if (title := ax.get_title(loc="left"))]


def line(ax, label: str):
    return next(line for line in ax.lines if line.get_label() == label).get_data()


def test_data_sets_are_known_by_what_they_differ_in(results):
    known = facts(results, STUDY).set_index("dataset")
    assert set(known.curve) == {"noisy_wave", "noisy_wave-noise-0.8", "noisy_labels"}
    assert known.loc["noisy_wave-noise-0.8-n-30", ["n_train", "noise", "plain"]].tolist() == [30, 0.8, False]
    assert known.loc["noisy_wave-noise-0.8-n-30", "quietened"] == "noisy_wave-n-30"
    assert known.plain.sum() == 4
    assert data_name("noisy_wave-noise-0.8-quiet-0.1-n-1000") == "noisy wave, noise 0.8, 10% quiet, 1,000 points"


def test_claims_are_judged_and_readings_are_of_both_tasks(results):
    assert set(results.claims.id) == {"K1-small", "K1-large", "U1"}
    decided = results.claims[(results.claims.id == "K1-small") & ~results.claims.beside]
    assert (decided.n_seeds == 2).all() and np.isfinite(decided.effect).all()
    readings = results.probes.groupby("metric").dataset.first()
    assert readings["mutual_information"].startswith("noisy_labels")
    assert readings["epistemic_sd"].startswith("noisy_wave")


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_uncertainties_stand_beside_the_true_noise_at_each_size(results, task):
    figure = plots.uncertainties_by_size(results, STUDY, task)
    curves = {"regression": ["noisy wave", "noisy wave, noise 0.8"], "classification": ["noisy labels"]}[task]
    assert titles(figure) == curves
    ax = figure.axes[0]
    x, y = line(ax, "Mean field")
    assert x.tolist() == SIZES
    metric = "aleatoric_sd" if task == "regression" else "expected_entropy"
    table = chosen_scores(results, STUDY, metric, "mean_field", task)
    plain = table[table.plain & (table.n_train == 30)].value
    assert y[1] == pytest.approx(np.exp(np.log(plain).mean()))
    test = results.data(f"noisy_{'wave' if task == 'regression' else 'labels'}-n-8").test()[0]
    if task == "regression":
        true = np.sqrt((datasets.law("noisy_wave", {}, test)[1] ** 2).mean())
    else:
        p = datasets.bayes_proba("noisy_labels", {}, test)
        true = -(p * np.log(p)).sum(1).mean()
    assert line(ax, "true noise")[1] == pytest.approx(true, rel=1e-5)
    epistemic = figure.axes[1]
    assert "MAP" not in {found.get_label() for found in epistemic.lines if found.get_xdata().size}


def test_along_the_input_there_is_a_column_a_size(results):
    figure = plots.uncertainties_at_sizes(results, STUDY, "classification", n_grid=20, n_draws=5)
    assert titles(figure) == ["8 points", "30 points"]
    x, y = line(figure.axes[1], "true noise")
    p = datasets.bayes_proba("noisy_labels", {}, x)
    np.testing.assert_allclose(y, -(p * np.log(p)).sum(1))
    assert line(figure.axes[0], "mutual information")[1].min() >= 0
    assert plots.uncertainties_at_sizes(results, STUDY, "regression", ["map"], n_grid=20, n_draws=5).axes


def test_correlations_and_slopes_against_noise_are_drawn(results):
    figure = plots.correlation_by_size(results, STUDY)
    assert titles(figure) == ["noisy wave", "noisy wave, noise 0.8", "noisy labels"]
    assert all("MAP" not in ax.get_legend_handles_labels()[1] for ax in figure.axes)
    figure = plots.uncertainties_by_noise(results, STUDY)
    x, y = line(figure.axes[0], "true noise")
    assert x.tolist() == [0.2, 0.8] and y[1] / y[0] == pytest.approx(4)


def test_tables_hold_every_size_and_both_networks(results):
    table = plots.checks_in_words(results, STUDY, "regression")
    assert [row.split("|")[1:3] for row in table.splitlines()[2:]] == [
        [f" {m} ", f" {n} "] for m in ("MAP", "mean field") for n in SIZES
    ]
    table = plots.small_network_in_words(results, STUDY)
    assert table.splitlines()[0].endswith("| mlp-20 | mlp-2 |") and "| MAP |" not in table
    assert table.count("mean field") == 6


def test_one_size_is_no_series(results):
    one = Results(results.folder)
    one.__dict__["cells"] = results.cells[results.cells.dataset.str.endswith("-n-30")]
    with pytest.raises(plots.NothingToDraw, match="several sizes"):
        plots.tasks_of(one, STUDY)
