"""The memory that planning expects of jobs, against what processes take."""

import pytest
from small_run import NOTHING_ELSE
from trained_job import made_up, measured, measured_evaluation

from bnnbench import datasets, networks
from bnnbench.study import grid, memory, planning, requests
from bnnbench.study.memory import units

TOY = {
    "datasets": {"moons": {"noise": [0.4]}, "circles": {"noise": [0.4]}},
    "models": ["normal-1", "normal-3", "laplace-1", "laplace-half_cauchy"],
    "draws": 50,
}
IMAGES = {"family": "cifar10", "classes": [0, 1, 2, 3, 4], "n_train": 1000, "n_validation": 500, "n_test": 500}
VGG = {
    "datasets": {"before": None, "cifar10": None, "made_up": IMAGES},
    "priors": {"informed": None, "fine_tuned": None},
    "models": ["normal-0.1"],
    "draws": 5,
}


def plan_of(study: str, settings: dict, method: str, folder="results", seeds=1, **more) -> tuple[dict, grid.Plan]:
    """A config of one method in one shard, and its plan."""
    one = {"settings": more | {"steps": 5}, "recipes": None, "only": None}
    override = settings | {"inference": NOTHING_ELSE | {method: one}}
    config = {"studies": [study], "seeds": list(range(seeds)), "device": "cpu", "compile": "off",
              "results_dir": str(folder), "overrides": {study: override}}  # fmt: skip
    return config, grid.load(config, thorough=False)


def vgg_plan(method: str, width: float, folder="results") -> tuple[dict, grid.Plan]:
    return plan_of("transfer-cifar", VGG | {"networks": {"vgg-11": {"width": width}}}, method, folder, batch_size=50)


@pytest.mark.slow
@pytest.mark.parametrize(
    "made",
    [
        lambda folder: plan_of("toy", TOY, "map", folder, seeds=5),
        lambda folder: plan_of("toy", TOY, "mean_field", folder, seeds=5),
        lambda folder: vgg_plan("map", 0.125, folder),
        lambda folder: vgg_plan("map", 0.4, folder),
        lambda folder: vgg_plan("mean_field", 0.125, folder),
    ],
    ids=["toy-map", "toy-mean_field", "vgg-map", "wide-vgg-map", "vgg-mean_field"],
)
def test_what_is_expected_of_training_is_right_within_a_quarter(made, tmp_path):
    config, plan = made(tmp_path / "results")
    made_up(plan)
    (shard,) = plan.shards.values()
    assert memory.of_training(plan, shard) == pytest.approx(measured(config), rel=0.25)


def test_what_is_expected_of_evaluation_is_right_within_a_quarter(tmp_path):
    narrowed = {
        "datasets": {"shapes": {"n_train": 10, "n_validation": 10, "n_test": 4000}},
        "likelihoods": ["pixels"], "models": ["normal-1"], "draws": 2,
        "inference": NOTHING_ELSE | {"map": {"settings": {"steps": 2}}},
    }  # fmt: skip
    config = {"studies": ["segmentation"], "seeds": [0], "device": "cpu", "compile": "off"}
    config |= {"results_dir": str(tmp_path / "results"), "overrides": {"segmentation": narrowed}}
    plan = grid.load(config, thorough=False)
    (spec,), (shard,) = plan.datasets.values(), plan.shards.values()
    made = datasets.make(spec.family, spec.options, [0])
    datasets.store(spec.family, spec.options, made, plan.results / "data" / f"{spec.name}.nc")
    measured(config)
    assert memory.of_evaluation(plan, shard) == pytest.approx(measured_evaluation(config), rel=0.25)
    assert memory.of_evaluation(plan, shard) > 2 * memory.EVALUATING  # so that it is not of imports alone


def test_outputs_of_layers_are_counted():
    (shard,) = vgg_plan("map", 0.125)[1].shards.values()
    network = memory._network(shard.cells[0], memory.datasets.shape("cifar10", shard.cells[0].dataset.options))
    # Two for each convolution (itself and its activation), one for each maximum, the flat features, the classes.
    of_stages = [
        8 * 1024 * 2,
        8 * 256,
        16 * 256 * 2,
        16 * 64,
        32 * 64 * 4,
        32 * 16,
        64 * 16 * 4,
        64 * 4,
        64 * 4 * 4,
        64,
    ]
    assert units(network) == sum(of_stages) + 64 + 5


def test_outputs_of_residual_blocks_are_counted():
    network = networks.make({"kind": "resnet", "depth": 8, "width": 0.25}, (3, 8, 8), 5)
    # The first convolution and its activation; in each block where it begins, two convolutions and an activation, the
    # sum and its activation, and in the later two what the shortcut begins with and what it makes of that.
    first = 2 * 4 * 64 + 4 * 64 * 6
    second = 4 * 64 + 8 * 16 * 3 + 4 * 64 + 8 * 16 + 8 * 16 * 2
    third = 8 * 16 + 16 * 4 * 3 + 8 * 16 + 16 * 4 + 16 * 4 * 2
    assert units(network) == first + second + third + 16 + 5


def test_wider_networks_more_cells_and_posteriors_that_spread_take_more():
    def expected(made):
        return max(memory.of_training(made[1], shard) for shard in made[1].shards.values())

    assert expected(vgg_plan("map", 0.125)) < expected(vgg_plan("map", 0.5))
    assert expected(vgg_plan("map", 0.5)) < expected(vgg_plan("mean_field", 0.5))
    few, many = (plan_of("toy", TOY, "map", seeds=seeds) for seeds in (1, 5))
    assert expected(few) < expected(many)


def test_the_summary_names_the_largest_job_and_the_queue_is_asked_for_more_than_it():
    _, plan = vgg_plan("mean_field", 0.5)
    (name,) = plan.shards
    expected = memory.of_training(plan, plan.shards[name])
    line = next(line for line in planning.summary(plan).splitlines() if line.startswith("  memory: "))
    assert f"{expected / 1000:.1f} GB in training ({name})" in line
    assert requests.megabytes(plan, [name]) > 1.4 * expected
