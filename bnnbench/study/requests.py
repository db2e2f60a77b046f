"""What jobs ask of a cluster's queue: more at each attempt, since what ended the last may have been a limit.

Each attempt goes on from the checkpoint of the one before.
"""

import math
from collections.abc import Iterable

from bnnbench.study import memory
from bnnbench.study.grid import Plan

LEAST_MEGABYTES, LEAST_AFTER = 8000, 4000
"""MB that a first attempt asks for at least, in training and after it: few large networks were measured."""
MEMORY_SLACK = 1.5
"""What is asked for is so many times what `memory` reckons, of which docs/scale.md says how far it is right."""
LEAST_MINUTES = 120
SLACK = 4
"""The costs in the studies are of one quick core: what is asked for is so many times what they come to."""


def megabytes(plan: Plan, shards: Iterable[str], attempt: int = 1) -> int:
    """Memory, MB, that the job that trains the shards of these names, one after the other, asks for at its `attempt`,
    from 1."""
    needs = [memory.of_training(plan, plan.shards[name]) for name in shards]
    return attempt * max(_slack(need, LEAST_MEGABYTES) for need in needs)


def megabytes_evaluating(plan: Plan, shards: Iterable[str], attempt: int = 1) -> int:
    """Memory, MB, that the job that evaluates these shards asks for at its `attempt`, from 1."""
    return attempt * max(_slack(memory.of_evaluation(plan, plan.shards[name]), LEAST_AFTER) for name in shards)


def megabytes_after(plan: Plan, attempt: int = 1) -> int:
    """Memory, MB, that gathering, claims, a notebook and the report ask for at their `attempt`, from 1."""
    return attempt * _slack(memory.after_training(plan), LEAST_AFTER)


def _slack(need: float, least: int) -> int:
    """What to ask for where so much is expected; the least where the data set does not say its shapes (NaN)."""
    return least if math.isnan(need) else max(least, math.ceil(MEMORY_SLACK * need))


def minutes(plan: Plan, shards: Iterable[str], attempt: int = 1) -> int:
    """Time that the job of the shards of these names asks for at its `attempt`, from 1."""
    expected = sum(plan.expected_seconds(plan.shards[name]) for name in shards) / 60
    return attempt * max(LEAST_MINUTES, math.ceil(SLACK * expected))


def gpus(plan: Plan, shards: Iterable[str]) -> int:
    """GPUs, 0 or 1: one where any shard of these names is trained on it. Imports their methods, and so torch."""
    on_processor = plan.config.device == "cpu" or all(plan.shards[name].on_processor for name in shards)
    return int(not on_processor)
