"""Figures of probes and of the middle of training, against the readings that they show."""

import numpy as np
import pandas as pd
import pytest
from small_run import NOTHING_ELSE, run

from bnnbench import plots
from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.results import load_results
from bnnbench.evaluation.select import NothingToDraw

CONFIG = {
    "studies": ["digits"],
    "seeds": [0, 1],
    "device": "cpu",
    "compile": "off",
    "overrides": {
        "digits": {
            "networks": {"lenet-8-16": None},
            "models": ["normal-1", "flat"],
            "inference": NOTHING_ELSE
            | {
                "map": {"settings": {"steps": 60}, "only": {"model": ["flat"]}, "curve": 5},
                "mean_field": {"settings": {"steps": 100}, "only": {"model": ["normal-1"]}, "curve": 5},
            },
            "draws": 20,
            "probes": {
                "pruning": {"settings": {"shares": [0, 0.5, 0.9], "draws": 3}},
                "rotation": {"settings": {"per_class": 1, "step": 45, "draws": 5}},
                "shift": {"settings": {"images": 100, "draws": 3, "kinds": ["translation", "blur"]}},
            },
        }
    },
}


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    return load_results(run(CONFIG | {"results_dir": str(tmp_path_factory.mktemp("probed") / "results")}).results)


def legend_texts(figure):
    return [t.get_text() for t in figure.legends[0].get_texts()]


def reading(results, **where):
    table = results.probes
    for column, value in where.items():
        table = table[table[column] == value]
    return table.value.to_numpy()


def test_shift_curves_pass_through_the_means_of_the_readings(probed):
    figure = plots.shift_curves(probed, "digits")
    top = figure.axes[0]
    where = {"probe": "shift", "variable": "translation", "metric": "accuracy", "inference": "map"}
    lines = [line.get_ydata() for line in top.lines]
    expected = [reading(probed, level=level, **where).mean() for level in (0, 2, 4, 6, 8, 10)]
    assert any(np.allclose(y, expected) for y in lines)
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["translation", "blur"]
    assert set(legend_texts(figure)) == {"MAP: flat", "mean field: normal, scale 1"}


def test_rotation_curves_average_images_within_a_seed_first(probed):
    figure = plots.rotation_curves(probed, "digits")
    table = probed.probes.query("probe == 'rotation' and metric == 'misread' and inference == 'mean_field'")
    by_seed = table.groupby(["level", "seed"]).value.mean().unstack()
    assert any(np.allclose(line.get_ydata(), by_seed.mean(axis=1)) for line in figure.axes[0].lines)
    _, low, high = mean_interval(by_seed.iloc[2])
    bands = np.concatenate([c.get_paths()[0].vertices[:, 1] for c in figure.axes[0].collections])
    assert np.isclose(bands, low).any() and np.isclose(bands, high).any()


def test_pruning_curves_start_at_the_error_of_the_whole_network(probed):
    figure = plots.pruning_curves(probed, "digits")
    where = {"probe": "pruning", "inference": "map", "variable": "magnitude-mean", "level": 0.0, "metric": "accuracy"}
    error = 100 * (1 - reading(probed, **where).mean())
    metrics = probed.metrics.query("metric == 'accuracy' and split == 'test' and inference == 'map'")
    assert error == pytest.approx(100 * (1 - metrics.value.mean()), abs=1e-4)
    assert any(np.isclose(line.get_ydata()[0], error) for line in figure.axes[0].lines)
    texts = [text for text in legend_texts(figure) if text.strip()]
    assert len(texts) == 2 + 4  # models; by size, and in three ways by ratio
    assert len(figure.axes[0].lines) == 1 + 4  # of map by size alone


def test_signal_to_noise_is_that_of_the_stored_weights(probed):
    figure = plots.signal_to_noise(probed, "digits")
    cell = probed.cells.query("inference == 'mean_field' and seed == 0").id.iloc[0]
    weights = plots.weights.parameters_of(probed, cell)
    weights = weights[weights.parameter.str.endswith("weight")]
    ratio = 20 * np.log10((weights["mean"] / weights["sd"]).abs())
    (line,) = figure.axes[1].lines
    at = np.searchsorted(line.get_xdata(), ratio.median())
    assert line.get_ydata()[at] == pytest.approx(0.5, abs=0.05)


def test_learning_curves_end_at_the_stored_errors(probed):
    figure = plots.learning_curves(probed, "digits")
    ids = probed.cells.query("inference == 'map'").id
    last = np.mean([100 * probed.arrays(i, "curve").test_error.values[-1] for i in ids])
    assert any(np.isclose(line.get_ydata()[-1], last) for line in figure.axes[0].lines)
    with pytest.raises(NothingToDraw, match="trained cell of digits with network x"):
        plots.learning_curves(probed, "digits", network="x")


def test_weights_and_turned_digits_are_drawn(probed):
    assert len(plots.weight_histograms(probed, "digits").axes[0].lines) == 2
    cell = plots.best_cell(probed, "digits")
    figure = plots.turned_digit(probed, cell, n_draws=5)
    dots = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 5]
    assert len(dots) == 4 * 13  # classes, angles
    outputs = np.concatenate([line.get_ydata() for line in figure.axes[1].lines])
    assert outputs.min() >= 0 and outputs.max() <= 1


def test_without_readings_figures_say_so(two_studies):
    for plot in (plots.shift_curves, plots.rotation_curves, plots.pruning_curves):
        with pytest.raises(NothingToDraw, match="no cell of digits was put to the probe"):
            plot(two_studies, "digits")
    assert isinstance(two_studies.probes, pd.DataFrame) and two_studies.probes.empty
