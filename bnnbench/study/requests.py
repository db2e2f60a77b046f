"""What a training job asks of a cluster's queue: more at each attempt, since what ended the last may have been a limit.

Each attempt goes on from the checkpoint of the one before.
"""

import math
from collections.abc import Iterable

from bnnbench.study.grid import Plan

MEGABYTES = 8000
"""Memory of a first attempt."""
LEAST_MINUTES = 120
SLACK = 4
"""The costs in the studies are of one quick core: what is asked for is so many times what they come to."""


def megabytes(attempt: int = 1) -> int:
    """Memory, MB, that a training job asks for at its `attempt`, from 1."""
    return MEGABYTES * attempt


def minutes(plan: Plan, shards: Iterable[str], attempt: int = 1) -> int:
    """Time that the job of the shards of these names asks for at its `attempt`, from 1."""
    expected = sum(plan.expected_seconds(plan.shards[name]) for name in shards) / 60
    return attempt * max(LEAST_MINUTES, math.ceil(SLACK * expected))


def gpus(plan: Plan, shards: Iterable[str]) -> int:
    """GPUs, 0 or 1: one where any shard of these names is trained on it. Imports their methods, and so torch."""
    on_processor = plan.config.device == "cpu" or all(plan.shards[name].on_processor for name in shards)
    return int(not on_processor)
