"""A task, its likelihood, data set and study, each a file in a copy of the project, go from data to the report."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bnnbench.metrics import declared
from bnnbench.study import grid

ROOT = Path(__file__).parents[2]
ADDED = Path(__file__).parent / "added"
"""The files that one would add to the project, where they would lie."""

PARTS = ("bnnbench", "config", "notebooks", "reports", "workflow", "Snakefile")

CONFIG = {"studies": ["arrivals"], "seeds": [0, 1], "device": "cpu", "compile": "off"}

RUN = """
import sys, yaml
from small_run import run
config = yaml.safe_load(open(sys.argv[1]))
plan = run(config)
from bnnbench.report import notebooks, render
assert notebooks.execute(plan, plan.study_configs["arrivals"]) == ""
render(plan)
"""

OTHERS = {"studies": ["toy", "regression"], "seeds": [0]}
KEYS = f"""
import json
from bnnbench.metrics import declared
from bnnbench.study import grid
print(json.dumps({{cell.id: cell.key for cell in grid.load({OTHERS}, thorough=False).cells}}))
"""


class Copy:
    """A copy of the project with the added files, and results beside it."""

    def __init__(self, folder: Path):
        self.root, self.results = folder / "project", folder / "results"
        ignored = shutil.ignore_patterns("__pycache__")
        for part in PARTS:
            source, target = ROOT / part, self.root / part
            shutil.copytree(source, target, ignore=ignored) if source.is_dir() else shutil.copy(source, target)
        shutil.copytree(ADDED, self.root, dirs_exist_ok=True, ignore=ignored)

    def write(self, name: str, config: dict) -> Path:
        path = self.root / "config" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config | {"results_dir": str(self.results)}), encoding="utf-8")
        return path


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Python on the package that lies in a folder."""
    path = os.pathsep.join([str(root), str(ROOT / "tests")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    return Copy(tmp_path_factory.mktemp("new-task"))


@pytest.fixture(scope="module")
def finished(copy) -> Copy:
    done = python(copy.root, "-c", RUN, str(copy.write("run", CONFIG)))
    assert done.returncode == 0, done.stderr
    return copy


def test_every_cell_is_trained_and_better_than_who_ignores_the_inputs(finished):
    cells = pd.read_parquet(finished.results / "cells.parquet")
    assert set(cells.state) == {"done"} and len(cells) == 2 * 3 * 4
    assert set(cells.likelihood) == {""}
    metrics = pd.read_parquet(finished.results / "metrics.parquet")
    own = {"nll", "deviance", "rate_error"}
    assert set(metrics.metric) - set(declared()) == own
    assert metrics[metrics.metric.isin(own)].value.between(0, 100, inclusive="left").all()
    # What the methods say of their fit without being asked: Laplace's evidence, and the ELBO of the Gaussians.
    assert set(metrics[metrics.metric == "log_evidence"].inference) == {"laplace_approximation"}
    assert set(metrics[metrics.metric == "elbo"].inference) == {"laplace_approximation", "mean_field"}
    test = metrics[(metrics.split == "test") & (metrics.metric == "nll")]
    by_method = test.groupby("inference").value.agg(["min", "max"])
    trained = by_method.drop(index=["chance", "bayes_rule"])
    assert set(trained.index) == {"map", "mean_field", "laplace_approximation"}
    assert (trained["min"] < by_method.loc["chance", "min"] - 0.5).all()
    assert (trained["max"] < by_method.loc["chance", "min"]).all()
    assert (trained["min"] > by_method.loc["bayes_rule", "max"] - 0.02).all()
    exact = metrics[(metrics.inference == "bayes_rule") & (metrics.metric == "rate_error")]
    assert len(exact) and (exact.value < 1e-6).all()


def test_the_tuned_scales_are_of_its_nll(finished):
    tuned = pd.read_parquet(finished.results / "tuned.parquet")
    assert set(tuned.inference) == {"map", "mean_field", "laplace_approximation"}
    assert set(tuned.scale) <= {0.3, 1.0}


def test_the_report_shows_its_metrics_and_the_notebook_ran(finished):
    report = finished.results / "report"
    glossary = (report / "glossary.html").read_text(encoding="utf-8")
    assert '<tr id="deviance">' in glossary and "Mean Poisson deviance of the mean rate" in glossary
    study = (report / "study-arrivals.html").read_text(encoding="utf-8")
    assert ">Deviance</th>" in study and ">Accuracy %</th>" not in study
    assert "could not be drawn" not in study
    notebook = json.loads((finished.results / "notebooks" / "arrivals.ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert sum("<img" in "".join(output.get("data", {}).get("text/html", "")) for output in outputs) == 2


def test_cells_of_other_studies_keep_their_keys(copy):
    after = json.loads(python(copy.root, "-c", KEYS).stdout)
    assert after == {cell.id: cell.key for cell in grid.load(OTHERS, thorough=False).cells}
    assert {cell_id.split("/")[0] for cell_id in after} == {"toy", "regression"}


def test_the_plan_refuses_a_likelihood_of_another_task(copy):
    overrides = {"arrivals": {"likelihoods": ["gaussian"]}, "toy": {"likelihoods": ["poisson"]}}
    path = copy.write("refused", CONFIG | {"studies": ["arrivals", "toy"], "overrides": overrides})
    refused = python(copy.root, "-m", "bnnbench.cli", "plan", "--config", str(path))
    assert refused.returncode == 2
    of_counts = "likelihoods.gaussian is none of counts, the task of arrivals: its likelihoods are poisson"
    assert of_counts in refused.stderr, refused.stderr
    assert "likelihoods.poisson is none of classification" in refused.stderr


def test_data_that_are_no_counts_are_refused(copy):
    code = (
        "import numpy as np; from dataclasses import replace; from bnnbench.datasets import make;"
        "data = make('arrivals', {}, [0]);"
        "replace(data, y_test=data.y_test.astype(np.float32))"
    )
    refused = python(copy.root, "-c", code)
    assert "y_test has type float32; make the counts whole numbers" in refused.stderr
