"""Train one stack of cells: from their models and data to the rows and groups of arrays that are stored of them."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
import xarray as xr

from bnnbench.datasets import DataSet
from bnnbench.inference import Fit, Method, make
from bnnbench.likelihoods import Likelihood
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.prediction.evidence_bound import evidence_bound
from bnnbench.prediction.flow_diagnostics import flow_diagnostics
from bnnbench.prediction.predict import StackPredictions
from bnnbench.prediction.trained import build_likelihood, build_network
from bnnbench.study.cells import Cell
from bnnbench.training import records
from bnnbench.training.checkpoint import Checkpointed, Curve, Logged
from bnnbench.training.device import device_name
from bnnbench.training.inputs import Inputs
from bnnbench.training.pretrained import Sources, centre_group

log = logging.getLogger(__name__)

Stored = tuple[list[dict], dict[str, xr.Dataset]]
"""Rows of cells, and groups of arrays by name."""


@dataclass(frozen=True)
class Setup:
    """How a stack of a `shard` is trained: on which `device`, whether its kernels are `compiled`, by how many cells a
    `block`, where its `checkpoint` lies, and how many `points` of the learning curve are measured, 0 for none."""

    shard: str
    device: str
    compiled: bool
    block: int
    checkpoint: Path
    points: int


class UnfitInputs(RuntimeError):
    """Training inputs are none that the likelihood has a density of; the message says what is wrong with them."""


@dataclass
class _Trained:
    """What came of a stack's training, before it is known which of its cells are sound."""

    fit: Fit
    predictions: dict[str, StackPredictions]
    moments: dict[str, records.Moments]
    curve: Curve | None
    seconds: float


def train_stack(cells: list[Cell], data: dict[str, DataSet], sources: Sources, setup: Setup) -> Stored:
    """Rows and array groups of one stack of cells that share network, likelihood, method and settings.

    Cells that the method has no meaning for are skipped, and those that diverge, or whose stack runs out of memory, are
    failed, with their reasons. A broken GPU raises torch.AcceleratorError.
    """
    about = f"{setup.shard}: {len(cells)} cells"
    first = cells[0]
    network, likelihood = build_network(first, data[first.dataset.name]), build_likelihood(first)
    method = make(first.inference, first.settings)
    try:
        models = {cell.id: sources.model(cell, network) for cell in cells}
    except ValueError as error:
        return _failed(cells, str(error))
    reasons = {cell.id: reason for cell in cells if (reason := method.unsuited(network, models[cell.id], likelihood))}
    skipped = [records.row(cell, "skipped", reasons[cell.id]) for cell in cells if cell.id in reasons]
    cells = [cell for cell in cells if cell.id not in reasons]
    if not cells:
        return skipped, {}
    try:
        trained = _train(about, cells, models, data, network, likelihood, method, setup)
    except UnfitInputs as error:
        rows, groups = _failed(cells, str(error))
    except torch.AcceleratorError:  # the GPU itself: nothing that follows can be trained, and another start may
        raise
    except (RuntimeError, MemoryError, FloatingPointError) as error:
        log.error("%s: the stack failed: %s", about, error)
        rows, groups = _failed(cells, f"{type(error).__name__}: {str(error).splitlines()[0]}")
    else:
        rows, groups = _stored(about, cells, models, network, sources, trained, setup.device)
    return skipped + rows, groups


def _failed(cells: list[Cell], reason: str) -> Stored:
    return [records.row(cell, "failed", reason) for cell in cells], {}


def _train(
    about: str,
    cells: list[Cell],
    models: dict[str, Model],
    data: dict[str, DataSet],
    network: Network,
    likelihood: Likelihood,
    method: Method,
    setup: Setup,
) -> _Trained:
    # Blocks are filled up with copies of the last cell, so that every call has one shape.
    padded = cells + [cells[-1]] * (-len(cells) % setup.block)
    streams = Streams([cell.id for cell in padded], [cell.pair for cell in padded], setup.device)
    # Unrolled steps take minutes to compile.
    compiled = setup.compiled and network.compiles and not network.is_recurrent
    options = {"compiled": compiled, "block": setup.block}
    inputs, curve = Inputs(padded, data, setup.device), None
    if fault := likelihood.data_fault(inputs.training[0]):
        raise UnfitInputs(f"training inputs {fault}")
    if setup.points:
        curve = Curve(setup.points, lambda posterior: inputs.errors(posterior, streams, **options))
    progress = Checkpointed(about, "step", setup.checkpoint, setup.device, curve)
    of_padded = [models[cell.id] for cell in padded]
    fit = fit_stack(of_padded, likelihood, network, method, inputs, streams, progress, **options)
    seconds = progress.seconds / len(cells)
    of_draws = Logged(about, "prediction draw")
    predictions = inputs.predictions(fit.posterior, streams, cells[0].draws, progress=of_draws, **options)
    fit.diagnostics |= flow_diagnostics(fit.posterior, inputs.training[0], inputs.training[2], streams)
    return _Trained(fit, predictions, records.moments(fit, streams, inputs.units), curve, seconds)


def _stored(
    about: str,
    cells: list[Cell],
    models: dict[str, Model],
    network: Network,
    sources: Sources,
    trained: _Trained,
    device: str,
) -> Stored:
    """Rows of all cells, and arrays of those that are sound."""
    fit, facts = trained.fit, {"steps": trained.fit.steps, "seconds": trained.seconds, "device": device_name(device)}
    rows, sound, remarks = [], [], fit.remarks or ("",) * len(cells)
    for i, cell in enumerate(cells):
        reason = records.flaw(fit, trained.predictions, i)
        pretrained, state = sources.words(cell, models[cell.id], network), "failed" if reason else "done"
        rows.append(records.row(cell, state, reason or remarks[i], pretrained=pretrained, **facts))
        sound += [] if reason else [i]
    log.info("%s, %d done, %d failed, %.2f s a cell", about, len(sound), len(cells) - len(sound), trained.seconds)
    groups = records.groups(cells, sound, network, fit, trained.predictions, trained.moments, trained.curve)
    centres = centre_group(cells, [models[cell.id] for cell in cells], sound)
    return rows, groups | ({} if centres is None else {"centre": centres})


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
    fit = method.fit(joint, streams, progress)
    fit.diagnostics |= evidence_bound(fit.posterior, joint, streams)
    return fit
