"""Train the cells of a shard, stacked, and store what they predict."""

import logging
from collections.abc import Iterator
from pathlib import Path

import torch

from bnnbench.base.pieces import one_by_one
from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.source.digest import of_value
from bnnbench.study import failures, planning
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan, Shard
from bnnbench.training import records
from bnnbench.training.device import cells_together, device_name, prepare, resolve_compile, resolve_device
from bnnbench.training.pretrained import Sources
from bnnbench.training.stack import Setup, train_stack

log = logging.getLogger(__name__)


def pending(shard: Shard, path: Path) -> tuple[ShardFile, list[Cell]]:
    """What is stored of a shard, stale cells dropped, and the cells that still have to be trained.

    Cells that an interrupted job left beside the shard's file count as stored.
    """
    wanted = {cell.id: cell.key for cell in shard.trainable}
    stored, kept = ShardFile.read(path) if path.is_file() else ShardFile(), _kept(unfinished(path))
    for file in (stored, kept):
        file.drop({row["id"] for row in file.rows if wanted.get(row["id"], row["key"]) != row["key"]})
    kept.drop({row["id"] for row in stored.rows})
    if kept.rows:
        stored.extend(kept.rows, kept.groups)
    have = {row["id"] for row in stored.rows}
    return stored, [cell for cell in shard.trainable if cell.id not in have]


def forget_failed(plan: Plan) -> list[str]:
    """Forget the failed cells of a run, so that its next start trains them again; returns their ids.

    The other cells of their shards wait as those of an interrupted job do. Not for while the run goes on: its jobs
    would write what they hold over this.
    """
    forgotten = []
    for shard in plan.shards.values():
        if all(state != "failed" for _, state in planning.states(plan, shard)):
            continue
        path = plan.results / "shards" / f"{shard.name}.nc"
        stored, _ = pending(shard, path)
        failed = [row["id"] for row in stored.rows if row["state"] == "failed"]
        stored.drop(set(failed))
        if stored.rows:
            stored.write(unfinished(path), _attributes(shard))
        else:
            unfinished(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        forgotten += failed
    return forgotten


def _attributes(shard: Shard) -> dict[str, str]:
    return {"versions": versions(), "git_commit": git_commit(), "shard": shard.name}


def _kept(path: Path, groups: list[str] | None = None) -> ShardFile:
    try:
        return ShardFile.read(path, groups) if path.is_file() else ShardFile()
    except ValueError as error:
        log.warning("%s: its cells are trained again", error)
        return ShardFile()


def train_shards(plan: Plan, paths: dict[str, Path], threads: int = 1) -> None:
    """Train the missing cells of the plan's shards of these names and extend their files, one after the other.

    What one raises does not keep the others from being trained; it is raised in the end. Only where nothing was do the
    files take their places: Snakemake takes away what a job that failed has written, and not what waits beside it.
    A broken GPU ends it at once.
    """
    _train_all(plan, {name: (plan.shards[name], path) for name, path in paths.items()}, threads)


def train_shard(plan: Plan, shard: Shard, path: str | Path, threads: int = 1) -> None:
    """Train the missing cells of a shard and extend its file, which is left as it is where none is missing.

    A cell that diverges, or whose stack runs out of memory, is stored as failed with its reason. Cells whose data
    cannot be had stay missing.
    """
    _train_all(plan, {shard.name: (shard, Path(path))}, threads)


def _train_all(plan: Plan, shards: dict[str, tuple[Shard, Path]], threads: int) -> None:
    """Train shards, each with its file, by name."""
    one_by_one(shards, lambda name: _train(plan, *shards[name], threads), (torch.AcceleratorError,))
    for _, path in shards.values():
        _put_in_place(path)


def _put_in_place(path: Path) -> None:
    """Let what `_train` has left beside a shard's file, if anything, take its place."""
    if unfinished(path).is_file():
        unfinished(path).replace(path)
    for left in path.parent.glob(f".{path.stem}.*.checkpoint"):  # of cells no longer asked for
        left.unlink()


def _is_complete(shard: Shard, path: Path) -> bool:
    """Whether the newest that is stored of a shard has all of its cells. One without any is never taken for that."""
    beside = unfinished(path)
    if not beside.is_file() and not path.is_file():
        return False
    stored = _kept(beside, []) if beside.is_file() else ShardFile.read(path, [])
    have = {(row["id"], row["key"]) for row in stored.rows}
    return bool(have) and have.issuperset((cell.id, cell.key) for cell in shard.trainable)


def _train(plan: Plan, shard: Shard, path: Path, threads: int) -> None:
    """Train the missing cells of a shard; all that is then known of it waits beside its file, if it is more than that.

    It is written after each stack, so that an interrupted job goes on there.
    """
    if _is_complete(shard, path):
        log.info("%s: 0 of %d cells to train", shard.name, len(shard.trainable))
        return
    torch.set_num_threads(threads)
    stored, todo = pending(shard, path)
    data = failures.available(plan, shard.datasets)
    if lost := [name for name in shard.datasets if name not in data]:
        log.error("%s: left out, because their data cannot be had: the cells of %s", shard.name, ", ".join(lost))
        todo = [cell for cell in todo if cell.dataset.name in data]
    sources = Sources(plan, todo)
    for cell_id, reason in sources.missing.items():
        log.error("%s: left out: %s", cell_id, reason)
    failed = [records.row(cell, "failed", sources.failed[cell.id]) for cell in todo if cell.id in sources.failed]
    todo = [cell for cell in todo if cell.id not in sources.missing | sources.failed]
    stored.extend(failed, {})
    method = plan.study_configs[shard.study].inference[shard.inference]
    log.info("%s: %d of %d cells to train", shard.name, len(todo), len(shard.trainable))
    device = "cpu" if shard.on_processor else resolve_device(plan.config.device)
    log.info("Training runs on: %s", device_name(device))
    prepare(device)
    wanted = plan.config.compile
    # Asked of the whole shard and not of what is left of it: an interrupted job goes on with the same rounding.
    compiled = resolve_compile(wanted, device) and (wanted == "on" or plan.is_long(shard))
    for stack in _stacks(todo, method.stack):
        block = cells_together(device, len(stack), method.stack)
        # The state's shape depends on the block, and what follows from it on the device, whose numbers are its own.
        name = f".{path.stem}.{of_value([block, device_name(device), *(cell.key for cell in stack)])}.checkpoint"
        setup = Setup(shard.name, device, compiled, block, path.with_name(name), method.curve)
        rows, groups = train_stack(stack, data, sources, setup)
        stored.extend(rows, groups)
        stored.write(unfinished(path), _attributes(shard))
        path.with_name(name).unlink(missing_ok=True)
    if not todo:
        stored.write(unfinished(path), _attributes(shard))


def _stacks(cells: list[Cell], size: int) -> Iterator[list[Cell]]:
    """Cells that can be trained together: same recipe and settings, sorted so that a family's cells are neighbours."""
    by_recipe: dict[str, list[Cell]] = {}
    for cell in cells:
        by_recipe.setdefault(cell.recipe, []).append(cell)
    for group in by_recipe.values():
        group.sort(key=lambda c: (c.prior, c.hyperprior, c.scale or 0, c.dataset.name, c.seed))
        for start in range(0, len(group), size):
            yield group[start : start + size]
