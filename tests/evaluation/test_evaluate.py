"""Tables: metrics come from stored predictions and agree with them."""

import numpy as np
import pandas as pd
import pytest

from bnnbench import datasets, metrics
from bnnbench.evaluation import evaluate
from bnnbench.evaluation import results as evaluated
from bnnbench.evaluation.results import load_results
from bnnbench.study import config

CELL = "toy/circles-0.4/mlp-5-5/normal-1/mean_field/seed-1"


def test_tables_hold_every_cell_and_metric(small_plan, small_results):
    assert set(small_results.cells.id) == {c.id for c in small_plan.cells}
    assert set(small_results.cells.state) == {"done", "merged"}
    done = small_results.cells[small_results.cells.state == "done"]
    of_cells = small_results.metrics[small_results.metrics.id.isin(done.id)]
    computed = of_cells[~of_cells.metric.isin(metrics.declared())]  # not what some methods record besides
    per_cell = computed.groupby(["id", "split"]).size()
    assert per_cell.nunique() == 1
    assert len(per_cell) == 2 * len(done)


def test_a_data_set_is_opened_once_and_few_are_kept(small_plan, monkeypatch):
    """They are asked for cell after cell, and those of images are large."""
    results, opened = load_results(small_plan.results), []
    read = evaluated.DataSet.from_netcdf
    monkeypatch.setattr(evaluated.DataSet, "from_netcdf", lambda *a: opened.append(a[1]) or read(*a))
    monkeypatch.setattr(evaluated, "DATA_SETS_KEPT", 1)
    for name in ["moons-0.4", "moons-0.4", "circles-0.4", "moons-0.4"]:
        assert results.data(name).name == name
    assert opened == ["moons-0.4", "circles-0.4", "moons-0.4"]


def test_a_stored_metric_is_that_of_the_stored_predictions(small_results):
    _, y = small_results.labels(CELL)
    p = small_results.predictions(CELL)
    table = small_results.metrics
    stored = table[(table.id == CELL) & (table.split == "test")].set_index("metric").value
    assert stored["nll"] == pytest.approx(metrics.negative_log_likelihood(p.mean_proba, y))
    assert stored["total_variance"] == pytest.approx(p.class_variance.sum(1).mean(), rel=1e-6)


def test_controls_bound_the_metrics(small_results):
    table = small_results.metrics.query("split == 'test' and metric == 'nll'")
    by_method = table.groupby(["dataset", "inference"]).value.min().unstack()
    assert (by_method.bayes_rule < by_method.mean_field).all()
    assert (by_method.mean_field < by_method.chance).all()
    np.testing.assert_allclose(by_method.chance, np.log(2), atol=0.01)


def test_a_new_metric_trains_nothing(small_plan, tmp_path, monkeypatch):
    real = metrics.evaluate
    monkeypatch.setattr(evaluate.metrics, "evaluate", lambda *a: real(*a) | {"brand_new": 1.0})
    name, shard = next(iter(small_plan.shards.items()))
    evaluate.evaluate_shard(small_plan, shard, small_plan.results / "shards" / f"{name}.nc", tmp_path / "out.parquet")
    assert "brand_new" in set(pd.read_parquet(tmp_path / "out.parquet").metric)


def test_the_tuned_scale_minimises_mean_validation_nll(small_results):
    row = small_results.tuned.query("dataset == 'moons-0.4' and prior == 'normal' and inference == 'map'").iloc[0]
    where = "dataset == 'moons-0.4' and prior == 'normal' and inference == 'map' and split == 'validation'"
    means = small_results.metrics.query(where + " and metric == 'nll'").groupby("scale").value.mean()
    assert set(means.index) == {1.0, 3.0}
    assert row.scale == means.idxmin()
    assert row.validation_nll == pytest.approx(means.min())


def test_the_test_set_has_no_say_in_tuning(small_results):
    table = small_results.metrics.copy()
    table.loc[table.split == "test", "value"] = np.random.default_rng(0).random((table.split == "test").sum())
    pd.testing.assert_frame_equal(evaluate.tuned(table), small_results.tuned)


def test_a_scale_that_lacks_a_seed_is_not_chosen():
    where = dict.fromkeys(["study", "dataset", "network", "inference"], "a") | {
        "recipe": "",
        "likelihood": "",
        "prior": "normal",
    }
    facts = where | {"hyperprior": "fixed", "split": "validation", "metric": "nll"}
    rows = [facts | {"scale": s, "seed": seed, "value": v} for s, v in ((1.0, 0.1), (3.0, 0.2)) for seed in (0, 1)]
    assert evaluate.tuned(pd.DataFrame(rows)).scale.tolist() == [1.0]
    assert evaluate.tuned(pd.DataFrame(rows[1:])).scale.tolist() == [3.0]  # of scale 1 one seed failed
    assert evaluate.tuned(pd.DataFrame(rows[2:])).empty


def test_chains_that_missed_the_gate_do_not_compete_for_the_tuned_scale():
    where = dict.fromkeys(["study", "dataset", "network"], "a") | {
        "recipe": "",
        "likelihood": "",
        "prior": "normal",
        "seed": 0,
    }
    facts = where | {"hyperprior": "fixed", "split": "validation", "metric": "nll"}
    values = {("hmc", 1.0): 0.1, ("hmc", 3.0): 0.2, ("map", 1.0): 0.1, ("map", 3.0): 0.2}
    rows = [facts | {"id": f"{m}-{s}", "inference": m, "scale": s, "value": v} for (m, s), v in values.items()]
    table = pd.DataFrame(rows)

    def chosen(*passed):
        ids = ["hmc-1.0", "hmc-3.0"]
        references = pd.DataFrame({"id": ids, "passed": [i in passed for i in ids]})
        return evaluate.tuned(table, references).set_index("inference").scale.to_dict()

    assert chosen("hmc-1.0", "hmc-3.0") == {"hmc": 1.0, "map": 1.0}
    assert chosen("hmc-3.0") == {"hmc": 3.0, "map": 1.0}
    assert chosen() == {"hmc": 1.0, "map": 1.0}  # no scale passed: the figures show none of them


def test_asking_for_what_is_not_there(small_results, tmp_path):
    with pytest.raises(FileNotFoundError, match="run `make report` first"):
        load_results(tmp_path)
    with pytest.raises(KeyError, match="nearest are"):
        small_results.row(CELL.replace("seed-1", "seed-7"))
    with pytest.raises(KeyError, match=f"nearest are .*{CELL}"):
        small_results.trained(CELL.replace("seed-1", "seed-7"))
    with pytest.raises(ValueError, match="is merged"):
        small_results.trained("toy/circles-0.4/mlp-5-5/flat-half_cauchy/map/seed-0")
    with pytest.raises(ValueError, match="is merged"):
        small_results.arrays("toy/circles-0.4/mlp-5-5/flat-half_cauchy/map/seed-0", "weights")


def test_results_remember_their_settings_when_the_config_files_change(small_results, monkeypatch, tmp_path):
    changed = (config.STUDIES / "toy.yaml").read_text(encoding="utf-8").replace("activation: tanh", "activation: relu")
    (tmp_path / "toy.yaml").write_text(changed, encoding="utf-8")
    monkeypatch.setattr(config, "STUDIES", tmp_path)
    cell = next(c for c in small_results.plan.cells if c.id == CELL)
    assert cell.network_options["activation"] == "tanh"
    assert small_results.trained(CELL).predict_proba([[0.0, 0.0]]).shape == (1, 2)


def test_controls_are_scored_on_each_seeds_own_labels_and_chance_knows_the_training_labels_alone(
    small_plan, small_results
):
    table = small_results.metrics.query("metric == 'nll'").set_index(["dataset", "inference", "split", "seed"]).value
    shares = set()
    for name, spec in small_plan.datasets.items():
        data = small_results.data(name)
        for seed in small_plan.config.seeds:
            _, y_train, x_validation, y_validation = data.split(seed)
            share = np.bincount(y_train, minlength=2) / len(y_train)
            shares.add(tuple(share))
            rule = datasets.bayes_proba(spec.family, spec.options, x_validation)
            for method, proba in (("chance", share[None].repeat(len(y_validation), 0)), ("bayes_rule", rule)):
                expected = -np.log(proba[np.arange(len(y_validation)), y_validation]).mean()
                assert table[name, method, "validation", seed] == pytest.approx(expected, rel=1e-9)
            expected = -np.log(share[data.test()[1]]).mean()
            assert table[name, "chance", "test", seed] == pytest.approx(expected, rel=1e-9)
    assert len(shares) > 1


def test_stored_quantiles_of_weights_are_those_that_their_names_say(small_results):
    """Of Gaussian posteriors over a fixed scale: -1.96, 0 and 1.96 sds from the mean, by 400 draws each."""
    found = [
        ((w[q] - w["mean"]) / w["sd"]).values
        for cell in small_results.cells.query("inference == 'mean_field' and state == 'done' and scale == 1").id
        for w in [small_results.arrays(cell, "weights")]
        for q in ("q025", "q50", "q975")
    ]
    by_quantile = np.array(found).reshape(-1, 3, found[0].size).mean((0, 2))
    np.testing.assert_allclose(by_quantile, [-1.96, 0, 1.96], atol=0.03)
