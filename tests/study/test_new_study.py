"""A study of a user's own table: from a file to metrics, and what is refused before anything is written."""

import json

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_diabetes, load_wine
from small_run import run

from bnnbench import cli, datasets, plots
from bnnbench.datasets import DataSet
from bnnbench.evaluation.results import Results, load_results
from bnnbench.report import facts, leaderboard
from bnnbench.report.render import environment
from bnnbench.study import config, grid, new_study

FEW = {
    "models": ["normal-1"],
    "draws": 10,
    "networks": {"mlp-50": {"hidden": [8]}},
    "inference": {
        "map": {"settings": {"steps": 150}},
        "mc_dropout": {"settings": {"steps": 150}},
        "mean_field": None,
        "ensemble": None,
        "laplace_approximation": None,
    },
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of configs of its own, and a working folder beside it."""
    (tmp_path / "config" / "studies").mkdir(parents=True)
    monkeypatch.setattr(config, "STUDIES", tmp_path / "config" / "studies")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config"


def results_of(name: str, folder) -> Results:
    """A narrow run of the study that was written."""
    made = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    here = {"seeds": [0, 1], "results_dir": str(folder.parent / made["results_dir"]), "device": "cpu", "compile": "off"}
    return load_results(run(made | here | {"overrides": {name: FEW}}).results)


def values(results: Results, metric: str, inference: str) -> np.ndarray:
    table = results.metrics
    rows = table[(table.metric == metric) & (table.split == "test") & (table.inference == inference)]
    return rows.sort_values("seed").value.to_numpy()


def check_controls_are_shown(results: Results) -> None:
    """In the leaderboard without a rank and with what fitting cost, in the figure, in the notebook, in the glossary."""
    (board,) = leaderboard.boards(results.plan, results, "sugar")
    fitted = [row for row in board.rows if row.is_fitted]
    assert {row.name for row in fitted} == {"Linear model", "Gradient boosting", "Gaussian process"}
    assert all(row.rank is None and row.seconds > 0 and row.values["crps"].n == 2 for row in fitted)
    assert board.best_fitted.values["nll"].mean == min(row.values["nll"].mean for row in fitted)
    assert [row.rank for row in board.rows if not row.is_control] == [1, 2]
    labels = plots.leaderboard(results, "sugar", "diabetes").axes[0].get_yticklabels()
    names = [label.get_text() for label in labels]
    assert {"linear model", "gradient boosting", "Gaussian process"} < set(names) and len(names) == 5
    table = plots.best_by_validation(results, "sugar").splitlines()
    assert sum("| scikit-learn |" in line for line in table) == 3
    assert len({line.count("|") for line in table}) == 1
    defined = dict(facts.definitions(results.plan)["Fitted controls"])
    assert set(defined) == {row.name for row in fitted} and all(text.endswith(".") for text in defined.values())


def run_notebook(results: Results, study: str, monkeypatch) -> list:
    """Run the cells of the tables' notebook here; what they display."""
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    cells = json.loads((config.NOTEBOOKS / "tables.ipynb").read_text(encoding="utf-8"))["cells"]
    names = {"results": results, "study": study, "plots": plots, "show": plots.show}
    for source in ("".join(c["source"]) for c in cells if c["cell_type"] == "code"):
        if "load_results" not in source and "results_dir =" not in source:
            exec(source, names)
    return shown


def test_from_a_table_of_numbers_to_its_metrics(folder, monkeypatch, capsys):
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame.loc[::9, "bmi"] = np.nan
    frame.to_csv("diabetes.csv", sep=";", decimal=",")
    arguments = ["--data", "diabetes.csv", "--target", "target", "--task", "regression"]
    assert cli.main(["new", "study", "sugar", *arguments]) == 0
    said = capsys.readouterr().out
    for part in ("442 rows", "10 numeric", "50 values are missing: 'bmi' 50", "the target lies between 25 and 346",
                 "sugar: 100 cells", "next: make report CONFIG=config/sugar.yaml"):  # fmt: skip
        assert part in said
    results = results_of("sugar", folder)
    fitted = results.metrics[(results.metrics.split == "test") & (results.metrics.metric == "rmse")]
    for control in ("linear_model", "gradient_boosting", "gaussian_process"):
        rows = fitted[fitted.inference == control]
        assert set(rows.seed) == {0, 1} and set(rows.study) == {"sugar"}
        assert (rows.value.to_numpy() < values(results, "rmse", "chance")).all()
    check_controls_are_shown(results)
    assert set(results.cells.state) == {"done"} and results.data("diabetes").feature_names[-1] == "s6"
    for inference in ("map", "mc_dropout"):
        chance = values(results, "rmse", "chance")
        assert len(chance) == 2 and (values(results, "rmse", inference) < 0.9 * chance).all()
    assert run_notebook(results, "sugar", monkeypatch)
    (folder.parent / "diabetes.csv").rename("elsewhere.csv")  # results are open without the file
    cell = next(results.cells[results.cells.inference == "mc_dropout"].itertuples())
    x, y = load_results(results.folder).labels(cell.id)
    mixture = load_results(results.folder).trained(cell.id).predictions(x)
    assert np.corrcoef(mixture.mean, y)[0, 1] > 0.4 and np.isnan(x).any()


def test_from_a_table_of_classes_to_its_metrics(folder, monkeypatch):
    wine = load_wine(as_frame=True)
    wine.frame.assign(target=wine.target_names[wine.target]).to_parquet("my wine.parquet")
    said = []
    new_study.write("cellar", "my wine.parquet", "target", folder, say=said.append)
    assert "3 classes: 'class_0' 59, 'class_1' 71, 'class_2' 48" in said
    results = results_of("cellar", folder)
    assert results.data("my_wine").class_names == ("class_0", "class_1", "class_2")
    assert facts.dataset_facts(results.plan)[0].class_names == ("class_0", "class_1", "class_2")
    for inference in ("map", "mc_dropout"):
        assert (values(results, "accuracy", inference) > 0.85).all()
        assert (values(results, "nll", inference) < 0.5 * values(results, "nll", "chance")).all()
    assert run_notebook(results, "cellar", monkeypatch)


def test_methods_are_set_as_in_the_study_of_published_tables(folder):
    load_diabetes(as_frame=True, scaled=False).frame.to_csv("t.csv", index=False)
    new_study.write("new", "t.csv", "target", folder, say=lambda line: None)
    made, published = (
        yaml.safe_load(path.read_text(encoding="utf-8"))["inference"]
        for path in (folder / "studies" / "new.yaml", new_study.PUBLISHED)
    )
    assert len(made) == 5
    for method, found in made.items():
        assert found == {key: published[method][key] for key in ("settings", "seconds")}


def test_columns_that_do_not_vary_are_named_when_a_study_is_written_and_in_its_report(folder):
    frame = load_diabetes(as_frame=True, scaled=False).frame.assign(year=2024, odd=0.0)
    frame.to_csv("t.csv", index=False)
    row = datasets.make("table", {"file": "t.csv", "target": "target"}, [0]).test_index[0, 0]
    frame.loc[row, "odd"] = 1.0
    frame.to_csv("t.csv", index=False)
    said = []
    new_study.write("still", "t.csv", "target", folder, say=said.append)
    assert "note: column 'year' never varies (2024): it is left out" in said
    (odd,) = [line for line in said if "'odd'" in line]
    data = datasets.make("table", {"file": "t.csv", "target": "target"}, range(5))
    lacking = [str(seed) for seed in range(5) if row not in data.train_index[seed]]
    assert odd == f"note: 'odd' does not vary in the training rows of seed {', '.join(lacking)}: it is left out there"
    datasets.store("table", {"file": "t.csv", "target": "target"}, data, "results-still/data/t.nc")
    assert DataSet.from_netcdf("results-still/data/t.nc", "t").feature_names[-1] == "odd"
    plan = grid.load({"studies": ["still"], "results_dir": "results-still"})
    told = [line for line in said if line.startswith("note: ")]
    assert [f"note: {note}" for note in facts.dataset_facts(plan)[0].notes] == told
    page = environment().get_template("partials/datasets.html").render(datasets=facts.dataset_facts(plan))
    assert "2 notes on the columns of t" in page and "Column &#39;year&#39; never varies" in page


@pytest.mark.parametrize(
    ("name", "target", "options", "said"),
    [
        ("taken", "target", {}, "taken.yaml is there already"),
        ("a/b", "target", {}, "study 'a/b' has the character '/'"),
        ("two words", "target", {}, "has a blank"),
        ("new", "tarjet", {}, "target is 'tarjet', which is no column"),
        ("new", "target", {"missing": "drop"}, "missing is 'drop'"),
        ("new", "target", {"split": "s1", "groups": "s2"}, "split and groups are both given"),
        ("new", "target", {"split": "age"}, "column 'age' is"),
    ],
)
def test_what_is_refused_leaves_no_file(folder, name, target, options, said):
    load_diabetes(as_frame=True, scaled=False).frame.to_csv("t.csv", index=False)
    (folder / "taken.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        new_study.write(name, "t.csv", target, folder, say=lambda line: None, **options)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["taken.yaml"]
    assert (folder / "taken.yaml").read_text(encoding="utf-8") == "mine"


def test_where_the_second_file_cannot_be_written_the_first_is_removed(folder, monkeypatch):
    load_diabetes(as_frame=True).frame.to_csv("t.csv", index=False)
    monkeypatch.setattr(new_study, "_run_text", lambda run, name: "no: [yaml")
    with pytest.raises(ValueError, match="not valid YAML"):
        new_study.write("new", "t.csv", "target", folder, say=lambda line: None)
    assert not [path for path in folder.rglob("*") if path.is_file()]
