"""What a training job asks a cluster for."""

import pytest
from small_run import NOTHING_ELSE

from bnnbench.study import grid, requests


def plan_of(seconds: float, device: str = "auto", method: str = "map") -> grid.Plan:
    one = {
        "datasets": {"moons": {"noise": [0.4]}, "circles": None},
        "models": ["normal-1"],
        "inference": NOTHING_ELSE | {method: {"seconds": seconds, "recipes": None}},
    }
    return grid.load({"studies": ["toy"], "seeds": [0], "device": device, "overrides": {"toy": one}}, thorough=False)


def test_a_first_attempt_has_two_hours_or_some_times_what_it_is_expected_to_take():
    assert requests.minutes(plan_of(60.0), plan_of(60.0).shards) == 120
    assert requests.minutes(plan_of(7200.0), plan_of(7200.0).shards) == 480


@pytest.mark.parametrize("attempt", [2, 3])
@pytest.mark.parametrize("seconds", [1.0, 7200.0])
def test_what_the_queue_ended_is_given_more_time_and_memory(attempt, seconds):
    plan = plan_of(seconds)
    assert requests.minutes(plan, plan.shards, attempt) == attempt * requests.minutes(plan, plan.shards)
    assert requests.megabytes(plan, plan.shards, attempt) == attempt * requests.megabytes(plan, plan.shards)
    assert requests.megabytes_after(plan, attempt) == attempt * requests.megabytes_after(plan)


def test_memory_is_asked_for_by_what_is_expected_and_never_little(monkeypatch):
    plan = plan_of(1.0)
    needs = dict.fromkeys(plan.shards, 100.0) | {next(iter(plan.shards)): 20_000.0}
    assert requests.megabytes(plan, plan.shards) == 8000  # of networks so small
    assert requests.megabytes_after(plan) == 4000
    monkeypatch.setattr(requests.memory, "of_training", lambda plan, shard: needs[shard.name])
    assert requests.megabytes(plan, plan.shards) == 30_000  # the job has one shard at a time
    monkeypatch.setattr(requests.memory, "of_training", lambda plan, shard: float("nan"))
    assert requests.megabytes(plan, plan.shards) == 8000  # of shapes that nobody knows


@pytest.mark.parametrize(
    ("device", "method", "expected"),
    [("auto", "map", 1), ("cuda", "map", 1), ("cpu", "map", 0), ("auto", "pymc_nuts", 0), ("cuda", "pymc_nuts", 0)],
)
def test_one_gpu_for_what_is_trained_on_it(device, method, expected):
    plan = plan_of(1.0, device, method)
    assert requests.gpus(plan, plan.shards) == expected
