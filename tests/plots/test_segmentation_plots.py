"""A small study with a class a pixel, from data to figures: what pictures and claims say is what is stored."""

import numpy as np
import pandas as pd
import pytest

from bnnbench import claims, plots
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.plots import segmentation

STUDY, DATA = "segmentation", "shapes-0.6-size-16"


def values(results, metric: str, **where) -> pd.Series:
    table = results.metrics[(results.metrics.metric == metric) & (results.metrics.split == "test")]
    for column, wanted in where.items():
        table = table[table[column] == wanted]
    return table.set_index("seed").value


def test_every_cell_is_trained_and_its_maps_are_small_and_bounded_by_the_controls(map_results):
    assert set(map_results.cells.state) == {"done"} and len(map_results.cells) == 2 * 2 * 2
    nll = map_results.metrics[(map_results.metrics.metric == "nll") & (map_results.metrics.split == "test")]
    by_method = nll.groupby("inference").value.mean()
    assert by_method["bayes_rule"] < by_method.drop("bayes_rule").min()
    assert values(map_results, "kl_to_bayes", inference="bayes_rule").max() < 1e-6
    row = map_results.cells.iloc[0]
    stored = map_results.group(row.shard, "test")
    pixels, k = 15 * 16 * 16, 4
    assert sum(a.nbytes for a in stored.sel(cell=row.id).data_vars.values()) == pixels * (3 * k + 6)


def test_void_pixels_are_no_part_of_the_stored_metrics(map_results):
    cell = map_results.cells[map_results.cells.inference == "mc_dropout"].iloc[0]
    _, y = map_results.labels(cell.id)
    maps = map_results.predictions(cell.id)
    right = (maps.predicted == y)[y >= 0].mean()
    stored = values(map_results, "accuracy", id=cell.id)
    assert (y < 0).any() and stored.iloc[0] == pytest.approx(right)


def test_a_trained_cell_predicts_maps_of_new_images(map_results):
    cell = map_results.cells[map_results.cells.inference == "map"].iloc[0]
    x = map_results.data(DATA).x_test[:3]
    again = map_results.trained(cell.id).predictions(x, 1)
    np.testing.assert_allclose(again.mean_proba, map_results.predictions(cell.id).mean_proba[:3], atol=2e-3)


def test_pictures_show_the_images_with_most_wrong_pixels_first(map_results):
    figure = plots.scenes(map_results, STUDY, n=3)
    titles = [ax.get_title(loc="left") for ax in figure.axes[:7]]
    assert titles == ["Input", "Truth", "Prediction", "Confidence", "Aleatoric", "Epistemic", "True entropy"]
    cell = segmentation.shown_cell(map_results, STUDY, DATA)
    assert cell.inference == "mc_dropout"
    shown = segmentation.Shown.of(map_results, cell)
    worst = int(np.argmax(shown.wrong.sum((1, 2))))
    assert figure.axes[0].get_xlabel() == f"image {worst}"
    drawn = figure.axes[2].images[0].get_array()
    known = shown.labels[worst] >= 0
    assert np.array_equal(drawn[known], shown.maps.predicted[worst][known]) and (drawn[~known] == -1).all()


def test_class_variances_are_of_methods_with_draws(map_results):
    figure = plots.class_variances(map_results, STUDY)
    assert [ax.get_title(loc="left") for ax in figure.axes[1:5]] == ["background", "disc", "square", "stripe"]
    with pytest.raises(NothingToDraw, match="point estimate"):
        plots.class_variances(map_results, STUDY, inference="map")


def test_the_curve_of_kept_pixels_ends_at_the_accuracy(map_results):
    figure = plots.pixels_kept(map_results, STUDY)
    cell = plots.segmentation.chosen_cell(map_results, STUDY, DATA, "map")
    accuracy = values(map_results, "accuracy", inference="map", likelihood=cell.likelihood).mean()
    for line in figure.axes[0].lines[:2]:
        assert line.get_ydata()[-1] == pytest.approx(accuracy, abs=1e-9)


def test_claims_are_differences_paired_by_seed(map_results):
    found = map_results.claims.set_index(["id", "part"])
    ours = values(map_results, "auroc_total_variance", inference="mc_dropout", likelihood="")
    own = values(map_results, "auroc_max_probability", inference="mc_dropout", likelihood="")
    assert found.loc[("G2", "a"), "effect"] == pytest.approx((ours - own).mean())
    both = values(map_results, "miou", inference="mc_dropout", likelihood="pixels_logit_noise")
    neither = values(map_results, "miou", inference="map", likelihood="")
    assert found.loc[("K2", "a"), "effect"] == pytest.approx(100 * (both - neither).mean())
    assert claims.of_study("camvid") == claims.of_study(STUDY)
