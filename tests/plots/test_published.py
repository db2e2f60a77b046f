import pytest

from bnnbench import plots
from bnnbench.datasets import published
from bnnbench.datasets._published import Published
from bnnbench.evaluation.select import scores
from bnnbench.plots.published import chosen_on_validation


def test_the_difference_is_that_of_the_model_that_validation_chose(curve_results, monkeypatch):
    dataset = plots.datasets_of(curve_results, "regression")[0]
    family = curve_results.plan.datasets[dataset].family
    known = {family: Published(dropout=-0.5, ensemble=0.25, best=1.0)}
    monkeypatch.setattr("bnnbench.plots.published.published", lambda name, options: known.get(name))
    head, _, *rows = plots.against_published(curve_results, "regression").splitlines()
    cells = dict(zip(head.strip("| ").split(" | "), rows[0].strip("| ").split(" | "), strict=True))

    validation = scores(curve_results, "regression", split="validation", dataset=dataset)
    of_models = validation.groupby(["inference", "likelihood", "prior"])
    chosen = of_models.value.mean().idxmin()
    test = scores(curve_results, "regression", dataset=dataset)
    nll = test.set_index(["inference", "likelihood", "prior"]).loc[[chosen]].value
    assert (
        tuple(chosen_on_validation(curve_results, "regression", dataset)[["inference", "likelihood", "prior"]])
        == chosen
    )
    assert float(cells["Log-likelihood"].split()[0]) == pytest.approx(-nll.mean(), abs=6e-4)
    assert float(cells["Minus converged MC dropout"].split()[0]) == pytest.approx(0.5 - nll.mean(), abs=6e-4)
    assert float(cells["Minus best published"].split()[0]) == pytest.approx(-1 - nll.mean(), abs=6e-4)
    assert cells["Splits"] == "2" and cells["Cells that failed"] == "0"


def test_data_without_published_results_are_not_compared(curve_results):
    with pytest.raises(plots.NothingToDraw, match="no data set of regression has published results"):
        plots.against_published(curve_results, "regression")


def test_figures_are_of_the_customary_splits_alone():
    assert published("uci", {"table": "boston"}).dropout == -2.402
    assert published("uci", {"table": "boston", "splits": "gap"}) is None
    assert published("moons", {}) is None
