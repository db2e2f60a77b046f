"""What a shard file keeps of a stack that was trained: a row of each cell, and groups of arrays."""

import math

import numpy as np
import torch
import xarray as xr

from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.shards import posterior_group
from bnnbench.inference import Fit
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.prediction.predict import StackPredictions
from bnnbench.study.cells import Cell
from bnnbench.training.checkpoint import Curve

SUMMARY_DRAWS = 400
QUANTILES = {"q025": 0.025, "q50": 0.5, "q975": 0.975}

Moments = dict[str, np.ndarray]


def row(cell: Cell, state: str, reason: str, steps: int = 0, seconds: float = math.nan, device: str = "") -> dict:
    """A cell's coordinates, its state with the reason, and what its training took."""
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
        "versions": versions(),
        "git_commit": git_commit(),
    }
    return cell.coordinates() | facts | made


def flaw(fit: Fit, predictions: dict[str, StackPredictions], i: int) -> str:
    """What is not finite of the i-th cell, with what to try; "" where its arrays, predictions and objective all are."""
    trace = np.zeros(1) if fit.trace is None else fit.trace[i]
    arrays = [a[i] for a in fit.posterior.arrays.values()]
    arrays += [torch.as_tensor(p.mean_proba[i]) for p in predictions.values()]
    if np.isfinite(trace[-1]) and all(bool(torch.isfinite(a).all()) for a in arrays):
        return ""
    if np.isfinite(trace).all():
        return "non-finite weights or predictions; try a smaller learning_rate"
    at = fit.trace_steps[np.flatnonzero(~np.isfinite(trace))[0]]
    return f"diverged: non-finite objective by step {at}; try a smaller learning_rate"


def moments(fit: Fit, streams: Streams) -> tuple[Moments, Moments]:
    """Mean, sd and quantiles of weights and of scales over posterior draws, each (cells, weights or parameters)."""
    prior = fit.posterior.prior
    draw = fit.posterior.draws(streams, "summary")
    n = max(50, min(SUMMARY_DRAWS, 100_000_000 // (prior.n_latents * len(streams.owners))))
    with torch.no_grad():
        latents = [draw(s) for s in range(1 if fit.posterior.is_point else n)]
        return tuple(
            _moments(torch.stack([f(z) for z in latents]).cpu().numpy()) for f in (prior.weights, prior.scales)
        )


def _moments(draws: np.ndarray) -> Moments:
    quantiles = np.quantile(draws, list(QUANTILES.values()), axis=0)
    return {"mean": draws.mean(0), "sd": draws.std(0)} | dict(zip(QUANTILES, quantiles, strict=True))


def groups(
    cells: list[Cell],
    sound: list[int],
    network: Network,
    fit: Fit,
    predictions: dict[str, StackPredictions],
    moments: tuple[Moments, Moments],
    curve: Curve | None,
) -> dict[str, xr.Dataset]:
    """Groups of arrays by name, of those of a stack's cells whose places are `sound`."""
    ids, first = [cells[i].id for i in sound], cells[0]
    halves = "function_rhat" in fit.diagnostics  # chains that can be compared with each other
    found = {split: _prediction_group(p, sound, ids, first.draws, halves) for split, p in predictions.items()}
    names, sizes = [p.name for p in network.parameters], [p.size for p in network.parameters]
    weights, scales = moments
    of_weights, of_scales = np.repeat(names, sizes).astype(object), np.array(names, dtype=object)
    found["weights"] = _group(weights, sound, ids, "weight").assign_coords(parameter=("weight", of_weights))
    found["scales"] = _group(scales, sound, ids, "parameter").assign_coords(parameter=("parameter", of_scales))
    if fit.trace is not None:
        steps = ("step", fit.trace_steps)
        found["trace"] = _group({"objective": fit.trace}, sound, ids, "step").assign_coords(step=steps)
    if curve and curve.steps:
        found["curve"] = _curve_group(curve, list(predictions), sound, ids)
    if fit.diagnostics:
        variables = {k: ("cell", np.asarray(v, float)[sound]) for k, v in fit.diagnostics.items()}
        found["diagnostics"] = xr.Dataset(variables, {"cell": ids})
    found[posterior_group(first.recipe)] = _posterior_arrays(fit, sound, ids)
    return found


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


def _curve_group(curve: Curve, splits: list[str], rows: list[int], ids: list[str]) -> xr.Dataset:
    values = np.stack(curve.values, 2)[:, rows].astype(np.float32)
    variables = {f"{split}_error": (("cell", "step"), v) for split, v in zip(splits, values, strict=True)}
    return xr.Dataset(variables, {"cell": ids, "step": np.array(curve.steps)})


def _posterior_arrays(fit: Fit, rows: list[int], ids: list[str]) -> xr.Dataset:
    arrays = {name: a.cpu().numpy() for name, a in fit.posterior.arrays.items()}
    variables = {k: (("cell", *(f"{k}_{axis}" for axis in range(1, a.ndim))), a[rows]) for k, a in arrays.items()}
    return xr.Dataset(variables, {"cell": ids})
