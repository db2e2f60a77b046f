"""What a shard file keeps of a stack that was trained: a row of each cell, and groups of arrays."""

import math

import numpy as np
import torch
import xarray as xr

from bnnbench import tasks
from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.shards import posterior_group
from bnnbench.inference import Fit
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.prediction.predict import StackPredictions
from bnnbench.study.cells import Cell
from bnnbench.training.checkpoint import Curve

SUMMARY_DRAWS = 400
SUMMARY_NUMBERS = 2**27
"""Numbers of draws that are held at once: half a gigabyte."""
QUANTILES = {"q025": 0.025, "q50": 0.5, "q975": 0.975}

Moments = dict[str, np.ndarray]


def row(
    cell: Cell,
    state: str,
    reason: str,
    steps: int = 0,
    seconds: float = math.nan,
    device: str = "",
    pretrained: str = "",
) -> dict:
    """A cell's coordinates, its state with the reason, what its training took and where its weights are from."""
    facts = {
        "id": cell.id,
        "key": cell.key,
        "state": state,
        "reason": reason,
        "family": cell.dataset.family,
        "noise": cell.dataset.options.get("noise", math.nan),
    }
    made = {
        "steps": steps,
        "seconds": seconds,
        "device": device,
        "pretrained": pretrained,
        "versions": versions(),
        "git_commit": git_commit(),
    }
    return cell.coordinates() | facts | made


def flaw(fit: Fit, predictions: dict[str, StackPredictions], i: int) -> str:
    """What is not finite of the i-th cell, with what to try; "" where its arrays, predictions and objective all are."""
    trace = np.zeros(1) if fit.trace is None else fit.trace[i]
    arrays = [a[i] for a in fit.posterior.arrays.values()]
    arrays += [torch.as_tensor(a[i]) for p in predictions.values() for a in p.values()]
    if np.isfinite(trace[-1]) and all(bool(torch.isfinite(a).all()) for a in arrays):
        return ""
    if np.isfinite(trace).all():
        return "non-finite weights or predictions; try a smaller learning_rate"
    at = fit.trace_steps[np.flatnonzero(~np.isfinite(trace))[0]]
    return f"diverged: non-finite objective by step {at}; try a smaller learning_rate"


def moments(fit: Fit, streams: Streams, units: np.ndarray) -> dict[str, Moments]:
    """Mean, sd and quantiles over posterior draws of weights, prior scales and the likelihood's own parameters.

    Each (cells, weights or parameters), by the group that holds it. units: (cells,) those of the targets in training,
    in which the likelihood's parameters are.
    """
    prior = fit.posterior.prior
    draw, n_cells = fit.posterior.draws(streams, "summary"), len(streams.owners)
    n = 1 if fit.posterior.is_point else max(50, min(SUMMARY_DRAWS, 100_000_000 // (prior.n_latents * n_cells)))
    others = {"scales": prior.scales}
    if prior.n_own:
        others["likelihood"] = lambda z: prior.own(z).exp() * torch.as_tensor(units, device=z.device).unsqueeze(1)
    # Of weights so many that the draws would fill the memory some at a time, each time drawn anew.
    at_once, parts = max(1, SUMMARY_NUMBERS // (n * n_cells)), []
    small: dict[str, list] = {name: [] for name in others}
    with torch.no_grad():
        for start in range(0, prior.n_weights, at_once):
            draws = np.empty((n, n_cells, min(at_once, prior.n_weights - start)), np.float32)
            for s in range(n):
                latents = draw(s)
                draws[s] = prior.weights(latents)[:, start : start + at_once].cpu().numpy()
                for name, function in others.items() if start == 0 else ():
                    small[name].append(function(latents))
            parts.append(_moments(draws))
        found = {name: _moments(torch.stack(values).cpu().numpy()) for name, values in small.items()}
    return {"weights": {k: np.concatenate([part[k] for part in parts], 1) for k in parts[0]}} | found


def _moments(draws: np.ndarray) -> Moments:
    quantiles = np.quantile(draws, list(QUANTILES.values()), axis=0)
    return {"mean": draws.mean(0), "sd": draws.std(0)} | dict(zip(QUANTILES, quantiles, strict=True))


def groups(
    cells: list[Cell],
    sound: list[int],
    network: Network,
    fit: Fit,
    predictions: dict[str, StackPredictions],
    moments: dict[str, Moments],
    curve: Curve | None,
) -> dict[str, xr.Dataset]:
    """Groups of arrays by name, of those of a stack's cells whose places are `sound`."""
    ids, first = [cells[i].id for i in sound], cells[0]
    halves = "function_rhat" in fit.diagnostics  # chains that can be compared with each other
    found = {split: _prediction_group(p, sound, ids, first, halves) for split, p in predictions.items()}
    names, sizes = [p.name for p in network.parameters], [p.size for p in network.parameters]
    of_weights, of_scales = np.repeat(names, sizes).astype(object), np.array(names, dtype=object)
    for name, axis, parameter in (("weights", "weight", of_weights), ("scales", "parameter", of_scales)):
        found[name] = _group(moments[name], sound, ids, axis).assign_coords(parameter=(axis, parameter))
    if "likelihood" in moments:
        own = ("own", np.array(fit.posterior.prior.likelihood.latents, dtype=object))
        found["likelihood"] = _group(moments["likelihood"], sound, ids, "own").assign_coords(name=own)
    if fit.trace is not None:
        steps = ("step", fit.trace_steps)
        traces = {"objective": fit.trace} | fit.traces
        found["trace"] = _group(traces, sound, ids, "step").assign_coords(step=steps)
    if curve and curve.steps:
        found["curve"] = _curve_group(curve, list(predictions), sound, ids)
    if fit.diagnostics:
        variables = {k: ("cell", np.asarray(v, float)[sound]) for k, v in fit.diagnostics.items()}
        found["diagnostics"] = xr.Dataset(variables, {"cell": ids})
    found[posterior_group(first.recipe)] = _posterior_arrays(fit, sound, ids)
    return found


def _group(values: dict[str, np.ndarray], rows: list[int], ids: list[str], axis: str) -> xr.Dataset:
    return xr.Dataset({k: (("cell", axis), v[rows].astype(np.float32)) for k, v in values.items()}, {"cell": ids})


def _prediction_group(p: StackPredictions, rows: list[int], ids: list[str], cell: Cell, halves: bool) -> xr.Dataset:
    """Predictions as their task stores them."""
    sound = {name: a[rows] for name, a in p.items()}
    variables = tasks.find(cell.dataset.task).encode(sound, cell.draws, halves)
    return xr.Dataset(variables, {"cell": ids}, {"n_draws": cell.draws})


def _curve_group(curve: Curve, splits: list[str], rows: list[int], ids: list[str]) -> xr.Dataset:
    values = np.stack(curve.values, 2)[:, rows].astype(np.float32)
    variables = {f"{split}_error": (("cell", "step"), v) for split, v in zip(splits, values, strict=True)}
    return xr.Dataset(variables, {"cell": ids, "step": np.array(curve.steps)})


def _posterior_arrays(fit: Fit, rows: list[int], ids: list[str]) -> xr.Dataset:
    arrays = {name: a.cpu().numpy() for name, a in fit.posterior.arrays.items()}
    variables = {k: (("cell", *(f"{k}_{axis}" for axis in range(1, a.ndim))), a[rows]) for k, a in arrays.items()}
    return xr.Dataset(variables, {"cell": ids})
