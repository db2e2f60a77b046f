"""Training with pretrained weights, from shards that were trained before and from files, to the cell's record."""

import hashlib

import numpy as np
import pytest
import torch

from bnnbench import datasets, load_results
from bnnbench.evaluation import evaluate, probing
from bnnbench.files.shards import ShardFile
from bnnbench.study import grid
from bnnbench.training.train import train_shard
from bnnbench.training.weight_files import named, read_weights

SAME = "digits-0-to-4-n-200"
METHODS = ("map", "mean_field", "laplace_approximation")
ONLY_FEW = [{"dataset": [SAME], "prior": ["held", "informed", "fine_tuned"]}]


def config(folder, **centre):
    digits = {"family": "digits", "classes": [0, 1, 2, 3, 4], "n_validation": 50}
    where = (
        {"dataset": "digits-0-to-4", "model": "normal-1"}
        if not centre
        else centre | dict.fromkeys(("dataset", "model", "inference"))
    )
    settings = {"steps": 60, "learning_rate": 0.01, "batch_size": 100}
    study = {
        "datasets": {"digits-before": digits | {"n_train": 200}, "digits": digits | {"subset": [200]}},
        "networks": {"lenet-8-16": None, "small": {"kind": "mlp", "hidden": [8]}},
        "priors": {
            "relative": None, "frozen": None,
            # Of all layers, at a scale of all but nothing.
            "held": {"family": "normal", "centre": where, "new_layers": 0, "scales": [1e-7]},
            "informed": {"centre": where, "scales": [0.5], "elsewhere": 1.0, "new_layers": 1},
            "fine_tuned": {"start": where, "scales": [1], "new_layers": 1},
        },
        "scales": [1],
        "inference": {
            "map": {"settings": settings, "only": [{"dataset": ["digits-0-to-4"], "model": ["normal-1"]}, *ONLY_FEW]},
            "mean_field": {"settings": settings, "only": ONLY_FEW},
            "laplace_approximation": {"settings": settings, "only": ONLY_FEW},
            "ensemble": None, "swag": None,
        },
        "draws": 10,
    }  # fmt: skip
    return {"studies": ["transfer"], "seeds": [0], "device": "cpu", "compile": "off", "results_dir": str(folder),
            "overrides": {"transfer": study}}  # fmt: skip


def write_data(plan):
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds)
        made.to_netcdf(plan.results / "data" / f"{spec.name}.nc")


def path_of(plan, shard):
    return plan.results / "shards" / f"{shard.name}.nc"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    plan = grid.load(config(tmp_path_factory.mktemp("transfer")))
    write_data(plan)
    for shard in sorted(plan.shards.values(), key=lambda shard: shard.takes_weights):
        train_shard(plan, shard, path_of(plan, shard))
        evaluate.evaluate_shard(plan, shard, path_of(plan, shard), plan.results / "metrics" / f"{shard.name}.parquet")
    evaluate.gather(plan)
    probing.gather(plan)
    return load_results(plan.results)


def cell(prior, method):
    return f"transfer/{SAME}/small/{prior}/{method}/seed-0"


SOURCE = "transfer/digits-0-to-4/small/normal-1/map/seed-0"


@pytest.mark.parametrize("method", METHODS)
def test_a_scale_to_zero_gives_back_the_pretrained_network(trained, method):
    data = trained.data(SAME)
    expected = trained.trained(SOURCE).predict_proba(data.x_test)
    found = trained.trained(cell("held-1e-07", method)).predict_proba(data.x_test, 10)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("prior", ["informed-0.5", "fine_tuned-1"])
@pytest.mark.parametrize("method", METHODS)
def test_stored_cells_predict_anew_what_they_did_in_training(trained, prior, method):
    data = trained.data(SAME)
    stored = trained.predictions(cell(prior, method)).mean_proba
    anew = trained.trained(cell(prior, method)).predict_proba(data.x_test, 300)
    np.testing.assert_allclose(anew, stored, atol=1e-4 if method == "map" else 0.25)


def test_the_record_says_whose_weights_they_are_and_which_layers_have_none(trained):
    said = trained.cells.set_index("id").pretrained
    assert said[cell("informed-0.5", "map")] == f"centred on {SOURCE}; on zero: dense2.weight, dense2.bias"
    assert said[cell("fine_tuned-1", "map")] == f"starts at {SOURCE}; at random: dense2.weight, dense2.bias"
    assert said[cell("held-1e-07", "map")] == f"centred on {SOURCE}"
    assert said[SOURCE] == ""


def test_weight_moments_are_of_the_weights_and_not_of_their_deviations(trained):
    mean, sd = trained.trained(cell("held-1e-07", "mean_field")).weight_moments()
    source, _ = trained.trained(SOURCE).weight_moments()
    np.testing.assert_allclose(mean, source, atol=1e-3)
    assert sd.max() < 1e-6


def test_cells_whose_centre_failed_are_failed_with_the_reason(trained, tmp_path):
    plan = grid.load(trained.plan.config.model_dump() | {"results_dir": str(tmp_path)})
    write_data(plan)
    source = plan.shards[plan.shard_of[SOURCE]]
    waiting = plan.shards[plan.shard_of[cell("informed-0.5", "map")]]
    with pytest.raises(FileNotFoundError, match=f"train the shard {source.name} first"):
        train_shard(plan, waiting, path_of(plan, waiting))
    stored = ShardFile.read(path_of(trained.plan, source))
    for row in stored.rows:
        row |= {"state": "failed", "reason": "diverged"}
    stored.groups = {}
    stored.write(path_of(plan, source), {"shard": source.name})
    train_shard(plan, waiting, path_of(plan, waiting))
    rows = ShardFile.read(path_of(plan, waiting)).rows
    assert rows and all(
        row["state"] == "failed" and f"{SOURCE}, which failed: diverged" in row["reason"] for row in rows
    )


def saved(folder, name, tensors):
    path = folder / name
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    else:
        torch.save({key: torch.from_numpy(value) for key, value in tensors.items()}, path)
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["w.npz", "w.pth"])
def test_files_are_read_under_a_networks_names(tmp_path, name):
    rng = np.random.default_rng(0)
    shapes = {"features.0.weight": (2, 1, 3, 3), "features.0.bias": (2,), "features.3.weight": (4, 2, 3, 3),
              "features.3.bias": (4,), "classifier.0.weight": (5, 16), "classifier.0.bias": (5,)}  # fmt: skip
    tensors = {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}
    found = read_weights(*saved(tmp_path, name, tensors))
    assert list(found) == [f"{layer}.{part}" for layer in ("conv1", "conv2", "dense1") for part in ("weight", "bias")]
    np.testing.assert_array_equal(found["conv2.weight"], tensors["features.3.weight"])
    assert named(found, "w") == found


def test_wrong_files_are_refused(tmp_path):
    path, digest = saved(tmp_path, "w.npz", {"dense1.weight": np.ones((2, 2), np.float32)})
    with pytest.raises(ValueError, match="has the SHA-256"):
        read_weights(path, "0" * 64)
    with pytest.raises(ValueError, match="cannot be read"):
        read_weights(str(tmp_path / "none.npz"), digest)
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="no state_dict"):
        read_weights(str(bad), hashlib.sha256(bad.read_bytes()).hexdigest())


def test_a_file_that_does_not_fit_fails_its_cells_with_the_layers_name(tmp_path, trained):
    weights = {"dense1.weight": np.ones((8, 9), np.float32), "dense1.bias": np.ones(8, np.float32)}
    path, digest = saved(tmp_path, "w.npz", weights)
    plan = grid.load(config(tmp_path, file=path, sha256=digest))
    write_data(plan)
    waiting = plan.shards[plan.shard_of[cell("informed-0.5", "map")]]
    train_shard(plan, waiting, path_of(plan, waiting))
    rows = {row["id"]: row for row in ShardFile.read(path_of(plan, waiting)).rows}
    assert "dense1.weight has the shape [8, 9] in" in rows[cell("informed-0.5", "map")]["reason"]
