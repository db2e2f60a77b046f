"""Train the cells of a shard, stacked, and store what they predict."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from bnnbench import tasks
from bnnbench.base.pieces import one_by_one
from bnnbench.datasets import DataSet
from bnnbench.datasets._scaling import Scaling
from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.inference import Method, make
from bnnbench.likelihoods import Likelihood
from bnnbench.model.joint import LogJoint, Model
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.prediction.flow_diagnostics import flow_diagnostics
from bnnbench.prediction.predict import StackPredictions, predict
from bnnbench.prediction.trained import build_likelihood, build_network
from bnnbench.source.digest import of_value
from bnnbench.study import failures, planning
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan, Shard, shard_name
from bnnbench.training import records
from bnnbench.training.checkpoint import Checkpointed, Curve, Logged
from bnnbench.training.device import cells_together, device_name, prepare, resolve_compile, resolve_device
from bnnbench.training.pretrained import Sources, centre_group

log = logging.getLogger(__name__)

CURVE_DRAWS = 5


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
        checkpoint = path.with_name(name)
        rows, groups = _train_stack(stack, data, device, compiled, block, checkpoint, method.curve, sources)
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


def _train_stack(
    cells: list[Cell],
    data: dict[str, DataSet],
    device: str,
    compiled: bool,
    block: int,
    checkpoint: Path,
    points: int,
    sources: Sources,
):
    """Rows and array groups of one stack of cells that share network, method and settings.

    `points` of the learning curve are measured; 0 for none.
    """
    about = f"{shard_name(cells[0], cells[0].inference)}: {len(cells)} cells"
    first = cells[0]
    example = data[first.dataset.name]
    likelihood = build_likelihood(first)
    network = build_network(first, example)
    compiled = compiled and not network.is_recurrent  # unrolled steps take minutes to compile
    method = make(first.inference, first.settings)
    try:
        models = {cell.id: sources.model(cell, network) for cell in cells}
    except ValueError as error:
        return [records.row(cell, "failed", str(error)) for cell in cells], {}
    reasons = {cell.id: reason for cell in cells if (reason := method.unsuited(network, models[cell.id], likelihood))}
    skipped = [records.row(cell, "skipped", reasons[cell.id]) for cell in cells if cell.id in reasons]
    cells = [cell for cell in cells if cell.id not in reasons]
    if not cells:
        return skipped, {}
    # Blocks are filled up with copies of the last cell, so that every call has one shape.
    padded = cells + [cells[-1]] * (-len(cells) % block)
    streams = Streams([cell.id for cell in padded], [cell.pair for cell in padded], device)
    options = {"compiled": compiled and network.compiles, "block": block}
    try:
        inputs = Inputs(padded, data, device)
        curve = Curve(points, lambda posterior: inputs.errors(posterior, streams, **options)) if points else None
        progress = Checkpointed(about, "step", checkpoint, device, curve)
        of_padded = [models[cell.id] for cell in padded]
        fit = fit_stack(of_padded, likelihood, network, method, inputs, streams, progress, **options)
        seconds = progress.seconds / len(cells)
        of_draws = Logged(about, "prediction draw")
        predictions = inputs.predictions(fit.posterior, streams, first.draws, progress=of_draws, **options)
        fit.diagnostics |= flow_diagnostics(fit.posterior, inputs.training[0], inputs.training[2], streams)
        moments = records.moments(fit, streams, inputs.units)
    except torch.AcceleratorError:  # the GPU itself: nothing that follows can be trained, and another start may
        raise
    except (RuntimeError, MemoryError, FloatingPointError) as error:
        log.error("%s: the stack failed: %s", about, error)
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        return skipped + [records.row(cell, "failed", reason) for cell in cells], {}
    facts = {"steps": fit.steps, "seconds": seconds, "device": device_name(device)}
    models = [models[cell.id] for cell in cells]
    reasons = [records.flaw(fit, predictions, i) for i in range(len(cells))]
    remarks = fit.remarks[: len(cells)] or ("",) * len(cells)
    rows = [
        records.row(
            cell,
            "failed" if reason else "done",
            reason or remark,
            pretrained=sources.words(cell, model, network),
            **facts,
        )
        for cell, model, reason, remark in zip(cells, models, reasons, remarks, strict=True)
    ]
    sound = [i for i, reason in enumerate(reasons) if not reason]
    log.info("%s, %d done, %d failed, %.2f s a cell", about, len(sound), len(cells) - len(sound), seconds)
    groups = records.groups(cells, sound, network, fit, predictions, moments, curve)
    centres = centre_group(cells, models, sound)
    return skipped + rows, groups | ({} if centres is None else {"centre": centres})


def fit_stack(
    models: list[Model],
    likelihood: Likelihood,
    network: Network,
    method: Method,
    inputs: "Inputs",
    streams: Streams,
    progress,
    **options,
):
    """The fit of a stack of cells, a model each, on their training data; `options` are those of `LogJoint`."""
    joint = LogJoint(network, models, *inputs.training, likelihood, **options)
    return method.fit(joint, streams, progress)


class Inputs:
    """What a stack is trained and judged on: each distinct data set once, on its device, and which of them a cell has.

    `training` is (x, y, which), scaled where the data set asks for it; `inputs` has (x, which) by split, and `truth`
    (cells, points) the targets in their own units, of which `units` (cells,) are those of training.
    """

    def __init__(self, cells: list[Cell], data: dict[str, DataSet], device: str):
        self._task = tasks.find(cells[0].dataset.task)
        sets, which = _distinct([(cell.dataset.name, cell.seed) for cell in cells], device)
        scalings = [data[name].scaling(seed) for name, seed in sets]
        splits = [_scaled(data[name].split(seed), s) for (name, seed), s in zip(sets, scalings, strict=True)]
        x, y, x_validation, y_validation = (_stack(arrays, device) for arrays in zip(*splits, strict=True))
        # Where they are the same for all seeds, test inputs are kept once.
        of_cells = [(c.dataset.name, c.seed if data[c.dataset.name].inputs_differ_by_seed else None) for c in cells]
        names, which_test = _distinct(of_cells, device)
        tests = [_test(data[name], seed) for name, seed in names]
        x_test, y_test = (_stack(arrays, device) for arrays in zip(*tests, strict=True))
        self.training = x, y, which
        self.inputs = {"validation": (x_validation, which), "test": (x_test, which_test)}
        self.truth = {"validation": y_validation[which], "test": y_test[which_test]}
        units = np.array([self._task.units(scaling) for scaling in scalings])[which.tolist()]
        self._locations, self.units = units.T

    def predictions(self, posterior, streams: Streams, n_draws: int, **options) -> dict[str, StackPredictions]:
        """Predictions by split, in the targets' own units; `options` are those of `predict`."""
        found = {}
        for split, (x, which) in self.inputs.items():
            arrays = predict(posterior, x, which, streams, n_draws, split=split, **options)
            found[split] = self._task.rescaled(arrays, self._locations, self.units)
        return found

    def errors(self, posterior, streams: Streams, **options) -> np.ndarray:
        """Errors (splits, cells) with a few draws, in the measure of the task."""
        found = self.predictions(posterior, streams, CURVE_DRAWS, **options)
        return np.stack([self._task.errors(p, self.truth[split].cpu().numpy()) for split, p in found.items()])


def _scaled(split: tuple, scaling: Scaling) -> tuple:
    """A split with its inputs and its training targets scaled; validation targets are compared in their own units."""
    x, y, x_validation, y_validation = split
    return scaling.x(x), scaling.y(y), scaling.x(x_validation), y_validation


def _test(data: DataSet, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Test inputs as those of a seed are scaled, and targets; no seed where all have the same."""
    x, y = data.test(seed)
    return (x if seed is None else data.scaling(seed).x(x)), y


def _distinct(items: list, device: str) -> tuple[list, torch.Tensor]:
    unique = list(dict.fromkeys(items))
    return unique, torch.tensor([unique.index(item) for item in items], device=device)


def _stack(arrays: list[np.ndarray], device: str) -> torch.Tensor:
    tensor = torch.from_numpy(np.stack(arrays)).to(device)
    return tensor if tensor.is_floating_point() else tensor.long()
