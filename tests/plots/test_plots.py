"""What figures show of priors, the plane, weights and training, against the tables that they come from."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from bnnbench import plots
from bnnbench.base.statistics import mean_interval
from bnnbench.datasets import bayes_proba
from bnnbench.evaluation import evaluate, select
from bnnbench.evaluation.results import Results
from bnnbench.plots import priors, style, toy
from bnnbench.words import names


def texts(ax) -> list[str]:
    return [t.get_text() for t in ax.texts]


def test_heat_map_shows_the_means_of_the_table(two_studies):
    table = two_studies.metrics
    table = table[(table.dataset == "circles-0.4") & (table.metric == "nll") & (table.split == "test")]
    table = table[table.inference == "mean_field"]
    chosen = two_studies.tuned.query("dataset == 'circles-0.4' and inference == 'mean_field'").set_index("prior").scale
    heat = plots.heat_table(two_studies, "toy", "circles-0.4", "mlp-5-5", "mean_field")
    assert list(heat.columns) == ["fixed", "half_normal", "half_cauchy"]
    assert heat.at["laplace", "half_normal"] == pytest.approx(
        table.query("prior == 'laplace' and hyperprior == 'half_normal'").value.mean()
    )
    assert heat.at["normal", "fixed"] == pytest.approx(
        table[(table.prior == "normal") & (table.scale == chosen["normal"])].value.mean()
    )
    assert heat.at["flat", "fixed"] == pytest.approx(table[table.prior == "flat"].value.mean())

    figure = plots.prior_heat_map(two_studies, "toy", inference="mean_field")
    ax = next(ax for ax in figure.axes if ax.get_title(loc="left") == "circles, noise 0.4")
    shown = np.array(texts(ax)).reshape(heat.shape)
    assert shown[heat.notna()].tolist() == [f"{v:.3f}" for v in heat.to_numpy()[heat.notna()]]
    assert set(shown[heat.isna()]) == {"= flat"}
    bold = [t.get_text() for t in ax.texts if t.get_weight() == "bold"]
    assert bold == [f"{heat.min().min():.3f}"]


def test_a_heat_map_has_the_digits_that_tell_close_values_apart(two_studies, monkeypatch):
    close = pd.DataFrame({"fixed": [0.02759, 0.03], "half_normal": [0.02807, 0.0301]}, index=["normal", "laplace"])
    monkeypatch.setattr(priors, "heat_table", lambda *_: close / 10)
    ax = plots.prior_heat_map(two_studies, "toy", inference="mean_field").axes[0]
    assert len(set(texts(ax))) == 4


def test_fixed_scales_stand_at_their_means_with_their_intervals(two_studies):
    figure = plots.fixed_against_hyperpriors(two_studies, "toy", ["moons-0.4"], "mean_field")
    rows = two_studies.metrics.query(
        "dataset == 'moons-0.4' and inference == 'mean_field' and metric == 'nll' and split == 'test'"
        " and prior == 'normal'"
    )
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [0.3, 1]
    assert line.get_ydata() == pytest.approx([rows[rows.scale == s].value.mean() for s in (0.3, 1)])
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    _, low, high = mean_interval(rows[rows.scale == 1].value)
    assert np.isclose(band[:, 1], low).any() and np.isclose(band[:, 1], high).any()
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert np.isclose(heights, rows[rows.hyperprior == "half_cauchy"].value.mean()).any()
    assert np.isclose(heights, select.control(two_studies, "moons-0.4", "bayes_rule")).any()


def test_leaderboard_is_ranked_by_the_mean_over_seeds(two_studies):
    figure = plots.leaderboard(two_studies, "toy", "moons-0.4", top=5)
    ax = figure.axes[0]
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert means == sorted(means) and len(means) == 5
    everything = select.compared(two_studies, "toy", dataset="moons-0.4")
    assert means[0] == pytest.approx(everything["mean"].min())
    best = everything.loc[everything["mean"].idxmin()]
    assert ax.get_yticklabels()[0].get_text().startswith(names.model_name(best))
    bars = [line.get_xdata() for line in ax.lines if line.get_marker() != "o"]
    assert any(np.allclose(bar, [best.low, best.high]) for bar in bars)


def test_hyperpriors_are_compared_though_a_cell_of_a_fixed_scale_failed(two_studies):
    failed = two_studies.metrics.query("scale == 0.3 and seed == 0 and inference == 'mean_field'").id
    results = Results(two_studies.folder)
    left = two_studies.metrics[~two_studies.metrics.id.isin(failed)]
    results.__dict__.update(cells=two_studies.cells, metrics=left, tuned=evaluate.tuned(left), plan=two_studies.plan)
    assert set(results.tuned.query("inference == 'mean_field'").scale) == {1.0}
    assert "fixed scale's in" in plots.hyperpriors_in_words(results, "toy", "mean_field")
    of_whole, of_rest = (select.with_tuned_scales(r, "toy", metric="nll") for r in (two_studies, results))
    assert set(of_rest.query("hyperprior == 'fixed' and prior == 'normal' and inference == 'mean_field'").scale) == {
        1.0
    }
    assert len(of_whole) == len(of_rest)


def test_only_the_tuned_one_of_several_fixed_scales_is_compared(two_studies):
    table = select.compared(two_studies, "toy", dataset="moons-0.4", inference="map")
    fixed = table[(table.hyperprior == "fixed") & table.scale.notna()].set_index("prior").scale
    tuned = two_studies.tuned.query("dataset == 'moons-0.4' and inference == 'map'").set_index("prior").scale
    assert fixed.to_dict() == tuned.to_dict()
    digits = select.compared(two_studies, "digits", inference="map")
    assert set(digits[digits.hyperprior == "fixed"].prior) == {"normal", "laplace", "flat"} and not digits.tuned.any()


def test_the_exact_boundary_is_drawn_in_every_map(two_studies):
    figure = plots.plane_maps(two_studies, "toy", "probability", ["circles-0.4"], "mean_field", n_grid=60, n_draws=5)
    maps = [ax for ax in figure.axes if ax.get_title(loc="left")]
    assert maps[0].get_title(loc="left") == "exact" and len(maps) == 4
    for ax in maps:
        boundary = np.concatenate([p.vertices for p in ax.collections[-3].get_paths() if len(p.vertices)])
        p = bayes_proba("circles", {"noise": 0.4, "factor": 0.5}, boundary)[:, 1]
        assert np.abs(p - 0.5).max() < 0.01
        assert sum(len(c.get_offsets()) for c in ax.collections[-2:]) == 250


def test_maps_are_the_mean_and_the_sd_over_draws(two_studies, monkeypatch):
    drawn, draw = [], toy._draw_map
    monkeypatch.setattr(toy, "_draw_map", lambda ax, plane, z, *rest: drawn.append(z) or draw(ax, plane, z, *rest))
    settings = {"datasets": ["moons-0.4"], "inference": "mean_field", "n_models": 2, "n_grid": 12, "n_draws": 7}
    plots.plane_maps(two_studies, "toy", "probability", **settings)
    plots.plane_maps(two_studies, "toy", "uncertainty", **settings)
    model = plots.best_models(two_studies, "toy", "moons-0.4", "mean_field").iloc[0]
    cell = select.cell_of(two_studies, "toy", model, dataset="moons-0.4", inference="mean_field")
    plane = toy.Plane.around(two_studies.data("moons-0.4").test()[0], 12)
    draws = two_studies.trained(cell.id).sample_proba(plane.points, 7)[:, :, 1]
    exact, mean, sd, _ = drawn
    assert exact == pytest.approx(bayes_proba("moons", {"noise": 0.4}, plane.points)[:, 1])
    assert mean == pytest.approx(draws.mean(0), abs=1e-5) and sd == pytest.approx(draws.std(0), abs=1e-5)


def test_a_point_estimate_has_no_uncertainty_map(two_studies):
    with pytest.raises(plots.NothingToDraw, match="point estimate"):
        plots.plane_maps(two_studies, "toy", "uncertainty", inference="map")
    with pytest.raises(ValueError, match="choose probability or uncertainty"):
        plots.plane_maps(two_studies, "toy", "sd")


def test_last_layer_counts_the_intervals_that_hold_zero(two_studies):
    figure = plots.last_layer_densities(two_studies, "toy", "circles-0.4", n_draws=100)
    for ax, prior in zip(figure.axes, ("laplace", "cauchy"), strict=True):
        model = plots.best_models(two_studies, "toy", "circles-0.4", "mean_field").set_index("prior", drop=False)
        cell = select.cell_of(two_studies, "toy", model.loc[prior], dataset="circles-0.4", inference="mean_field")
        stored = two_studies.arrays(cell.id, "weights")
        last = stored.parameter.values == "dense3.weight"
        holds = ((stored.q025.values <= 0) & (stored.q975.values >= 0))[last].sum()
        assert ax.get_title(loc="left").endswith(f"of {holds} of 10 weights")
        curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
        assert len(curves) == 10 and sum(line.get_color() == style.GREY for line in curves) == holds
        areas = [np.trapezoid(line.get_ydata(), line.get_xdata()) for line in curves]
        assert np.median(areas) == pytest.approx(1, abs=0.03)


def test_layer_scales_are_the_stored_ones(two_studies):
    figure = plots.layer_scales(two_studies, "toy", "moons-0.4")
    ax = next(ax for ax in figure.axes if ax.get_title(loc="left") == "Cauchy prior")
    cell = "toy/moons-0.4/mlp-5-5/cauchy-half_cauchy/mean_field/seed-0"
    stored = two_studies.arrays(cell, "scales")
    assert any(np.array_equal(line.get_xdata(), stored["mean"].values) for line in ax.lines)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == list(stored.parameter.values)


def test_traces_are_the_stored_ones(two_studies):
    figure = plots.traces(two_studies, "toy", "moons-0.4")
    stored = two_studies.arrays("toy/moons-0.4/mlp-5-5/flat/mean_field/seed-1", "trace")
    ax = next(ax for ax in figure.axes if ax.get_title(loc="left") == "flat prior")
    assert any(np.array_equal(line.get_ydata(), stored.objective.values) for line in ax.lines)
    assert len([line for line in ax.lines if len(line.get_ydata())]) == 2


def test_figures_are_the_same_bytes_each_time_and_leave_no_trace(two_studies):
    before = dict(matplotlib.rcParams)
    for kind in ("png", "svg"):
        first, second = (
            plots.encode(priors.prior_heat_map(two_studies, "toy", inference="map"), kind) for _ in range(2)
        )
        assert first == second
    assert b"<dc:date>" not in first
    assert dict(matplotlib.rcParams) == before
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_show_displays_an_image_with_its_meaning_or_one_line_that_says_why_not(two_studies, monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    plots.show(plots.leaderboard, two_studies, "toy", "moons-0.4")
    plots.show(plots.leaderboard, two_studies, "toy", "no-such-data")
    assert 'alt="Models of one data set by mean test metric' in shown[0].data and 'width="700"' in shown[0].data
    assert shown[1].data == "*Not shown: the results hold no nll of toy with dataset no-such-data.*"
    assert plots.attempt(plots.best_cell, two_studies, "no-such-study") is None


def test_the_best_model_is_chosen_on_validation_data(two_studies):
    """The test set has no say: were its scores the other way round, the same model would be shown."""

    def best(split):
        results = Results(two_studies.folder)
        turned = results.metrics.value.where(results.metrics.split != split, -results.metrics.value)
        results.__dict__["metrics"] = results.metrics.assign(value=turned)
        return select.best_models(results, "toy", "moons-0.4", "mean_field")[["prior", "hyperprior", "scale"]]

    chosen = best("none")
    assert best("test").equals(chosen)
    assert not best("validation").equals(chosen)
