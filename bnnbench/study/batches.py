"""Which shards share a job: starting one takes seconds, and many shards of a small run are trained in less."""

from bnnbench.study.grid import Plan, Shard

MOST_SECONDS = 20.0
"""Expected seconds of training of shards that share a job: some times the 3 to 6 that starting it takes, and so few
that the other cores do not wait long for the last one."""
MOST_SHARDS = 8
"""So many that share a job at most: starting is a small part of it then, however short they are."""


def goes_first(plan: Plan, shard: Shard) -> bool:
    """Whether a shard is trained before others: they are compared with it, or its job takes long."""
    return plan.holds_references(shard) or plan.is_long(shard)


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
    groups, seconds = [], 0.0
    for shard in shards:
        own = plan.expected_seconds(shard)
        seconds += own
        if not groups or seconds > MOST_SECONDS or len(groups[-1]) == MOST_SHARDS:
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
