"""Figures along the input and of calibration: what they show of cells whose predictions are known."""

import numpy as np
import pandas as pd
import pytest

from bnnbench import datasets, plots
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import spread_ratios
from bnnbench.metrics import Mixture
from bnnbench.plots import curves

STUDY = "regression"


def labelled(ax) -> set[str]:
    return {label for label in ax.get_legend_handles_labels()[1] if not label.startswith("_")}


def test_every_method_has_a_panel_with_the_training_points_and_the_true_mean(curve_results):
    figure = plots.predictive_bands(curve_results, STUDY, "foong", n_grid=50, n_draws=10)
    drawn = [ax for ax in figure.axes if ax.lines]
    assert [ax.get_title(loc="left").strip() for ax in drawn] == ["MAP", "Mean field"]
    for ax in drawn:
        assert labelled(ax) >= {"gap", "central 50%", "central 90%", "median", "true mean", "training point"}
        x, y = next(line for line in ax.lines if line.get_label() == "true mean").get_data()
        np.testing.assert_allclose(y, np.cos(4 * x + 0.8))
        assert len(ax.collections[-1].get_offsets()) == 40
        assert ax.get_xlabel() == "Input x"
    assert drawn[0].get_xlim() == pytest.approx((-2, 2))


def test_the_band_is_that_of_the_chosen_cell(curve_results):
    figure = plots.predictive_bands(curve_results, STUDY, "foong", ["mean_field"], n_grid=50, n_draws=10)
    cell = curves.chosen_cell(curve_results, STUDY, "foong", "mean_field")
    nll = curve_results.metrics[
        (curve_results.metrics.metric == "nll") & (curve_results.metrics.split == "validation")
        & (curve_results.metrics.dataset == "foong") & (curve_results.metrics.inference == "mean_field")
    ]  # fmt: skip
    best = nll.groupby(["likelihood", "prior"]).value.mean().idxmin()
    assert (cell.likelihood, cell.prior, cell.seed) == (*best, 0)
    x, y = next(line for line in figure.axes[0].lines if line.get_label() == "median").get_data()
    mixture = curve_results.trained(cell.id).predictions(x[:, None].astype(np.float32), 10)
    np.testing.assert_allclose(y, mixture.quantile([0.5])[:, 0], rtol=1e-4, atol=1e-4)


def test_the_two_uncertainties_stand_beside_the_true_noise(curve_results):
    name = "three_intervals-heteroscedastic"
    figure = plots.uncertainties_along(curve_results, STUDY, name, n_grid=50, n_draws=10)
    point, spread = ({line.get_label(): line.get_ydata() for line in ax.lines} for ax in figure.axes[:2])
    assert not point["epistemic sd"].any() and spread["epistemic sd"].all()
    x = figure.axes[0].lines[0].get_xdata()
    _, scale = datasets.law("three_intervals", {"heteroscedastic": True}, x)
    np.testing.assert_allclose(point["sd of the true noise"], scale[:, 0])
    assert figure.axes[0].get_ylabel() == "sd (target units)"


def test_noise_of_one_sd_stands_beside_noise_that_grows_a_row_each_likelihood(curve_results):
    figure = plots.bands_by_noise(curve_results, STUDY, n_grid=30, n_draws=10)
    titles = [title for ax in figure.axes if (title := ax.get_title(loc="left"))]
    assert titles == ["three intervals", "three intervals\nheteroscedastic"]
    rows = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]
    assert rows == ["Gaussian\nTarget y", "heteroscedastic\nGaussian\nTarget y"]


def test_bars_of_calibrated_predictions_lie_in_the_band_and_of_narrow_ones_do_not(curve_results, monkeypatch):
    law = datasets.law("foong", {}, curve_results.data("foong").x_test)
    for factor, calibrated in ((1.0, True), (0.3, False)):
        monkeypatch.setattr(Results, "predictions", lambda *_, f=factor: Mixture(law[0], f * law[1]))
        figure = plots.pit_histograms(curve_results, STUDY, "foong", ["map"])
        ax = figure.axes[0]
        band, bars = ax.patches[0].get_extents().transformed(ax.transData.inverted()), ax.patches[1].get_data().values
        assert bars.sum() == pytest.approx(1)
        outside = (bars < band.y0 - 1e-9) | (bars > band.y1 + 1e-9)
        assert outside.sum() <= 1 if calibrated else outside.sum() >= 2
        assert calibrated or min(bars[0], bars[-1]) > bars[1:-1].max()  # a U where they are too narrow
        line = plots.quantile_calibration(curve_results, STUDY, "foong", ["map"]).axes[0].lines[0].get_ydata()
        assert (abs(line).max() < 0.2) if calibrated else (line[5] > 0.05 and line[-6] < -0.05)


def test_spread_in_words_gives_ratios_of_readings(curve_results):
    table = plots.spread_in_words(curve_results, STUDY)
    assert table.count("\n") == 3 and "| MAP |" in table and "–" in table  # no epistemic sd of a point estimate
    readings = pd.DataFrame(
        [
            {"dataset": d, "seed": s, "variable": region, "metric": "total_sd", "value": value * (1 + s)}
            for d in ("a", "b") for s in (0, 1) for region, value in (("inside", 0.5), ("gap", 1.0), ("outside", 2.0))
        ]
    )  # fmt: skip
    assert (spread_ratios(readings, "total_sd", "outside") == 4).all(axis=None)
    assert spread_ratios(readings[readings.variable != "gap"], "total_sd", "gap").empty


def test_a_study_of_classes_has_no_curves(two_studies):
    for plot in (plots.predictive_bands, plots.uncertainties_along, plots.bands_by_noise, plots.pit_histograms):
        with pytest.raises(plots.NothingToDraw):
            plot(two_studies, "toy")
