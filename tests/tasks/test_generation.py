"""Samples from the shard's file to metrics, and a small run of the whole study, read from what it stored."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from small_run import run

from bnnbench import datasets, load_results, plots, tasks
from bnnbench.claims.gan import CLAIMS
from bnnbench.files.shards import ShardFile
from bnnbench.metrics.generation._samples import Samples
from bnnbench.plots.generation import value_quality_correlation
from bnnbench.training.train import train_shard

TASK = tasks.find("generation")
FEW = {"steps": 60, "learning_rate": 0.005, "batch_size": 32, "snapshots": 2}
RECIPES = {"minimax": {"recipe": "minimax"}, "info": {"recipe": "info"},
           "wild": {"learning_rate": 1e30}, "wasserstein": {"recipe": "wasserstein"}}  # fmt: skip


def test_what_is_stored_of_samples_is_all_but_what_they_were():
    rng = np.random.default_rng(0)
    arrays = {"samples": rng.normal(size=(2, 30, 3)) * [[[1]], [[1e4]]], "critic": np.array([0.0, 1.0])}
    arrays |= {
        "logits": rng.normal(size=(2, 30)),
        "real_logits": rng.normal(size=(2, 20)),
        "real": np.zeros((2, 20, 3)),
    }
    arrays |= {"code": rng.integers(0, 9, (2, 30)), "real_code": rng.integers(0, 9, (2, 20))}
    arrays["code_log_proba"] = rng.normal(size=(2, 30))
    stored = xr.Dataset(TASK.encode(arrays, 1, False))
    assert "real" not in stored
    for i in range(2):
        found, exact = TASK.decode(stored, i), TASK.summarise(arrays, i, 1)
        scale = np.ptp(arrays["samples"][i])
        np.testing.assert_allclose(found.points, exact.points, atol=scale / 65_535)
        assert found.is_critic == exact.is_critic == bool(i)
        np.testing.assert_allclose(found.logits, exact.logits, rtol=1e-6)
        assert np.array_equal(found.real_code, exact.real_code) and np.array_equal(found.code, exact.code)
    one_place = {"samples": np.ones((1, 4, 2)), "critic": np.zeros(1)}
    assert (TASK.decode(xr.Dataset(TASK.encode(one_place, 1, False)), 0).points == 1).all()


def test_chance_has_the_moments_of_the_training_inputs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 2)) @ [[1, 0.5], [0, 2]] + [3, -1]
    drawn = TASK.chance_at(x, None, 1, np.zeros((20_000, 2))).points
    np.testing.assert_allclose(drawn.mean(0), x.mean(0), atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(x.T), atol=0.15)


def test_the_curve_is_the_energy_distance_and_survives_a_cell_that_diverged():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(1, 300, 2)).repeat(3, 0)
    samples = np.stack([rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) + 3, np.full((300, 2), np.nan)])
    found = TASK.errors({"samples": samples, "real": real}, None)
    assert abs(found[0]) < 0.1 < 2 < found[1] and np.isnan(found[2])


@pytest.mark.parametrize("family", ["ring_generation", "digits_generation"])
def test_labels_are_kept_beside_the_points(family):
    data = datasets.make(family, {"noise": 0.05} if family == "ring_generation" else {}, [0])
    kinds = {"ring_generation": 8, "digits_generation": 10}[family]
    assert data.task == "generation" and data.n_classes == 1 and not data.standardise
    assert sorted(set(data.y_test)) == list(range(kinds))
    if family == "ring_generation":
        centres, sd = datasets.law(family, {"noise": 0.05}, data.x_test, "mixture")
        assert sd == 0.05 and np.linalg.norm(data.x_test - centres[data.y_test], axis=1).max() < 6 * sd


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    only = [{"network": ["gan"], "recipe": ["", "minimax", "wasserstein", "wild"]},
            {"network": ["infogan"], "recipe": ["info"]}]  # fmt: skip
    study = {
        "datasets": {"ring_generation": {"noise": 0.1, "n_train": 200, "n_validation": 60, "n_test": 120}},
        "networks": {"gan": {"hidden": [8], "judge": [8]}, "infogan": {"hidden": [8], "judge": [8], "continuous": 1}},
        "models": ["flat"],
        "inference": {"adversarial": {"settings": FEW, "recipes": RECIPES, "stack": 4, "curve": 5, "only": only}},
    }
    config = {"studies": ["gan"], "seeds": [0, 1], "device": "cpu", "compile": "off"}
    folder = str(tmp_path_factory.mktemp("gan"))
    return load_results(run(config | {"results_dir": folder, "overrides": {"gan": study}}).results)


def test_everything_is_trained_but_what_diverged(results):
    states = results.cells.groupby("recipe").state.agg(set).to_dict()
    assert states.pop("wild") == {"failed"}
    assert set(map(tuple, states.values())) == {("done",)}
    assert results.cells[results.cells.recipe == "wild"].reason.str.contains("non-finite").all()
    table = results.metrics.pivot_table("value", "inference", "metric", "mean")
    assert {"game_value", "precision", "recall", "modes_covered", "energy_distance", "nll"} <= set(table.columns)
    assert table.energy_distance.idxmin() == "bayes_rule"


def test_a_cell_trained_alone_has_the_bits_of_its_shard(results):
    shard = next(shard for shard in results.plan.shards.values() if shard.cells[0].network == "gan")
    cell = next(cell for cell in shard.trainable if cell.recipe == "wasserstein" and cell.seed == 1)
    path = results.folder / "shards" / "alone.nc"
    train_shard(results.plan, replace(shard, name="alone", cells=(cell,)), path)
    stored = ShardFile.read(path, ["posterior+wasserstein", "test", "trace"]).groups
    for group, name in (("posterior", "posterior+wasserstein"), ("test", "test"), ("trace", "trace")):
        expected = results.arrays(cell.id, group)
        for variable, values in stored[name].sel(cell=cell.id).items():
            assert np.array_equal(values, expected[variable])


def test_stored_samples_are_read_back_with_both_traces(results):
    cell = results.cells[results.cells.recipe == "wasserstein"].iloc[0].id
    samples = results.predictions(cell)
    assert isinstance(samples, Samples) and samples.points.shape == (120, 2) and samples.is_critic
    trace = results.arrays(cell, "trace")
    assert {"objective", "discriminator_loss", "generator_loss"} == set(trace.data_vars)
    assert results.arrays(cell, "curve").test_error.size == 5
    posterior = results.arrays(cell, "posterior")
    assert posterior.snapshots.shape[0] == 2
    assert -1 <= value_quality_correlation(results, cell) <= 1


def test_everything_is_drawn_and_said(results):
    dataset = plots.generation_sets(results, "gan", images=False)[0]
    for draw in (plots.sample_clouds, plots.clouds_over_training, plots.value_against_quality, plots.code_traversals):
        assert draw(results, "gan", dataset).axes
    text = plots.samples_in_words(results, "gan", dataset)
    assert text.count("\n|") == 1 + 2 + 4 and "*real points*" in text and "infogan, info" in text
    assert "wild" in plots.collapses_in_words(results, "gan")
    with pytest.raises(plots.NothingToDraw):
        plots.generation_sets(results, "gan", images=True)


def test_the_last_snapshot_is_the_trained_generator(results):
    from bnnbench.prediction.samples import over_training, traversal

    info = results.cells[results.cells.recipe == "info"].iloc[0]
    cell = results.trained(info.id)
    kept = over_training(cell, 60, 40)
    assert list(kept) == [20, 40, 60] and all(found.shape == (40, 2) for found in kept.values())
    assert abs(kept[20] - kept[40]).max() > 1e-3
    rows = traversal(cell, 3, continuous=False)
    assert rows.shape == (3, 8, 2)
    along = traversal(cell, 3, continuous=True)
    assert abs(np.diff(along, axis=0)).max() > 0


def test_claims_are_measured_on_the_rows_that_they_name(results):
    table = results.claims.set_index(["id", "part"])
    rows = results.metrics[(results.metrics.metric == "game_value") & (results.metrics.split == "test")]
    plain = rows[(rows.inference == "adversarial") & (rows.recipe == "")].value.mean()
    assert table.effect["A1", "a"] == pytest.approx(plain + np.log(4))
    energy = results.metrics[(results.metrics.metric == "energy_distance") & (results.metrics.split == "test")]
    mean = energy[energy.inference == "adversarial"].groupby("recipe").value.mean()
    assert table.effect["A2", "a"] == pytest.approx(mean[""] - mean["minimax"])
    assert len(CLAIMS) == 3 and table.n_seeds.max() == 2
