"""Which shards share a job: starting one takes seconds, and many shards of a small run are trained in less.

They share one up to `job_seconds` of the run config: by default some times the 3 to 6 that starting a job takes here,
and so few that the other cores do not wait long for the last one. A cluster's queue wants longer jobs.
"""

import math

from bnnbench.study.grid import Plan, Shard

LEAST_SECONDS = 2.5
"""What a shard that shares a job counts at least in how many share it: starting is a small part of it then, however
short they are."""


def goes_first(plan: Plan, shard: Shard) -> bool:
    """Whether a shard is trained before others, in a job of its own: they are compared with it, or it takes long."""
    return plan.holds_references(shard) or plan.expected_seconds(shard) >= plan.config.job_seconds


def most_shards(plan: Plan) -> int:
    """So many shards share a job at most."""
    return max(1, math.floor(plan.config.job_seconds / LEAST_SECONDS))


def batches(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The names of the shards of each job, by the job's name: a shard's own where it has the job to itself.

    A shard that goes first has. The others of a study share jobs in the plan's order, named `study--short-n`.
    """
    # Shards whose cells have pretrained weights share no job with others, which they may wait for.
    found, shared = {}, {(study, waits): [] for study in plan.studies for waits in (False, True)}
    for shard in plan.shards.values():
        if goes_first(plan, shard):
            found[shard.name] = (shard.name,)
        else:
            shared[shard.study, shard.takes_weights].append(shard)
    for (study, waits), shards in shared.items():
        groups = _groups(plan, shards)
        several = [names for names in groups if len(names) > 1]
        found |= {names[0]: names for names in groups if len(names) == 1}
        short = f"{study}--{'pretrained-' if waits else ''}short"
        found |= {f"{short}-{number}": names for number, names in enumerate(several, 1)}
    return found


def _groups(plan: Plan, shards: list[Shard]) -> list[tuple[str, ...]]:
    """Names of neighbours, as many together as the limits allow."""
    groups, seconds, most = [], 0.0, most_shards(plan)
    for shard in shards:
        own = plan.expected_seconds(shard)
        seconds += own
        if not groups or seconds > plan.config.job_seconds or len(groups[-1]) == most:
            groups.append([])
            seconds = own
        groups[-1].append(shard.name)
    return [tuple(group) for group in groups]


def in_words(name: str, shards: tuple[str, ...]) -> str:
    """A batch's name, and in brackets what its shards' names do not share, where it has several."""
    if len(shards) == 1:
        return name
    words = [shard.split("--") for shard in shards]
    shared = {i for i, at_place in enumerate(zip(*words, strict=False)) if len(set(at_place)) == 1}
    own = ["--".join(w for i, w in enumerate(of_one) if i not in shared) or of_one[-1] for of_one in words]
    return f"{name} ({', '.join(own)})"
