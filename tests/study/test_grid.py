"""From config to cells: what is in the grid, and what a change makes train again."""

import re

import pytest

from bnnbench.study import grid, planning
from bnnbench.study.config import ConfigError

TOY = {"studies": ["toy"], "seeds": [0, 1, 2, 3, 4]}


def cells(**overrides):
    return grid.load(TOY | {"overrides": {"toy": overrides}} if overrides else TOY).cells


def test_the_toy_grid_has_a_thousand_networks_a_method():
    trained = [c for c in cells() if not c.merged and c.inference == "mean_field" and not c.recipe]
    # 6 data sets, 5 seeds, 4 priors with 5 scales and 3 hyperpriors, and flat.
    assert len(trained) == 6 * 5 * (4 * (5 + 3) + 1)


def test_flat_with_a_hyperprior_is_shown_as_merged_with_its_reason():
    merged = [c for c in cells() if c.merged]
    assert {c.model for c in merged} == {"flat-half_normal", "flat-half_cauchy", "flat-inverse_gamma"}
    assert all("no scale" in c.merged for c in merged)


def test_ids_are_unique_and_readable():
    ids = [c.id for c in cells()]
    assert len(set(ids)) == len(ids)
    assert "toy/circles-0.4/mlp-5-5/laplace-half_cauchy/mean_field/seed-3" in ids
    assert "toy/moons-0.2/mlp-5-5/normal-0.1/map/seed-0" in ids


def test_cells_may_be_narrowed_to_one_of_several_sets_of_coordinates():
    wanted = [{"model": ["normal-1"], "dataset": ["moons-0.4"]}, {"model": ["cauchy-1"], "seed": [2]}]
    found = [c for c in cells(inference={"map": {"only": wanted}}) if c.inference == "map"]
    assert {(c.model, c.dataset.name) for c in found if c.model == "normal-1"} == {("normal-1", "moons-0.4")}
    assert {c.seed for c in found if c.model == "cauchy-1"} == {2}
    assert len(found) == 5 + 6


def test_data_of_one_shape_share_a_job_and_every_five_seeds_have_one():
    def jobs(seeds=range(5), **datasets):
        config = {"studies": ["toy"], "seeds": list(seeds), "overrides": {"toy": {"datasets": datasets}}}
        return [name for name, shard in grid.load(config).shards.items() if shard.inference == "map"]

    assert jobs() == ["toy--plane--mlp-5-5--map"]
    assert jobs(moons={"n_test": 500}) == ["toy--plane-n_test-500--mlp-5-5--map", "toy--plane--mlp-5-5--map"]
    assert jobs(range(3, 12)) == [f"toy--plane--mlp-5-5--map{part}" for part in ("", "--seeds-5-9", "--seeds-10-14")]
    plan = grid.load(TOY | {"seeds": [0, 7]})  # references are of the seeds 0 to 4 only
    first, second = (plan.shards[f"toy--plane--mlp-5-5--map{part}"] for part in ("", "--seeds-5-9"))
    # Those of one method are trained by a job for each data set, those of the other by one for all.
    sets = ["moons-0.2", "moons-0.3", "moons-0.4", "circles-0.2", "circles-0.3", "circles-0.4"]
    by_particles = [f"toy--{name}--mlp-5-5--smc" for name in sets]
    chains = plan.shards["toy--plane--mlp-5-5--hmc"]
    assert [shard.name for shard in plan.reference_shards(first)] == [*by_particles, chains.name]
    assert plan.reference_shards(second) == []
    assert [shard.name for shard in plan.reference_shards(chains)] == by_particles


def test_a_job_is_long_by_the_expected_seconds_of_all_its_cells():
    def long(seconds, seeds):
        settings = {"map": {"seconds": seconds}}
        plan = grid.load({"studies": ["toy"], "seeds": seeds, "overrides": {"toy": {"inference": settings}}})
        shard = plan.shards["toy--plane--mlp-5-5--map"]
        assert plan.expected_seconds(shard) == pytest.approx(seconds * len(shard.trainable))
        return plan.is_long(shard)

    assert not long(0.1, [0]) and long(0.1, [0, 1]) and long(0.2, [0])


def keys(**overrides):
    return {c.id: c.key for c in cells(**overrides)}


def test_adding_a_scale_or_a_seed_leaves_all_other_keys_alone():
    before, after = keys(), keys(scales=[0.1, 0.3, 1, 3, 10, 30])
    assert all(after[i] == key for i, key in before.items())
    assert {i.split("/")[3].split("-")[1] for i in set(after) - set(before)} == {"30"}


def test_changing_one_methods_settings_changes_only_its_keys():
    before, after = keys(), keys(inference={"map": {"settings": {"steps": 7}}})
    changed = {i for i in before if before[i] != after[i]}
    assert changed == {i for i in before if "/map/" in i}


def test_pairs_share_data_initial_values_and_batches_across_priors_and_methods():
    some = [c for c in cells() if c.dataset.name == "moons-0.4" and c.seed == 1]
    assert len({c.pair for c in some}) == 1
    assert len({c.pair for c in cells()}) == 6 * 5


def test_two_studies_cannot_give_one_data_set_two_meanings():
    moons = {"digits": None, "moons": {"noise": 0.4, "n_train": 100}}
    other = {"digits": {"datasets": moons, "networks": {"lenet-8-16": None}}}
    with pytest.raises(ConfigError, match="other options in the studies"):
        grid.load({"studies": ["toy", "digits"], "overrides": other})


def test_data_of_which_no_cell_is_left_are_no_part_of_the_plan():
    others = {cell.inference: None for cell in cells() if cell.inference != "map"}
    only = {"only": {"dataset": ["moons-0.4"]}}
    plan = grid.load(TOY | {"overrides": {"toy": {"inference": others | {"map": only}}}})
    assert list(plan.datasets) == ["moons-0.4"] and {cell.dataset.name for cell in plan.cells} == {"moons-0.4"}


def test_the_plan_lists_exactly_the_new_cells(small_results, small_plan):
    assert planning.summary(small_plan).startswith("bnnbench: all")
    wider = small_plan.config.model_dump() | {"seeds": [*small_plan.config.seeds, 99]}
    listed = [line.strip() for line in planning.listing(grid.load(wider)).splitlines() if line.startswith("  ")]
    assert listed
    assert all(line.endswith("seed-99") for line in listed)


def test_the_disk_estimate_counts_the_weights(tmp_path):
    def megabytes(network):
        others = {n: None for n in ("relu-400", "relu-800", "relu-1200") if n != network}
        run = {"studies": ["pruning"], "overrides": {"pruning": {"networks": others}}, "results_dir": str(tmp_path)}
        return float(re.search(r"disk: about (\d+) MB", planning.summary(grid.load(run)))[1])

    weights = {"relu-400": 478_410, "relu-1200": 2_395_210}
    n_cells = len(grid.load({"studies": ["pruning"]}).cells) / 3
    grows = 22e-6 * n_cells * (weights["relu-1200"] - weights["relu-400"])
    assert megabytes("relu-1200") - megabytes("relu-400") == pytest.approx(grows, rel=0.01)


def test_only_may_name_the_likelihood_that_is_the_tasks_default():
    for wanted in ("gaussian", "student_t"):
        study = {"likelihoods": ["gaussian", "student_t"], "inference": {"map": {"only": {"likelihood": [wanted]}}}}
        plan = grid.load({"studies": ["regression"], "seeds": [0], "overrides": {"regression": study}})
        assert {cell.likelihood for cell in plan.cells if cell.inference == "map"} == {wanted}
