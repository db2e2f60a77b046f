"""Train the cells of a shard, stacked, and store what they predict."""

import logging
import math
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from bnnbench import networks
from bnnbench.checkpoint import Checkpointed, Curve, Logged
from bnnbench.datasets import DataSet
from bnnbench.digest import of_value
from bnnbench.grid import Cell, Plan, Shard, shard_name
from bnnbench.inference import Fit, make
from bnnbench.joint import LogJoint, block_size
from bnnbench.predict import StackPredictions, predict
from bnnbench.storage import ShardFile, git_commit, posterior_group, processor, unfinished, versions
from bnnbench.streams import Streams
from bnnbench.trained import build_model

log = logging.getLogger(__name__)

SUMMARY_DRAWS = 400
CURVE_DRAWS = 5
QUANTILES = {"q025": 0.025, "q50": 0.5, "q975": 0.975}


def resolve_device(wanted: str) -> str:
    """ "cuda" where it is asked for or there is one; RuntimeError where it is asked for and there is none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            "device: cuda was asked for and torch sees no GPU: use device: auto, or install a CUDA build"
        )
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def resolve_compile(wanted: str) -> bool:
    """Whether to use torch.compile; "auto" where a C++ compiler is on the path and Python's headers are there."""
    compiler = any(shutil.which(c) for c in ("g++", "clang++", "c++"))
    headers = Path(sysconfig.get_path("include"), "Python.h").is_file()
    return wanted == "on" or (wanted == "auto" and compiler and headers)


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


def _kept(path: Path) -> ShardFile:
    try:
        return ShardFile.read(path) if path.is_file() else ShardFile()
    except ValueError as error:
        log.warning("%s: its cells are trained again", error)
        return ShardFile()


def train_shard(plan: Plan, shard: Shard, path: str | Path, threads: int = 1) -> None:
    """Train the missing cells of a shard and extend its file; finished stacks are kept beside it until all are.

    A cell that diverges, or whose stack runs out of memory, is stored as failed with its reason.
    """
    torch.set_num_threads(threads)
    path = Path(path)
    stored, todo = pending(shard, path)
    attributes = {"versions": versions(), "git_commit": git_commit(), "shard": shard.name}
    data = {name: DataSet.from_netcdf(plan.results / "data" / f"{name}.nc") for name in shard.datasets}
    method = plan.study_configs[shard.study].inference[shard.inference]
    log.info("%s: %d of %d cells to train", shard.name, len(todo), len(shard.trainable))
    stacks = list(_stacks(todo, method.stack))
    for stack in stacks:
        # Stacks are filled up to whole blocks, whose size depends on the threads: so does the state's shape.
        name = f".{path.stem}.{of_value([block_size(), *(cell.key for cell in stack)])}.checkpoint"
        rows, groups = _train_stack(
            stack, data, plan, min(block_size(), method.stack), path.with_name(name), method.curve
        )
        stored.extend(rows, groups)
        if stack is not stacks[-1]:
            stored.write(unfinished(path), attributes)
            path.with_name(name).unlink(missing_ok=True)
    stored.write(path, attributes)
    unfinished(path).unlink(missing_ok=True)
    for left in path.parent.glob(f".{path.stem}.*.checkpoint"):  # the last stack's, and of cells no longer asked for
        left.unlink()


def _stacks(cells: list[Cell], size: int) -> Iterator[list[Cell]]:
    """Cells that can be trained together: same recipe and settings, sorted so that a family's cells are neighbours."""
    by_recipe: dict[str, list[Cell]] = {}
    for cell in cells:
        by_recipe.setdefault(cell.recipe, []).append(cell)
    for group in by_recipe.values():
        group.sort(key=lambda c: (c.prior, c.hyperprior, c.scale or 0, c.dataset.name, c.seed))
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _train_stack(cells: list[Cell], data: dict[str, DataSet], plan: Plan, block: int, checkpoint: Path, points: int):
    """Rows and array groups of one stack of cells that share network, method and settings."""
    about = f"{shard_name(cells[0], cells[0].inference)}: {len(cells)} cells"
    device = resolve_device(plan.config.device)
    compiled = resolve_compile(plan.config.compile)
    first = cells[0]
    example = data[first.dataset.name]
    network = networks.make(first.network_options, example.x_pool.shape[1:], example.n_classes)
    method = make(first.inference, first.settings)
    reasons = {cell.id: reason for cell in cells if (reason := method.skip(network, build_model(cell)))}
    skipped = [_row(cell, "skipped", reasons[cell.id]) for cell in cells if cell.id in reasons]
    cells = [cell for cell in cells if cell.id not in reasons]
    if not cells:
        return skipped, {}
    # Blocks are filled up with copies of the last cell, so that every call has one shape.
    padded = cells + [cells[-1]] * (-len(cells) % block)
    streams = Streams([cell.id for cell in padded], [cell.pair for cell in padded], device)
    sets, which = _distinct([(cell.dataset.name, cell.seed) for cell in padded], device)
    try:
        splits = [data[name].split(seed) for name, seed in sets]
        x_train, y_train, x_validation, y_validation = (_stack(arrays, device) for arrays in zip(*splits, strict=True))
        joint = LogJoint(
            network, [build_model(c) for c in padded], x_train, y_train, which, compiled=compiled, block=block
        )
        names, which_test = _distinct([cell.dataset.name for cell in padded], device)
        x_test, y_test = (_stack(arrays, device) for arrays in zip(*(data[name].test() for name in names), strict=True))
        inputs = {"validation": (x_validation, which), "test": (x_test, which_test)}
        truth = {"validation": y_validation[which], "test": y_test[which_test]}

        def predictions_of(posterior, n_draws, **options):
            options |= {"compiled": compiled, "block": block}
            return {
                split: predict(posterior, x, sets_of, streams, n_draws, split=split, **options)
                for split, (x, sets_of) in inputs.items()
            }

        def errors(posterior):
            """Error rates (splits, cells) in the middle of training."""
            found = predictions_of(posterior, CURVE_DRAWS)
            return np.stack([(p.mean_proba.argmax(2) != truth[s].cpu().numpy()).mean(1) for s, p in found.items()])

        curve = Curve(points, errors) if points else None
        progress = Checkpointed(about, "step", checkpoint, device, curve)
        fit = method.fit(joint, streams, progress)
        seconds = progress.seconds / len(cells)
        predictions = predictions_of(fit.posterior, first.draws, progress=Logged(about, "prediction draw"))
        weights, scales = _summaries(fit, streams)
    except (RuntimeError, MemoryError, FloatingPointError) as error:
        log.error("%s: the stack failed: %s", about, error)
        reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        return skipped + [_row(cell, "failed", reason) for cell in cells], {}
    facts = {"steps": fit.steps, "seconds": seconds, "device": _device_name(device)}
    sound = [i for i in range(len(cells)) if _is_finite(fit, predictions, i)]
    rows = [
        _row(cell, "done", "", **facts) if i in sound else _row(cell, "failed", _divergence(fit, i), **facts)
        for i, cell in enumerate(cells)
    ]
    log.info("%s, %d done, %d failed, %.2f s a cell", about, len(sound), len(cells) - len(sound), seconds)
    ids = [cells[i].id for i in sound]
    halves = "function_rhat" in fit.diagnostics  # chains that can be compared with each other
    groups = {split: _prediction_group(p, sound, ids, first.draws, halves) for split, p in predictions.items()}
    parameters = np.repeat([p.name for p in network.parameters], [p.size for p in network.parameters])
    groups["weights"] = _group(weights, sound, ids, "weight").assign_coords(
        parameter=("weight", parameters.astype(object))
    )
    groups["scales"] = _group(scales, sound, ids, "parameter").assign_coords(
        parameter=("parameter", np.array([p.name for p in network.parameters], dtype=object))
    )
    if fit.trace is not None:
        groups["trace"] = _group({"objective": fit.trace}, sound, ids, "step").assign_coords(
            step=("step", fit.trace_steps)
        )
    if curve and curve.steps:
        values = np.stack(curve.values, 2)[:, sound].astype(np.float32)
        variables = {f"{split}_error": (("cell", "step"), v) for split, v in zip(inputs, values, strict=True)}
        groups["curve"] = xr.Dataset(variables, {"cell": ids, "step": np.array(curve.steps)})
    if fit.diagnostics:
        variables = {k: ("cell", np.asarray(v, float)[sound]) for k, v in fit.diagnostics.items()}
        groups["diagnostics"] = xr.Dataset(variables, {"cell": ids})
    arrays = {name: a.cpu().numpy() for name, a in fit.posterior.arrays.items()}
    groups[posterior_group(first.recipe)] = xr.Dataset(
        {name: (("cell", *(f"{name}_{k}" for k in range(1, a.ndim))), a[sound]) for name, a in arrays.items()},
        {"cell": ids},
    )
    return skipped + rows, groups


def _distinct(items: list, device: str) -> tuple[list, torch.Tensor]:
    unique = list(dict.fromkeys(items))
    return unique, torch.tensor([unique.index(item) for item in items], device=device)


def _stack(arrays: list[np.ndarray], device: str) -> torch.Tensor:
    tensor = torch.from_numpy(np.stack(arrays)).to(device)
    return tensor if tensor.is_floating_point() else tensor.long()


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"cpu ({processor()})"


def _is_finite(fit: Fit, predictions: dict[str, StackPredictions], i: int) -> bool:
    arrays = [a[i] for a in fit.posterior.arrays.values()] + [
        torch.as_tensor(p.mean_proba[i]) for p in predictions.values()
    ]
    ended_well = fit.trace is None or np.isfinite(fit.trace[i, -1])
    return bool(ended_well) and all(bool(torch.isfinite(a).all()) for a in arrays)


def _divergence(fit: Fit, i: int) -> str:
    if fit.trace is None or np.isfinite(fit.trace[i]).all():
        return "non-finite predictions"
    at = fit.trace_steps[np.flatnonzero(~np.isfinite(fit.trace[i]))[0]]
    return f"diverged: non-finite objective by step {at}; try a smaller learning_rate"


def _summaries(fit: Fit, streams: Streams) -> tuple[dict, dict]:
    """Mean, sd and quantiles of weights and of scales over posterior draws."""
    prior = fit.posterior.prior
    draw = fit.posterior.draws(streams, "summary")
    n = (
        1
        if fit.posterior.is_point
        else max(50, min(SUMMARY_DRAWS, 100_000_000 // (prior.n_latents * len(streams.owners))))
    )
    with torch.no_grad():
        latents = [draw(s) for s in range(n)]
        return tuple(
            _moments(torch.stack([f(z) for z in latents]).cpu().numpy()) for f in (prior.weights, prior.scales)
        )


def _moments(draws: np.ndarray) -> dict[str, np.ndarray]:
    quantiles = np.quantile(draws, list(QUANTILES.values()), axis=0)
    return {"mean": draws.mean(0), "sd": draws.std(0)} | dict(zip(QUANTILES, quantiles, strict=True))


def _group(values: dict[str, np.ndarray], rows: list[int], ids: list[str], axis: str) -> xr.Dataset:
    return xr.Dataset({k: (("cell", axis), v[rows].astype(np.float32)) for k, v in values.items()}, {"cell": ids})


def _prediction_group(
    p: StackPredictions, rows: list[int], ids: list[str], n_draws: int, halves: bool = False
) -> xr.Dataset:
    """Stored predictions; of two classes the second alone. float16 where rounding is far below Monte Carlo error."""
    votes = np.uint8 if n_draws <= 255 else np.uint16
    arrays = {
        "mean_proba": (p.mean_proba, np.float32),
        "variance": (p.variance, np.float16),
        "argmax_votes": (p.argmax_votes, votes),
        "label_votes": (p.label_votes, votes),
    }
    two = p.mean_proba.shape[2] == 2
    dims = ("cell", "point") if two else ("cell", "point", "class")
    variables = {k: (dims, (a[rows, :, 1] if two else a[rows]).astype(t)) for k, (a, t) in arrays.items()}
    variables["expected_entropy"] = (("cell", "point"), p.expected_entropy[rows].astype(np.float16))
    if halves and p.first_half_proba is not None:
        first = p.first_half_proba[rows].astype(np.float32)
        variables["first_half_proba"] = (dims, first[:, :, 1] if two else first)
    return xr.Dataset(variables, {"cell": ids}, {"n_draws": n_draws})


def _row(cell: Cell, state: str, reason: str, steps=0, seconds=math.nan, device="") -> dict:
    noise = cell.dataset.options.get("noise", math.nan)
    facts = {
        "id": cell.id,
        "key": cell.key,
        "state": state,
        "reason": reason,
        "family": cell.dataset.family,
        "noise": noise,
    }
    made = {
        "steps": steps,
        "seconds": seconds,
        "device": device,
        "versions": versions(),
        "git_commit": git_commit(),
    }
    return cell.coordinates() | facts | made
