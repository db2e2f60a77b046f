"""Notebooks run on whole and on narrow results, and give the same page each time."""

import base64
import json
import re
import sys
import tempfile
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from bnnbench import plots
from bnnbench.evaluation.results import Results
from bnnbench.report import notebooks
from bnnbench.study import config

NOTEBOOKS = {
    "toy": 8,
    "images": 8,
    "mnist-mlp": 7,
    "pruning": 5,
    "novelty": 1,
    "regression": 9,
    "tables": 4,
    "uncertainty": 0,
    "segmentation": 4,
}
"""Notebooks, with the pictures that each draws at least of the small run: none of the uncertainties by size, of which
that has one size; `test_uncertainty_study.py` draws them."""


def changed(results: Results, **tables: pd.DataFrame) -> Results:
    """The same folder with other tables."""
    copy = Results(results.folder)
    copy.__dict__.update(cells=results.cells, metrics=results.metrics, tuned=results.tuned, plan=results.plan)
    copy.__dict__.update(tables)
    return copy


def narrowed(results: Results, keep) -> Results:
    """As if only the cells that `keep` picks had been asked for."""
    rest = set(results.cells.id[~keep(results.cells)])
    tables = {n: getattr(results, n)[lambda t: ~t.id.isin(rest)] for n in ("cells", "metrics")}
    return changed(results, **tables, tuned=results.tuned[results.tuned.prior.isin(tables["cells"].prior)])


def outputs_of(notebook: str, results: Results, study: str, monkeypatch) -> list:
    """Run a notebook's code cells here on `results`; what they display."""
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    cells = json.loads((config.NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    names = {"results": results, "study": study, "plots": plots, "show": plots.show}
    for source in ("".join(c["source"]) for c in cells if c["cell_type"] == "code"):
        if "load_results" not in source and "results_dir =" not in source:
            exec(source, names)
    return shown


NARROWINGS = {
    "one seed, two priors, MAP only": lambda c: (
        (c.seed == 0) & c.prior.isin(["normal", "flat"]) & (c.inference == "map")
    ),
    "mean field only, one prior": lambda c: (c.inference == "mean_field") & (c.prior == "laplace"),
    "no hyperpriors": lambda c: c.hyperprior == "fixed",
}


@pytest.mark.parametrize("narrowing", NARROWINGS)
@pytest.mark.parametrize(("notebook", "study"), [("toy", "toy"), ("images", "digits")])
def test_notebooks_cope_with_narrow_runs(two_studies, notebook, study, narrowing, monkeypatch):
    shown = outputs_of(notebook, narrowed(two_studies, NARROWINGS[narrowing]), study, monkeypatch)
    pictures = [o for o in shown if "<img" in str(o.data)]
    reasons = [o.data for o in shown if o.data.startswith("*Not shown")]
    assert pictures and all(len(r.splitlines()) == 1 for r in reasons)


@pytest.mark.parametrize("narrowing", NARROWINGS)
def test_the_notebook_of_curves_copes_with_narrow_runs(curve_results, narrowing, monkeypatch):
    results = narrowed(curve_results, NARROWINGS[narrowing])
    results.__dict__["probes"] = curve_results.probes[curve_results.probes.id.isin(results.cells.id)]
    shown = outputs_of("regression", results, "regression", monkeypatch)
    pictures = [o for o in shown if "<img" in str(o.data)]
    reasons = [o.data for o in shown if o.data.startswith("*Not shown")]
    assert pictures and all(len(r.splitlines()) == 1 for r in reasons)


def test_notebooks_cope_with_failed_cells(two_studies, monkeypatch):
    cells = two_studies.cells.copy()
    cells.loc[cells.prior == "cauchy", "state"] = "failed"
    failed = set(cells.id[cells.state == "failed"])
    table = two_studies.metrics[~two_studies.metrics.id.isin(failed)]
    shown = outputs_of("toy", changed(two_studies, cells=cells, metrics=table), "toy", monkeypatch)
    assert any("failed" in o.data for o in shown)
    assert any("no trained cell has a Cauchy prior" in o.data for o in shown)


def test_notebooks_cope_with_no_trained_cell(two_studies, monkeypatch):
    table = two_studies.metrics
    nothing = {
        "cells": two_studies.cells.assign(state="failed"),
        "metrics": table[table.inference.isin(["chance", "bayes_rule"])],
        "tuned": two_studies.tuned.head(0),
    }
    for notebook, study in (("toy", "toy"), ("images", "digits"), ("novelty", "digits"), ("regression", "toy")):
        shown = outputs_of(notebook, changed(two_studies, **nothing), study, monkeypatch)
        assert not any("<img" in o.data for o in shown)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_kept_without_outputs(name):
    notebook = json.loads((config.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert [c["id"] for c in notebook["cells"]] == [f"cell-{i}" for i in range(len(notebook["cells"]))]
    assert not any(c.get("outputs") or c.get("execution_count") for c in notebook["cells"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_run_and_one_of_them_is_the_same_each_time(two_studies, curve_results, map_results, name):
    of_curves, of_maps = name in ("regression", "tables", "uncertainty"), name == "segmentation"
    study_name = "regression" if of_curves else name if of_maps or name == "toy" else "digits"
    plan = curve_results.plan if of_curves else map_results.plan if of_maps else two_studies.plan
    study = plan.study_configs[study_name].model_copy(update={"notebook": name})
    made = []
    for _ in range(2 if name == "pruning" else 1):
        notebooks.execute(plan, study)
        made.append((plan.results / "notebooks" / f"{study_name}.html").read_bytes())
    assert made[0] == made[-1] and len(made[0]) < 3_000_000
    page = made[0].decode()
    pictures = re.findall(r'<img[^>]*alt="([^"]+)"[^>]*base64,([^"]+)', page)
    assert len(pictures) >= NOTEBOOKS[name]
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for _, data in pictures)
    assert str(plan.results) not in page and "Traceback" not in page


@pytest.fixture
def small_notebook(tmp_path, monkeypatch):
    """Execute a notebook of two cells, of which the second is given, as study `x`: (its fault, its folder)."""

    def execute(code: str):
        parameters = nbformat.v4.new_code_cell("results_dir = ''\nstudy = ''", metadata={"tags": ["parameters"]})
        cells = [parameters, nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("print('after')")]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "x.ipynb")
        monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
        plan, study = SimpleNamespace(results=tmp_path / "results"), SimpleNamespace(name="x", notebook="")
        return notebooks.execute(plan, study), tmp_path / "results" / "notebooks"

    return execute


@pytest.mark.slow
def test_the_kernel_is_ours_whatever_is_installed_and_however_long_the_temporary_folder(
    small_notebook, tmp_path, monkeypatch
):
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(
        '{"argv": ["false"], "display_name": "other", "language": "python"}', encoding="utf-8"
    )
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    fault, folder = small_notebook("import sys; print(sys.executable)")
    assert not fault and sys.executable in (folder / "x.ipynb").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(("code", "fault"), [("1 / 0", "ZeroDivisionError"), ("import os; os._exit(1)", "DeadKernel")])
def test_a_notebook_that_fails_leaves_what_was_run_of_it_with_the_error(small_notebook, code, fault):
    found, folder = small_notebook(code)
    assert fault in found
    for name in ("x.failed.ipynb", "x.ipynb", "x.html"):
        page = (folder / name).read_text(encoding="utf-8")
        assert fault in page and "after" not in page.split("</style>")[-1]
    assert not small_notebook("2 + 2")[0]
    assert sorted(path.name for path in folder.iterdir()) == ["x.html", "x.ipynb"]
