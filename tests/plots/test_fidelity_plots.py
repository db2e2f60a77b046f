"""Figures of distance and cost, against the tables that they come from."""

import numpy as np
import pytest

from bnnbench import plots
from bnnbench.evaluation.results import load_results
from bnnbench.plots.fidelity import excess_table, fidelity_table

UNIT = ["dataset", "network", "prior", "hyperprior", "scale", "seed"]


@pytest.fixture(scope="module")
def results(referenced):
    return load_results(referenced.results)


def compared(results, metric):
    """Test rows of a metric, of the units (data set, model, seed) that the most methods have, in every seed."""
    t = results.metrics.query(f"metric == '{metric}' and split == 'test'").assign(scale=lambda t: t.scale.fillna(0))
    methods = {}
    for unit, method in zip(t[UNIT].itertuples(index=False), zip(t.inference, t.recipe, strict=True), strict=True):
        methods.setdefault(unit, set()).add(method)
    most = max(map(len, methods.values()))
    assert most > 1
    t = t[[len(methods[unit]) == most for unit in t[UNIT].itertuples(index=False)]]
    return t[t.groupby([*UNIT[:-1], "inference", "recipe"]).seed.transform("nunique") == results.metrics.seed.nunique()]


def test_marks_stand_at_mean_cost_and_mean_distance(results):
    figure = plots.cost_against_fidelity(results, "toy")
    marks = {(line.get_xdata()[0], line.get_ydata()[0]) for line in figure.axes[0].lines if line.get_marker() == "o"}
    t = compared(results, "total_variation")
    seconds = results.cells.set_index("id").seconds
    for method in ("map", "mean_field"):
        rows = t[(t.inference == method) & (t.recipe == "")]
        wanted = max(seconds.loc[rows.id].mean(), 1e-3), rows.value.mean()
        assert any(np.allclose(mark, wanted) for mark in marks), method
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == ["mean field", "MAP", "reference, half to half"]


def test_the_table_counts_what_it_is_over(results):
    table = fidelity_table(results, "toy").set_index("inference")
    t = compared(results, "agreement")
    assert table.n_cells.to_dict() == t.groupby("inference").id.size().to_dict()
    assert table.index[0] == "mean_field" and "hmc" not in table.index  # the reference is not compared with itself
    assert (table.n_seeds == 2).all() and (table.total_variation_floor < 0.01).all()


def test_excess_is_that_of_the_model_that_validation_data_chose(results):
    table = excess_table(results, "toy", "moons-0.4").set_index("inference")
    m = results.metrics[(results.metrics.dataset == "moons-0.4") & (results.metrics.inference == "map")]
    m = m.assign(scale=m.scale.fillna(0))
    model = ["prior", "hyperprior", "scale"]
    best = m.query("split == 'validation' and metric == 'nll'").groupby(model).value.mean().idxmin()
    test = m.query("split == 'test' and metric == 'excess_nll'").groupby(model).value.mean()
    assert table.loc["map", "mean"] == pytest.approx(test[best])
    assert "bayes_rule" not in table.index


def test_figures_say_why_there_is_nothing_to_show(small_results, two_studies):
    with pytest.raises(plots.NothingToDraw, match="no reference, because the run has no cell"):
        plots.cost_against_fidelity(small_results, "toy")
    with pytest.raises(plots.NothingToDraw):
        plots.excess_by_method(two_studies, "digits")
    assert plots.excess_by_method(small_results, "toy").axes
