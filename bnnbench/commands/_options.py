"""What commands make of their options."""

from pathlib import Path

from bnnbench.study.config import ConfigError


def load(options):
    """The plan; the settings of methods and probes were checked when the run was planned."""
    from bnnbench.study import grid

    return grid.load(options.config, thorough=False)


def outputs(options, plan, folder: str, ending: str) -> dict[str, Path]:
    """Where a command writes what it makes of each shard that it is asked for, by the shard's name."""
    from bnnbench.study.batches import batches

    if options.shard:
        names = [pick(plan.shards, options.shard, "shard").name]
    elif options.output:
        raise ConfigError("--output is of one shard: those of a batch have their files in the results folder")
    else:
        names = pick(batches(plan), options.batch, "batch")
    if options.output:
        return {options.shard: Path(options.output)}
    return {name: plan.results / folder / f"{name}{ending}" for name in names}


def pick(known: dict, name: str, kind: str):
    if name not in known:
        raise ConfigError(f"no {kind} '{name}' in this config: it has {', '.join(known)}")
    return known[name]
