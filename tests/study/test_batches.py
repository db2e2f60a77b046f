"""Which shards share a job."""

import pytest
from small_run import NOTHING_ELSE

from bnnbench.study import grid
from bnnbench.study.batches import batches, in_words, most_shards

PLANE = "toy--plane--mlp-5-5"


def plan_of(seconds: dict[str, float], seeds=(0,), run=None, **toy):
    """A plan of toy methods that are expected to take so many seconds a shard of one seed."""
    inference = NOTHING_ELSE | {name: {"seconds": each, "recipes": None} for name, each in seconds.items()}
    one = {"datasets": {"moons": {"noise": [0.4]}, "circles": None}, "models": ["normal-1"], "inference": inference}
    config = {"studies": ["toy"], "seeds": list(seeds), "overrides": {"toy": one | toy}}
    return grid.load(config | (run or {}), thorough=False)


def shards(*methods):
    return tuple(f"{PLANE}--{method}" for method in methods)


def test_short_shards_share_a_job_in_the_plans_order_up_to_so_many_seconds():
    plan = plan_of({"map": 9.0, "mean_field": 8.0, "full_rank": 2.0, "swag": 2.0, "sgld": 1.0})
    assert list(plan.shards) == list(shards("map", "mean_field", "full_rank", "swag", "sgld"))
    assert batches(plan) == {
        "toy--short-1": shards("map", "mean_field", "full_rank"),
        "toy--short-2": shards("swag", "sgld"),
    }
    for names in batches(plan).values():
        assert sum(plan.expected_seconds(plan.shards[name]) for name in names) <= plan.config.job_seconds == 20


def test_references_and_long_shards_have_a_job_to_themselves_and_part_no_neighbours():
    plan = plan_of({"map": 1.0, "mean_field": 25.0, "hmc": 1.0, "swag": 1.0})
    assert batches(plan) == {
        **{name: (name,) for name in shards("mean_field", "hmc")},
        "toy--short-1": shards("map", "swag"),
    }


def test_one_that_is_left_is_called_as_its_shard():
    assert batches(plan_of({"map": 1.0})) == {f"{PLANE}--map": shards("map")}
    assert list(batches(plan_of({"map": 15.0, "full_rank": 4.0, "swag": 6.0}))) == [f"{PLANE}--swag", "toy--short-1"]


def test_no_more_than_so_many_share_a_job():
    plan = plan_of({"map": 0.01}, seeds=range(0, 50, 5))
    assert most_shards(plan) == 8
    assert [len(names) for names in batches(plan).values()] == [8, 2]


def test_where_jobs_start_slowly_more_shards_share_one_and_only_longer_ones_go_first():
    seconds = {"map": 150.0, "mean_field": 25.0, "hmc": 1.0, "swag": 1.0, "sgld": 60.0}
    plan = plan_of(seconds, run={"job_seconds": 100})
    assert batches(plan) == {
        **{name: (name,) for name in shards("map", "hmc")},
        "toy--short-1": shards("mean_field", "swag", "sgld"),
    }
    many = plan_of({"map": 0.01}, seeds=range(0, 250, 5), run={"job_seconds": 100.0})
    assert [len(names) for names in batches(many).values()] == [40, 10]


def test_what_jobs_are_made_of_changes_no_result():
    here, there = (plan_of({"map": 9.0, "swag": 30.0}, run={"job_seconds": each}) for each in (20.0, 600.0))
    assert batches(here) != batches(there)
    assert [shard.digest for shard in here.shards.values()] == [shard.digest for shard in there.shards.values()]
    assert [here.is_long(shard) for shard in here.shards.values()] == [there.is_long(s) for s in there.shards.values()]


@pytest.mark.parametrize("studies", [["toy", "digits"], ["digits", "toy"]])
def test_every_shard_is_in_one_batch_and_batches_are_of_one_study(studies):
    plan = grid.load({"studies": studies, "seeds": [0]}, thorough=False)
    found = batches(plan)
    assert sorted(name for names in found.values() for name in names) == sorted(plan.shards)
    assert all(len({plan.shards[name].study for name in names}) == 1 for names in found.values())
    assert {name for names in found.values() if len(names) > 1 for name in names}


def test_a_batch_is_told_by_what_its_shards_do_not_share():
    assert in_words("toy--short-1", shards("map", "mle")) == "toy--short-1 (map, mle)"
    seeds = shards("map", "map--seeds-5-9")
    assert in_words("toy--short-1", seeds) == "toy--short-1 (map, seeds-5-9)"
    networks = ("toy--plane--mlp-5-5--map", "toy--plane--mlp-9--mle")
    assert in_words("toy--short-2", networks) == "toy--short-2 (mlp-5-5--map, mlp-9--mle)"
    assert in_words(f"{PLANE}--map", shards("map")) == f"{PLANE}--map"
