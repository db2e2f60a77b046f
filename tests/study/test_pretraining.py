"""Priors that name pretrained weights: what a plan makes of them, what their keys hold, and what is refused."""

import re

import pytest

from bnnbench.study import grid
from bnnbench.study.batches import batches
from bnnbench.study.config import ConfigError

FEW = ["digits-5-to-9-n-25", "digits-5-to-9-n-50"]
CENTRE = {"dataset": "digits-0-to-4", "model": "normal-0.3"}
INFORMED = "transfer/digits-5-to-9-n-25/lenet-8-16/informed-2/map/seed-1"
SOURCE = "transfer/digits-0-to-4/lenet-8-16/normal-0.3/map/seed-1"


def plan(priors=None, seeds=(0, 1), networks=None, **source_settings):
    only = [{"dataset": ["digits-0-to-4"], "model": ["normal-0.3"]}, {"dataset": FEW}]
    study = {
        "datasets": {"digits": {"subset": [25, 50]}},
        "networks": networks or {},
        "priors": {"relative": None, "frozen": None, "fine_tuned": None} | (priors or {}),
        "inference": {
            "map": {"only": only, "settings": source_settings},
            "mean_field": {"only": [{"dataset": FEW}]},
            "laplace_approximation": None, "ensemble": None, "swag": None,
        },
    }  # fmt: skip
    return grid.load({"studies": ["transfer"], "seeds": list(seeds), "overrides": {"transfer": study}}, thorough=False)


@pytest.fixture(scope="module")
def planned():
    return plan()


def by_id(planned):
    return {cell.id: cell for cell in planned.cells}


def test_a_cell_has_the_weights_of_the_pretrained_cell_of_its_seed(planned):
    cells = by_id(planned)
    assert cells[INFORMED].pretrained.id == SOURCE and cells[INFORMED].family == "normal"
    assert all(cell.pretrained is None for cell in planned.cells if cell.prior == "normal")


def test_pretraining_is_a_shard_of_its_own_which_others_wait_for(planned):
    cells = by_id(planned)
    waiting = planned.shards[planned.shard_of[INFORMED]]
    assert planned.pretraining_shards(waiting) == [planned.shard_of[SOURCE]]
    assert all(
        shard.takes_weights == cell.entry.is_centred for shard in planned.shards.values() for cell in shard.cells
    )
    assert planned.pretraining_shards(planned.shards[planned.shard_of[SOURCE]]) == []
    for names in batches(planned).values():  # no job waits for itself
        needed = {needs for name in names for needs in planned.pretraining_shards(planned.shards[name])}
        assert not needed & set(names)
    assert cells[SOURCE].pretrained is None


def test_the_key_of_an_informed_cell_covers_that_of_its_centre(planned):
    before, after = by_id(planned), by_id(plan(steps=401))
    of_map = {i for i in before if "/map/" in i}
    informed = {i for i in before if "/informed-" in i}
    assert {i for i in before if before[i].key != after[i].key} == of_map | informed
    assert len({before[i].key for i in before}) == len(before)


def test_the_same_seed_is_meant_unless_one_is_named():
    cells = by_id(plan({"informed": {"centre": {"seed": 0}}}))
    assert cells[INFORMED].pretrained.id == SOURCE.replace("seed-1", "seed-0")


def test_an_entry_has_scales_of_its_own_and_a_family(planned):
    assert {c.scale for c in planned.cells if c.prior == "informed"} == {0.03, 0.3, 2.0}


def fault_of(**priors):
    with pytest.raises(ConfigError) as error:
        plan(priors)
    return str(error.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"centre": {"dataset": "digits-0-to-5"}}, "priors.informed.centre: there is no cell transfer/digits-0-to-5/"),
        ({"centre": {"study": "toy"}}, "priors.informed.centre: there is no cell toy/digits-0-to-4/"),
        ({"centre": {"seed": 7}}, "seed must be among those that the run trains"),
        ({"centre": {"model": None}}, "priors.informed.centre: coordinate 'model' is missing"),
        ({"centre": {"modle": "normal-1"}}, "priors.informed.centre: no coordinate 'modle': did you mean 'model'?"),
        ({"centre": {"dataset": FEW[0], "model": "informed-2"}}, "takes pretrained weights itself"),
        ({"start": CENTRE}, "centre and start are both given"),
        ({"centre": None, "relative": True}, "give a centre"),
        ({"new_layers": 9}, "has none of the network's tensors"),
        ({"family": "normla"}, "unknown prior 'normla': did you mean 'normal'?"),
        ({"scales": [0]}, "priors.informed.scales.0 is 0: it must be a number above 0, finite"),
        ({"floor": -1}, "priors.informed.floor is -1"),
        ({"shift": 1}, "no option 'shift'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(entry, said):
    assert said in fault_of(informed=entry)


def test_networks_of_other_shapes_are_refused_with_the_layers_name():
    wider = {"wide": {"kind": "lenet", "channels": [8, 32], "kernel": 3, "padding": 1, "hidden": [32]}}
    with pytest.raises(ConfigError) as error:
        plan({"informed": {"centre": {"network": "lenet-8-16"}}}, networks=wider)
    assert re.search(r"conv2.weight has the shape \[16, 8, 3, 3\] in .* and \[32, 8, 3, 3\]", str(error.value))
