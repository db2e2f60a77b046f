"""What figures and sentences say of one network, against its predictions; sentences about a study."""

import re

import numpy as np
import pandas as pd
import pytest

from bnnbench import metrics, plots
from bnnbench.evaluation import select
from bnnbench.evaluation.results import Results
from bnnbench.plots import images, weights


def texts(ax) -> list[str]:
    return [t.get_text() for t in ax.texts]


@pytest.fixture(scope="module")
def cell(two_studies):
    return plots.best_cell(two_studies, "digits")


@pytest.fixture(scope="module")
def judged(two_studies, cell):
    predictions = two_studies.predictions(cell)
    wrong = predictions.mean_proba.argmax(1) != two_studies.data("digits").test()[1]
    return predictions, wrong, metrics.expected_error_rate(predictions.argmax_votes)


def test_certain_errors_are_exactly_the_wrong_images_on_which_all_draws_agree(two_studies, cell, judged):
    _, wrong, rate = judged
    expected = set(np.flatnonzero(wrong & (rate == 0)))
    assert set(plots.wrong_and_unanimous(two_studies, cell)) == expected
    if not expected:
        pytest.skip("no wrong image is unanimous in this run")
    figure = plots.certain_errors(two_studies, cell, n=500)
    assert {int(ax.get_gid().removeprefix("test-")) for ax in figure.axes if ax.get_gid()} == expected


def test_disputed_images_are_those_with_the_highest_expected_error_rate(two_studies, cell, judged):
    predictions, _, rate = judged
    figure = plots.disputed_images(two_studies, cell, n=7)
    shown = [int(ax.get_gid().removeprefix("test-")) for ax in figure.axes if ax.get_gid()]
    assert len(set(shown)) == 7 and min(rate[shown]) >= np.delete(rate, shown).max()
    inputs, truth = two_studies.data("digits").test()
    for ax, i in zip(figure.axes, shown, strict=False):
        assert ax.get_title() == f"true {truth[i]}, read {predictions.mean_proba[i].argmax()}"
        assert np.array_equal(ax.images[0].get_array(), inputs[i, 0])


def test_confusion_matrix_counts_every_test_point(two_studies, cell, judged):
    _, wrong, _ = judged
    counts = np.array(texts(plots.confusion_matrix(two_studies, cell).axes[0]), int).reshape(10, 10)
    assert counts.sum() == len(wrong) and counts.sum() - np.trace(counts) == wrong.sum()
    assert counts.sum(1).tolist() == np.bincount(two_studies.data("digits").test()[1]).tolist()


def test_class_variance_agrees_with_the_metrics_table(two_studies, cell):
    ax = plots.class_variance(two_studies, cell).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    stored = two_studies.metrics[(two_studies.metrics.id == cell) & (two_studies.metrics.split == "test")]
    stored = stored.set_index("metric").value
    assert lines["all"] == pytest.approx([stored[f"total_variance_class_{c}"] for c in range(10)], rel=1e-3)
    assert np.nanmean(lines["wrong"]) > np.nanmean(lines["right"])


def test_error_rate_histogram_holds_every_point_and_unanimity_in_its_first_bar(two_studies, cell, judged):
    _, wrong, rate = judged
    ax = plots.error_rate_histogram(two_studies, cell).axes[0]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        f"right ({(~wrong).sum()})",
        f"wrong ({wrong.sum()})",
    ]
    first = ax.patches[0].get_xy()
    assert first[:, 1].max() >= (rate[~wrong] == 0).sum()
    assert np.isclose(first[:, 1], (rate[~wrong] == 0).sum()).any()


def test_chi_square_panels_name_the_auroc_of_the_table(two_studies, cell):
    titles = [ax.get_title(loc="left") for ax in plots.vote_chi_square(two_studies, cell).axes]
    stored = two_studies.metrics[(two_studies.metrics.id == cell) & (two_studies.metrics.split == "test")]
    stored = stored.set_index("metric").value
    assert titles[0] == f"AUROC of errors {stored['auroc_chi_square_label']:.3f}"
    assert titles[1] == f"AUROC of errors {stored['auroc_chi_square_argmax']:.3f}"


def test_reliability_bins_are_those_of_the_calibration_error():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), 400)
    y = rng.integers(0, 3, 400)
    right = proba.argmax(1) == y
    x, share, low, high = images.reliability(proba.max(1), right, 15)
    assert np.abs(x - share).mean() == pytest.approx(metrics.expected_calibration_error(proba, y), abs=2e-3)
    assert (low <= share).all() and (share <= high).all()


def test_figures_of_draws_say_why_a_point_estimate_has_none(two_studies):
    point = plots.best_cell(two_studies, "digits", "map")
    for plot in (plots.class_variance, plots.error_rate_histogram, plots.certain_errors, plots.disputed_images):
        with pytest.raises(plots.NothingToDraw, match="MAP is a point estimate"):
            plot(two_studies, point)


def test_words_name_the_cells_by_state(two_studies):
    cells = two_studies.cells[two_studies.cells.study == "toy"]
    text = plots.run_in_words(two_studies, "toy")
    assert text.startswith(f"{len(cells)} cells: {(cells.state == 'done').sum()} trained and ")
    assert "2 seeds" in text and "circles-0.2" in text


def test_words_about_one_network_come_from_its_predictions(two_studies, cell, judged):
    _, wrong, rate = judged
    text = plots.image_in_words(two_studies, cell)
    assert f"reads {wrong.sum()} of {len(wrong)} test images wrongly" in text
    certain = int((wrong & (rate == 0)).sum())
    assert re.search(rf"On {certain} wrong images? all draws agree", text)


def test_hyperprior_comparisons_are_counted_over_data_sets_and_models(two_studies):
    text = plots.hyperpriors_in_words(two_studies, "toy", "mean_field")
    assert re.search(r"in \d+ of 18 comparisons", text)  # 3 data sets, 3 priors with a scale, 2 hyperpriors


def test_sparsity_is_the_mean_share_of_intervals_that_hold_zero(two_studies):
    rows = select.with_tuned_scales(two_studies, "toy", inference="mean_field", metric="nll", prior="laplace")
    shares = [weights.last_weights(two_studies, i).covers_zero.mean() for i in rows.id]
    assert f"{np.mean(shares):.2f} under the Laplace prior" in plots.sparsity_in_words(two_studies, "toy")


def test_posteriors_are_ordered_by_their_bound_beside_what_they_predict(two_studies):
    rows = [line.strip("| ").split(" | ") for line in plots.elbos_in_words(two_studies, "digits").splitlines()[2:]]
    cells = select.done(two_studies, "digits", inference="mean_field")
    cells = cells.assign(elbo=[float(two_studies.arrays(i, "trace").objective[-1]) for i in cells.id])
    by_model = cells.groupby(select.MODEL, dropna=False)
    bounds = [float(row[2].split(" ")[0]) for row in rows]
    assert bounds == pytest.approx(sorted(by_model.elbo.mean(), reverse=True), abs=0.5)
    best = by_model.get_group(by_model.elbo.mean().idxmax()).id
    accuracy = two_studies.metrics.query("metric == 'accuracy' and split == 'test'").set_index("id").value
    assert rows[0][4].startswith(f"{100 * accuracy[best].mean():.2f} [")


def test_figures_show_a_method_whose_draws_vary_before_point_estimates_and_the_control():
    def main(*methods):
        results = Results("made by hand")
        cells = pd.DataFrame({"study": "s", "state": "done", "inference": methods})
        spread = [0.0 if method in ("mle", "map", "new_point") else 0.1 for method in methods]
        results.__dict__.update(cells=cells, metrics=cells.assign(metric="total_variance", value=spread))
        return select.main_method(results, "s")

    assert main("mle", "map", "prior_only", "sghmc") == "sghmc" and main("sghmc", "mean_field") == "mean_field"
    assert main("new_point", "prior_only") == "prior_only" and main("new_point", "map") == "map"
    assert main("mle", "map") == "map" and main("map", "prior_only") == "prior_only"
