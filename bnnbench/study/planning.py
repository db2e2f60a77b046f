"""What a run would do, before it does it. No torch: it is printed at once."""

import math
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

from bnnbench import datasets, likelihoods, networks, tasks
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.study import memory
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan, Shard, check_files, check_methods

PACKED, BYTES_PER_WEIGHT, BYTES_PER_DRAW = 0.9, 22, 4
"""Measured on disk, compressed: the share that is left of predictions; bytes of the posterior and the summaries of one
weight, and of one weight of a stored draw."""


def states(plan: Plan, shard: Shard) -> list[tuple[Cell, str]]:
    """A shard's trainable cells, each with what is stored under its present key: its state, or "to train"."""
    path, found = plan.results / "shards" / f"{shard.name}.nc", {}
    if (kept := unfinished(path)).is_file():
        with suppress(ValueError):  # cut off in the middle: its cells are trained again
            found |= ShardFile.states(kept)
    found |= ShardFile.states(path) if path.is_file() else {}
    if not found:  # without the cells' keys, which take a while where there are many
        return [(cell, "to train") for cell in shard.trainable]
    return [(cell, found.get((cell.id, cell.key), "to train")) for cell in shard.trainable]


def check(plan: Plan, source: str | Path | dict) -> None:
    """Check files that data sets are made of, and, where there is something to train, methods' and probes' settings:
    importing these takes a while.

    Raises ConfigError naming all that is wrong.
    """
    check_files(plan, source)
    if any(pending(plan, shard) for shard in plan.shards.values()):
        check_methods(plan, source)


def pending(plan: Plan, shard: Shard) -> list[Cell]:
    """Cells of a shard that are not stored under their present key."""
    return [cell for cell, state in states(plan, shard) if state == "to train"]


def listing(plan: Plan) -> str:
    """Every cell that would be trained, by shard."""
    lines = []
    for shard in plan.shards.values():
        todo = pending(plan, shard)
        lines.append(f"{shard.name}: {len(todo)} of {len(shard.trainable)} cells to train")
        lines += [f"  {cell.id}" for cell in todo]
    return "\n".join(lines)


def summary(plan: Plan) -> str:
    """Cells by state, the time that training may take on this machine and the disk that the results need."""
    counts, seconds, sizes = Counter(), 0.0, []
    for shard in plan.shards.values():
        found = states(plan, shard)
        todo = [cell for cell, state in found if state == "to train"]
        method = plan.study_configs[shard.study].inference[shard.inference]
        counts["to train"] += len(todo)
        counts["failed"] += sum(state == "failed" for _, state in found)
        counts["trained"] += sum(state not in ("to train", "failed") for _, state in found)
        counts["merged"] += len(shard.cells) - len(shard.trainable)
        seconds += sum(method.seconds_for(cell.network) for cell in todo)
        sizes.append(_bytes(shard))
    cores = os.cpu_count() or 1
    report = f"report: {plan.results / 'report' / 'index.html'}"
    if not counts["to train"] and not counts["failed"]:
        return f"bnnbench: all {counts['trained']} cells are trained; {report}"
    what = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    return (
        f"bnnbench: {', '.join(plan.studies)}: {len(plan.cells)} cells: {what}\n"
        f"  time: about {seconds / 60 / cores + 1:.0f} minutes on {cores} cores "
        "(by the costs in the studies; a slow machine takes twice that, a GPU less)\n"
        f"  disk: {_size(sizes)} in {plan.results}/\n"
        f"  memory: {_memory(plan)}\n"
        f"  {report}"
    )


def _memory(plan: Plan) -> str:
    """What the largest job of each stage takes at its peak, in words."""
    jobs = memory.largest(plan).items()
    return "largest jobs about " + ", ".join(f"{j.megabytes / 1000:.1f} GB in {stage} ({j.name})" for stage, j in jobs)


def _size(sizes: list[float]) -> str:
    """The sum in words; at least so much where a part is not known."""
    known = [size for size in sizes if not math.isnan(size)]
    return f"{'about' if len(known) == len(sizes) else 'at least'} {sum(known) / 1e6 + 5:.0f} MB"


def _bytes(shard: Shard) -> float:
    """What a shard's cells, which share the shapes of their network and data, take on disk; NaN where the data set does
    not say its shapes."""
    first = shard.cells[0]
    shape = datasets.shape(first.dataset.family, first.dataset.options)
    if shape is None:
        return math.nan
    likelihood = likelihoods.make(first.likelihood, first.likelihood_options)
    network = networks.make(first.network_options, shape.inputs, likelihood.n_outputs(shape.classes))
    per_weight = BYTES_PER_WEIGHT + first.settings.get("keep", 0) * BYTES_PER_DRAW
    of_a_point = tasks.find(first.dataset.task).stored_bytes(shape.inputs, shape.classes, first.draws)
    predictions = (shape.test + shape.validation) * of_a_point * PACKED
    return len(shard.trainable) * (predictions + network.n_weights * per_weight)
