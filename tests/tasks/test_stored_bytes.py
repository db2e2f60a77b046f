"""What planning expects of a cell's predictions, against what training stores of them, for every task."""

import pytest
from small_run import NOTHING_ELSE

from bnnbench import datasets, tasks
from bnnbench.files.shards import ShardFile
from bnnbench.study import grid
from bnnbench.training import train

MAP = NOTHING_ELSE | {"map": {"settings": {"steps": 2, "batch_size": None}, "stack": 9, "recipes": None}}
NO_PROBES = {"probes": None}


def narrowed(inference=MAP, **kept):
    return kept | {"inference": inference, "draws": 3}


STUDIES = {
    "toy": narrowed(datasets={"moons": {"noise": [0.4], "n_test": 50}, "circles": None}, models=["normal-1"]),
    "digits": narrowed(networks={"lenet-8-16": None}, models=["normal-1"]),
    "regression": narrowed(
        datasets={"foong": {"n_test": 50}}
        | dict.fromkeys(["blundell", "three_intervals", "wiggle", "matern", "depeweg", "cubic"]),
        likelihoods=["gaussian", "gaussian_heteroscedastic"], models=["normal-1"], **NO_PROBES,
    ),
    "sequence": narrowed(
        datasets={"markov": {}, "digits": None, "text": None}, networks={"gru-24": None}, models=["normal-1"],
    ),
    "segmentation": narrowed(
        datasets={"shapes": {"n_train": 10, "n_validation": 5, "n_test": 10}}, models=["normal-1"],
    ),
    "flow": narrowed(
        datasets={"two_gaussians": {}}
        | dict.fromkeys(["moons_density", "circles_density", "gaussian_ring", "squared_uniform"]),
        models=["normal-1"],
    ),
    "gan": narrowed(
        NOTHING_ELSE | {"adversarial": {"settings": {"steps": 2}, "curve": 1}}, models=["flat"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("study", STUDIES)
def test_no_more_is_stored_of_a_point_than_planned_and_not_much_less(tmp_path, study):
    config = {"studies": [study], "seeds": [0], "device": "cpu", "compile": "off", "results_dir": str(tmp_path)}
    plan = grid.load(config | {"overrides": {study: STUDIES[study]}}, thorough=False)
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, [0], None)
        datasets.store(spec.family, spec.options, made, tmp_path / "data" / f"{spec.name}.nc")
    for name, shard in plan.shards.items():
        train.train_shard(plan, shard, tmp_path / "shards" / f"{name}.nc")
        test = ShardFile.read(tmp_path / "shards" / f"{name}.nc", ["test"]).groups["test"]
        spec = shard.cells[0].dataset
        shape = datasets.shape(spec.family, spec.options)
        expected = tasks.find(spec.task).stored_bytes(shape.inputs, shape.classes, shard.cells[0].draws)
        of_points = sum(v.nbytes for v in test.data_vars.values() if len(v.dims) > 1)
        assert 0.3 * expected <= of_points / test.sizes["cell"] / shape.test <= expected
