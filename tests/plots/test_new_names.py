"""A prior, hyperprior, method or data set that no table of words or colours knows is named, coloured and ranked too."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from bnnbench import plots
from bnnbench.evaluation import select
from bnnbench.evaluation.results import Results
from bnnbench.files.tables import plain
from bnnbench.plots import style
from bnnbench.report import findings, leaderboard
from bnnbench.words import names

RENAMED = {
    "prior": {"laplace": "spike_slab", "cauchy": "student_t"},
    "hyperprior": {"half_cauchy": "log_normal"},
    "inference": {"mean_field": "drift_flow", "map": "quick_descent"},
    "dataset": {"circles-0.4": "spirals-without-arms"},
}


@pytest.fixture(scope="module")
def newcomers(small_results) -> Results:
    """The small run under names that are written nowhere in the package."""
    found = Results(small_results.folder)
    tables = {name: plain(getattr(small_results, name)).replace(RENAMED) for name in ("cells", "metrics", "tuned")}
    plan = small_results.plan
    renamed = {new: plan.datasets[old] for old, new in RENAMED["dataset"].items()}
    plan = replace(plan, datasets=plan.datasets | renamed)
    found.__dict__.update(tables, references=small_results.references, plan=plan)
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("spike_slab", "spike slab"),
        ("student_t", "Student t"),
        ("spherical_laplace", "spherical Laplace"),
        ("pymc_smc", "PyMC SMC"),
        ("reheated_sgld", "reheated SGLD"),
        ("half_cauchy", "half-Cauchy"),
        ("pymc_nuts", "PyMC NUTS"),
        ("mc_dropout", "MC dropout"),
        ("laplace_approximation", "Laplace approximation"),
        ("prior_only", "prior only"),
    ],
)
def test_a_name_becomes_words(name, words):
    assert names.name_of(name) == words


def test_names_of_data_sets_need_no_entry():
    assert names.data_name("spirals-0.3") == "spirals, noise 0.3"
    assert names.data_name("spirals-0.3-arms-5") == "spirals-0.3-arms-5"
    assert names.data_name("letters-without-3") == "letters without class 3"
    assert names.data_name("cats-without-dogs") == "cats-without-dogs"
    assert names.class_names("cats-without-dogs", 3) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("colours_of", "known"),
    [
        (style.prior_colours, ["normal", "laplace", "cauchy", "flat", "scale_mixture"]),
        (style.choice_colours, ["fixed", "half_normal", "shared_half_normal", "half_cauchy", "inverse_gamma"]),
        (style.method_colours, ["mean_field", "map", "pymc_advi"]),
    ],
)
def test_newcomers_get_colours_of_their_own(colours_of, known):
    names = [*known, *(f"new_{i}" for i in range(5))]
    colours = colours_of(names)
    assert {name: colours[name] for name in known} == colours_of(known)
    rgb = np.array([to_rgb(colour) for colour in colours.values()])
    apart = np.abs(rgb[:, None] - rgb).max(2) + np.eye(len(rgb))
    assert apart.min() > 0.05
    assert len(set(colours_of(f"new_{i}" for i in range(10)).values())) >= 8


def test_newcomers_have_markers_and_a_place():
    markers = style.choice_markers(["fixed", "half_normal", "log_normal", "gamma"])
    assert len(set(markers.values())) == 4
    assert names.ordered_priors({"zeta", "flat", "alpha", "normal"}) == ["normal", "flat", "alpha", "zeta"]
    assert names.ordered_choices({"log_normal", "fixed"}) == ["fixed", "log_normal"]


def test_figures_show_newcomers(newcomers):
    figure = plots.prior_heat_map(newcomers, "toy", inference="drift_flow")
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    columns = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert {"normal", "spike slab", "Student t", "flat"} == set(rows) and "log normal" in columns
    assert "= flat" in [text.get_text() for text in figure.axes[0].texts]
    board = plots.leaderboard(newcomers, "toy", "spirals-without-arms")
    names = " ".join(label.get_text() for label in board.axes[0].get_yticklabels())
    assert "spike slab, log normal, drift flow" in names and "quick descent" in names
    assert "| spirals-without-arms | drift flow |" in plots.best_by_validation(newcomers, "toy")


def test_a_merged_model_is_marked_with_what_it_is_the_same_as(newcomers):
    found = Results(newcomers.folder)
    reasons = newcomers.cells.reason.str.replace("into flat", "into wide_box", regex=False)
    cells = newcomers.cells.replace({"prior": {"flat": "wide_box"}}).assign(reason=reasons)
    metrics = newcomers.metrics.replace({"prior": {"flat": "wide_box"}})
    found.__dict__.update(newcomers.__dict__ | {"cells": cells, "metrics": metrics})
    figure = plots.prior_heat_map(found, "toy", inference="drift_flow")
    assert "= wide box" in [text.get_text() for text in figure.axes[0].texts]


def test_a_new_point_estimate_is_known_by_its_predictions(newcomers, small_results):
    assert select.point_methods(newcomers, "toy") >= {"quick_descent"}
    assert select.main_method(newcomers, "toy") == "drift_flow"
    with pytest.raises(plots.NothingToDraw, match="point estimate"):
        plots.plane_maps(newcomers, "toy", "uncertainty", inference="quick_descent")
    (before,), (after,) = (findings.scores(results, "toy") for results in (small_results, newcomers))
    assert after.sentence == before.sentence
    names = {("drift_flow", ""): "drift flow", ("quick_descent", ""): "quick descent"}
    found = findings.of_study(newcomers, "toy", names)
    assert "drift flow: scale learned under log normal − tuned scale" in {f.subject for f in found}


def test_the_leaderboard_ranks_newcomers(newcomers, small_results):
    found = [leaderboard.boards(r.plan, r, "toy")[0] for r in (newcomers, small_results)]
    assert found[0].dataset == "moons-0.4"
    names, old_names = ([row.name for row in board.ranked] for board in found)
    assert len(names) == len(old_names) and "spike slab prior with log normal scale, drift flow" in names
    at = names.index("spike slab prior with log normal scale, drift flow")
    assert old_names[at] == "Laplace prior with half-Cauchy scale, mean field"
