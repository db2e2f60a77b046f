"""Shards: what is stored, what is trained again, and what happens to cells that fail."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from small_run import NOTHING_ELSE, SMALL

from bnnbench import datasets, networks, tasks
from bnnbench.datasets import DataSet
from bnnbench.evaluation import evaluate
from bnnbench.files.shards import ShardFile
from bnnbench.files.writing import replacing
from bnnbench.inference import GaussianPosterior
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams
from bnnbench.prediction.trained import build_model
from bnnbench.study import grid, planning
from bnnbench.study.config import ConfigError
from bnnbench.training import device, train
from bnnbench.training import inputs as inputs_module

SHARD = "toy--plane-n_test-500--mlp-5-5--map"


def plan_of(tmp_path, seeds=(0,), **toy):
    toy = SMALL["overrides"]["toy"] | {"datasets": {"moons": {"noise": [0.4], "n_test": 500}, "circles": None}} | toy
    plan = grid.load(SMALL | {"seeds": list(seeds), "results_dir": str(tmp_path), "overrides": {"toy": toy}})
    for spec in plan.datasets.values():
        datasets.make(spec.family, spec.options, plan.config.seeds).to_netcdf(tmp_path / "data" / f"{spec.name}.nc")
    return plan


def trained(plan, tmp_path, shard=SHARD):
    path = tmp_path / "shards" / f"{shard}.nc"
    train.train_shard(plan, plan.shards[shard], path)
    return ShardFile.read(path)


def test_a_finished_shard_trains_nothing(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    first = trained(plan, tmp_path)
    monkeypatch.setattr(train, "train_stack", lambda *a: pytest.fail("trained again"))
    assert [r["key"] for r in trained(plan, tmp_path).rows] == [r["key"] for r in first.rows]


@pytest.mark.parametrize(
    ("wanted", "seconds", "expected"),
    [("auto", 0.1, False), ("auto", 100, True), ("on", 0.1, True), ("off", 100, False)],
)
def test_only_a_job_that_is_long_enough_compiles_unless_told(tmp_path, monkeypatch, wanted, seconds, expected):
    plan = plan_of(tmp_path, inference=NOTHING_ELSE | {"map": {"settings": {"steps": 2}, "seconds": seconds}})
    plan = replace(plan, config=plan.config.model_copy(update={"compile": wanted}))
    asked = []
    monkeypatch.setattr(train, "resolve_compile", lambda wanted, device: wanted != "off")
    monkeypatch.setattr(train, "train_stack", lambda *a: asked.append(a[3].compiled) or ([], {}))
    trained(plan, tmp_path)
    assert asked == [expected]


def test_new_cells_join_a_shard_and_leave_the_old_ones_as_they_were(tmp_path):
    old = trained(plan_of(tmp_path, models=["normal-1"]), tmp_path)
    wider = plan_of(tmp_path, models=["laplace-1", "normal-1", "normal-10"])
    assert {c.model for c in planning.pending(wider, wider.shards[SHARD])} == {"laplace-1", "normal-10"}
    new = trained(wider, tmp_path)
    assert {r["prior"] for r in new.rows} == {"normal", "laplace"}
    cell = old.rows[0]["id"]
    same = [f.groups["test"].mean_proba.sel(cell=cell).values for f in (old, new)]
    assert np.array_equal(*same)


def test_longer_ids_that_join_a_shard_are_kept_whole(tmp_path):
    trained(plan_of(tmp_path, models=["normal-1"]), tmp_path)
    new = trained(plan_of(tmp_path, models=["normal-1", "normal-half_normal"]), tmp_path)
    assert [set(group.cell.values) for group in new.groups.values()] == [{r["id"] for r in new.rows}] * len(new.groups)


def test_predictions_that_a_shard_has_lost_are_an_error(tmp_path):
    plan = plan_of(tmp_path, models=["normal-1", "normal-10"])
    stored, path = trained(plan, tmp_path), tmp_path / "shards" / f"{SHARD}.nc"
    stored.groups["test"] = stored.groups["test"].isel(cell=[0])
    stored.write(path, {"shard": SHARD})
    with pytest.raises(ValueError, match=r"no test predictions of toy/.*delete it"):
        evaluate.evaluate_shard(plan, plan.shards[SHARD], path, tmp_path / "metrics.parquet")
    assert not (tmp_path / "metrics.parquet").exists()


def test_a_resumed_shard_equals_one_trained_at_once(tmp_path):
    at_once = trained(plan_of(tmp_path / "a", seeds=(0, 1)), tmp_path / "a")
    trained(plan_of(tmp_path / "b", seeds=(1,)), tmp_path / "b")
    resumed = trained(plan_of(tmp_path / "b", seeds=(0, 1)), tmp_path / "b")
    for cell in at_once.groups["test"].cell.values:
        pair = [f.groups["test"].mean_proba.sel(cell=cell).values for f in (at_once, resumed)]
        np.testing.assert_allclose(*pair, atol=1e-3)


def test_what_an_interrupted_job_had_trained_is_kept_though_its_file_is_removed(tmp_path, monkeypatch):
    """Snakemake removes the file of a job that did not end well."""
    options = {
        "models": ["laplace-1", "normal-1", "normal-10"],
        "inference": {"map": {"stack": 1, "settings": {"steps": 100}}},
    }
    shard = f"{SHARD}--seed-0"  # cells that are trained one by one have a job for each seed
    whole = trained(plan_of(tmp_path / "whole", **options), tmp_path / "whole", shard)
    plan, train_stack, calls = plan_of(tmp_path / "cut", **options), train.train_stack, []

    def counted(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train_stack(*args)

    monkeypatch.setattr(train, "train_stack", counted)
    with pytest.raises(KeyboardInterrupt):
        trained(plan, tmp_path / "cut", shard)
    assert not (tmp_path / "cut" / "shards" / f"{shard}.nc").exists()
    assert len(planning.pending(plan, plan.shards[shard])) == 1
    resumed = trained(plan, tmp_path / "cut", shard)
    assert len(calls) == 4
    assert {r["id"] for r in resumed.rows} == {r["id"] for r in whole.rows}
    for name in ("test", "posterior"):
        order = whole.groups[name].cell.values
        for variable, values in whole.groups[name].items():
            np.testing.assert_array_equal(resumed.groups[name][variable].sel(cell=order), values)
    assert [p.name for p in (tmp_path / "cut" / "shards").iterdir()] == [f"{shard}.nc"]


def test_changed_settings_replace_the_stored_cells(tmp_path):
    before = trained(plan_of(tmp_path, models=["normal-1"]), tmp_path)
    changed = plan_of(tmp_path, models=["normal-1"], inference={"map": {"settings": {"steps": 50}}})
    after = trained(changed, tmp_path)
    assert len(after.rows) == len(before.rows) == 1
    assert after.rows[0]["steps"] == 50
    assert after.groups["test"].sizes["cell"] == 1


def draws(n):
    return {"draws": n}


def members(n):
    return {"inference": {"ensemble": {"settings": {"steps": 50, "members": n}, "recipes": None}}}


@pytest.mark.parametrize("seeds", [[0, 1], [0]])  # also where seeds are no longer asked for
@pytest.mark.parametrize(
    ("method", "before", "after"),
    [("map", draws(40), draws(20)), ("map", draws(20), draws(40)), ("ensemble", members(2), members(3))],
)
def test_cells_trained_with_other_settings_leave_nothing_behind(tmp_path, method, before, after, seeds):
    shard = SHARD.replace("map", method)
    trained(plan_of(tmp_path, models=["normal-1"], seeds=[0, 1], **before), tmp_path, shard)
    found = []
    for folder in (tmp_path, tmp_path / "alone"):
        stored = trained(plan_of(folder, models=["normal-1"], seeds=seeds, **after), folder, shard)
        group = stored.groups["test"]
        found.append({c: tasks.find("classification").decode(group, i) for i, c in enumerate(group.cell.values)})
    assert set(found[0]) >= set(found[1]) and len(found[1]) == len(seeds)
    for cell, alone in found[1].items():
        assert found[0][cell].n_draws == alone.n_draws
        np.testing.assert_array_equal(found[0][cell].argmax_votes, alone.argmax_votes)


def test_cells_stored_under_another_key_are_not_evaluated(tmp_path):
    """As where a results folder was copied, and nobody knows by which settings it was made."""
    trained(plan_of(tmp_path, models=["normal-1"]), tmp_path)
    changed = NOTHING_ELSE | {"map": {"settings": {"steps": 60}}}
    other = plan_of(tmp_path, models=["normal-1"], inference=changed)
    path = tmp_path / "shards" / f"{SHARD}.nc"
    evaluate.evaluate_shard(other, other.shards[SHARD], path, tmp_path / "metrics.parquet")
    assert pd.read_parquet(tmp_path / "metrics.parquet").empty


def test_a_diverging_cell_is_a_row_and_its_neighbours_are_sound(tmp_path):
    """A prior scale of 1e-30 sends the log density of its cell beyond float32, and only of its own."""
    plan = plan_of(tmp_path, scales=[1.0, 1e-30], models=["normal-1", "normal-1e-30"])
    stored = trained(plan, tmp_path)
    state = {r["scale"]: r for r in stored.rows}
    assert state[1e-30]["state"] == "failed"
    assert "non-finite" in state[1e-30]["reason"]
    assert state[1.0]["state"] == "done"
    alone = trained(plan_of(tmp_path / "alone", models=["normal-1"]), tmp_path / "alone")
    pair = [f.groups["test"].mean_proba.sel(cell=state[1.0]["id"]).values for f in (stored, alone)]
    np.testing.assert_allclose(*pair, atol=1e-4)


def test_a_stack_that_runs_out_of_memory_is_failed_and_the_rest_goes_on(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    monkeypatch.setattr(inputs_module, "predict", lambda *a, **k: (_ for _ in ()).throw(MemoryError("no room")))
    stored = trained(plan, tmp_path)
    assert {(r["state"], r["reason"]) for r in stored.rows} == {("failed", "MemoryError: no room")}
    assert f"{len(stored.rows)} failed" in planning.summary(plan)
    evaluate.evaluate_shard(plan, plan.shards[SHARD], tmp_path / "shards" / f"{SHARD}.nc", tmp_path / "m.parquet")
    assert pd.read_parquet(tmp_path / "m.parquet").empty


def test_failed_cells_that_are_forgotten_are_trained_again_and_no_others(tmp_path, monkeypatch):
    plan = plan_of(tmp_path, scales=[1.0, 1e-30], models=["normal-1", "normal-1e-30"])
    before = {r["state"]: r["id"] for r in trained(plan, tmp_path).rows}
    assert train.forget_failed(plan) == [before["failed"]]
    asked, train_stack = [], train.train_stack
    monkeypatch.setattr(train, "train_stack", lambda cells, *a: asked.extend(cells) or train_stack(cells, *a))
    after = trained(plan, tmp_path)
    assert [cell.id for cell in asked] == [before["failed"]]
    assert {r["state"]: r["id"] for r in after.rows} == before


def test_a_stack_that_failed_as_a_whole_can_be_trained_again(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(inputs_module, "predict", lambda *a, **k: (_ for _ in ()).throw(MemoryError("no room")))
        trained(plan, tmp_path)
    assert len(train.forget_failed(plan)) == len(plan.shards[SHARD].trainable)
    assert {r["state"] for r in trained(plan, tmp_path).rows} == {"done"}
    assert train.forget_failed(plan) == []


def test_a_damaged_shard_file_is_named(tmp_path):
    plan = plan_of(tmp_path)
    path = tmp_path / "shards" / f"{SHARD}.nc"
    path.parent.mkdir()
    path.write_bytes(b"not netCDF")
    with pytest.raises(ValueError, match=r"has no seal: it is damaged.*delete it and run again"):
        train.train_shard(plan, plan.shards[SHARD], path)


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text("whole", encoding="utf-8")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("ha", encoding="utf-8")
        raise RuntimeError("interrupted")
    assert path.read_text(encoding="utf-8") == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["table.txt"]


def test_weight_and_scale_summaries_describe_the_posterior(small_results):
    cell = "toy/moons-0.4/mlp-5-5/laplace-half_cauchy/mean_field/seed-0"
    weights, draws = small_results.arrays(cell, "weights"), small_results.trained(cell).weight_draws(2000)
    gap = abs(weights["mean"].values - draws.mean(0))
    assert (gap < 6 * draws.std(0) * (1 / 400 + 1 / 2000) ** 0.5 + 1e-3).mean() > 0.98
    inside = (draws > weights.q025.values) & (draws < weights.q975.values)
    assert 0.92 < inside.mean() < 0.97


def test_a_trained_cell_predicts_on_new_inputs_as_it_did_on_the_test_set(small_results):
    cell = "toy/circles-0.4/mlp-5-5/normal-1/mean_field/seed-1"
    x, _ = small_results.labels(cell)
    again = small_results.trained(cell).predict_proba(x, n_draws=300)
    stored = small_results.predictions(cell)
    error = np.sqrt(stored.class_variance * (1 / 30 + 1 / 300))
    assert (abs(again - stored.mean_proba) < 5 * error + 1e-3).mean() > 0.995


def test_device_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch sees no GPU: use device: auto"):
        device.resolve_device("cuda")


def test_the_learning_curve_ends_at_the_final_error_and_leaves_the_posterior_as_it_is(tmp_path):
    plain = trained(plan_of(tmp_path / "a", models=["normal-1"]), tmp_path / "a")
    plan = plan_of(tmp_path / "b", models=["normal-1"], inference={"map": {"settings": {"steps": 200}, "curve": 4}})
    watched = trained(plan, tmp_path / "b")
    assert watched.rows[0]["key"] != plain.rows[0]["key"] and "curve" not in plain.groups  # it is stored, so it counts
    assert np.array_equal(watched.groups["posterior"]["loc"].values, plain.groups["posterior"]["loc"].values)
    curve, cell = watched.groups["curve"].isel(cell=0), plan.cells[0]
    assert list(curve.step.values) == [50, 100, 150, 200]
    _, y = evaluate.labels(DataSet.from_netcdf(tmp_path / "b" / "data" / "moons-0.4.nc"), "test", cell.seed)
    predicted = watched.groups["test"].mean_proba.isel(cell=0).values > 0.5
    assert curve.test_error.values[-1] == pytest.approx((predicted != y).mean(), abs=1e-6)


def test_a_stack_that_is_computed_whole_as_on_a_gpu_gives_the_same_cells(tmp_path, monkeypatch):
    """On the processor it is taken in blocks."""
    options = {"models": None, "scales": [0.5, 1.0, 2.0, 3.0], "priors": {"flat": None}, "seeds": [0, 1, 2]}
    in_blocks = trained(plan_of(tmp_path / "blocks", **options), tmp_path / "blocks")
    assert len(in_blocks.rows) > device.cells_together("cpu", 1000, 1000)
    monkeypatch.setattr(train, "cells_together", lambda _, n, stack: device.cells_together("cuda", n, stack))
    at_once = trained(plan_of(tmp_path / "whole", **options), tmp_path / "whole")
    ours, theirs = (f.groups["test"].mean_proba for f in (in_blocks, at_once))
    np.testing.assert_allclose(ours, theirs.sel(cell=ours.cell), atol=1e-3)


@pytest.mark.parametrize(("n_cells", "stack", "block"), [(1, 1, 1), (5, 512, 32), (70, 512, 96), (600, 512, 512)])
def test_a_gpu_takes_a_stack_at_once_filled_up_to_a_multiple(n_cells, stack, block):
    assert device.cells_together("cuda", n_cells, stack) == block


def test_a_learning_curve_is_measured_with_several_draws(tmp_path):
    """With one it would show the noise of a single network, not the posterior's error."""
    plan = plan_of(tmp_path, models=["normal-1"])
    data = {spec: DataSet.from_netcdf(tmp_path / "data" / f"{spec}.nc") for spec in plan.datasets}
    cell = plan.cells[0]
    inputs, drawn = inputs_module.Inputs([cell], data, "cpu"), []
    network = networks.make(cell.network_options, (2,), 2)

    class Spy(GaussianPosterior):
        def draws(self, streams, purpose):
            draw = super().draws(streams, purpose)
            return lambda s: drawn.append(s) or draw(s)

    prior = LogPrior.of_models(network, [build_model(cell)])
    arrays = {"loc": torch.zeros(1, prior.n_latents), "sd": torch.ones(1, prior.n_latents)}
    errors = inputs.errors(Spy(prior, arrays), Streams([cell.id], [cell.pair]), block=1)
    assert errors.shape == (2, 1) and len(set(drawn)) >= 5
