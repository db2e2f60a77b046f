"""How much memory the jobs of a run take at their peak, by a model whose constants were measured. No torch.

Measured on x86 Linux with torch's wheel for processors, one thread, uncompiled where nothing else is said, as the
resident memory of a whole process at its peak, imports included. A GPU's own memory is not reckoned.
"""

import math
from dataclasses import dataclass

from bnnbench import datasets, likelihoods, networks, tasks
from bnnbench.networks._layers import Activation, Conv, Dense, Flatten, MaxPool, Network, PlacedMaxPool, Recurrent
from bnnbench.networks._residual import Fork, Join, MeanOfPixels, Shortcut, Widen
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan, Shard

FLOAT = 4
"""Bytes of a number."""
TRAINING, COMPILING, AFTER = 500, 200, 600
"""MB: of a training process with what it trains apart; what compiling adds; of the largest step after training, which
is the report with its figures (gathering takes 490, claims 550), for up to 10^4 cells."""
PER_CELL = 0.01
"""MB a cell of the run by which the steps after training grow: the plan and the table of cells are held as a whole."""
EVALUATING, JUDGED, BY_A_LAW = 235, 36, 64
"""MB of a process that evaluates with what it evaluates apart; bytes that each number of one cell's predictions takes
while it is judged, and while it is judged by one who knows the generator."""
INPUTS = 2
"""Times the inputs of all points as single precision: they are stacked from copies."""
ON_THE_WAY = 3.5
"""Times the outputs of all layers for a batch: with gradients, and what convolutions need."""
PREDICTING, CONVOLUTIONS, FURTHER = 1.9, 60, 0.05
"""Times the outputs of all layers for the points of one call, where one cell predicts; MB that the library of
convolutions takes; the share of each further cell, which are computed by another of its kernels."""
STATE = {"map": 75, "mle": 75, "mc_dropout": 75, "mean_field": 200, "posterior_sharpening": 200, "full_rank": 200}
"""Times the weights of the only cell of a stack: the optimiser's numbers, densities of priors with their gradients, and
what the allocator does not give back. Of several cells together a tenth of it each."""
OTHER_STATE = 200
"""The same of other methods."""
DRAWS = 8
"""Times the draws that are kept: of the stack, of the file's earlier cells, and copies of both while it is written."""
SUMMARY_DRAWS, SUMMARY_WORK, SUMMARY_MOST = 400, 100_000_000, 2**27
"""Draws of which a weight's moments are, fewer of many weights, and numbers of them at once (`training/records.py`)."""
SORTING = (3.0, 1.8)
"""Times these draws while quantiles are found: of one cell, and of several."""
OF_A_POINT, NAMES = 240, 165
"""Bytes a weight for the moments of a point estimate, and for writing weights with their names."""
TOTALS = 32
"""Times the outputs for all test points of a stack: sums over draws, and what is made of them."""
STORED = 20
"""Bytes a point and class of the predictions of a shard's cells while they are joined and written."""
POINT_METHODS = ("map", "mle")
MEMBERS = ("members", "chains")
"""Settings that say how many networks of a cell are trained together."""
IMAGES_AT_ONCE, POINTS_AT_ONCE = 250, 4000
"""Points of one call of a prediction (`prediction/predict.py`)."""


@dataclass(frozen=True)
class Job:
    """A job's megabytes at its peak, and its name."""

    megabytes: float
    name: str


def of_training(plan: Plan, shard: Shard) -> float:
    """MB at the peak of training a shard on one thread; NaN where the data set does not say its shapes."""
    first, method = shard.cells[0], plan.study_configs[shard.study].inference[shard.inference]
    shape = datasets.shape(first.dataset.family, first.dataset.options)
    if shape is None:
        return math.nan
    cells = shard.trainable[: method.stack]
    network = _network(first, shape)
    compiling = COMPILING if plan.config.compile != "off" and plan.is_long(shard) else 0
    recipes = {cell.recipe: cell for cell in shard.trainable}.values()
    most = max(_fit(cell, cells, network, shape) for cell in recipes)
    stored = len(shard.trainable) * (shape.test + shape.validation) * shape.classes * STORED / 1e6
    return TRAINING + compiling + _inputs(cells, shape) + most + stored


def of_evaluation(plan: Plan, shard: Shard) -> float:
    """MB at the peak of evaluating a shard, whose predictions are read as a whole and judged cell by cell; NaN where
    the data set does not say its shapes."""
    first = shard.cells[0]
    shape = datasets.shape(first.dataset.family, first.dataset.options)
    if shape is None:
        return math.nan
    task = tasks.find(first.dataset.task)
    stored = task.stored_bytes(shape.inputs, shape.classes, first.draws) * (shape.validation + shape.test)
    numbers = shape.test * math.prod(task.target_shape(shape.inputs)) * shape.classes
    judged = BY_A_LAW if task.law and datasets.has_law(first.dataset.family, task.law) else JUDGED
    return EVALUATING + (len(shard.trainable) * stored + judged * numbers) / 1e6


def after_training(plan: Plan) -> float:
    """MB at the peak of gathering, claims, a notebook or the report."""
    return AFTER + PER_CELL * len(plan.cells)


def largest(plan: Plan) -> dict[str, Job]:
    """The job of each stage that takes the most memory, of those whose memory is known."""
    shards = plan.shards.values()
    of_stages = {
        "training": [Job(of_training(plan, shard), shard.name) for shard in shards],
        "evaluation": [Job(of_evaluation(plan, shard), shard.name) for shard in shards],
        "report": [Job(after_training(plan), "tables, claims, notebooks and pages")],
    }
    known = {stage: [j for j in jobs if not math.isnan(j.megabytes)] for stage, jobs in of_stages.items()}
    return {stage: max(jobs, key=lambda j: j.megabytes) for stage, jobs in known.items() if jobs}


def _network(cell: Cell, shape: datasets.Shape) -> Network:
    likelihood = likelihoods.make(cell.likelihood, cell.likelihood_options)
    return networks.make(cell.network_options, shape.inputs, likelihood.n_outputs(shape.classes))


def _inputs(cells: list[Cell], shape: datasets.Shape) -> float:
    """MB of the inputs of all splits, those of a data set and seed once, test inputs once for all seeds."""
    sets = len({(cell.dataset.name, cell.seed) for cell in cells})
    tests = len({cell.dataset.name for cell in cells})
    points = sets * (shape.train + shape.validation) + tests * shape.test
    return INPUTS * FLOAT * points * math.prod(shape.inputs) / 1e6


def _fit(cell: Cell, cells: list[Cell], network: Network, shape: datasets.Shape) -> float:
    """MB of training a stack like this cell, of predicting with it and of summing it up, whose memory the allocator
    keeps for what comes next."""
    settings, weights = cell.settings, network.n_weights
    rows = len(cells) * math.prod(settings.get(name, 1) for name in MEMBERS)
    outputs = FLOAT * units(network)
    batch = min(settings.get("batch_size") or shape.train, shape.train)
    of_images = len(shape.inputs) > 1
    call = min(shape.test, IMAGES_AT_ONCE if of_images else POINTS_AT_ONCE)
    share = 1 + FURTHER * (rows - 1)
    parts = [
        STATE.get(cell.inference, OTHER_STATE) * FLOAT * weights * share,
        ON_THE_WAY * batch * outputs * share,
        PREDICTING * call * outputs * share,
        TOTALS * FLOAT * len(cells) * shape.test * shape.classes,
        CONVOLUTIONS * 1e6 * network.is_convolutional,
        DRAWS * FLOAT * settings.get("keep", 0) * weights * len(cells),
        _summing_up(cell.inference in POINT_METHODS, weights, len(cells)),
        NAMES * weights,
    ]
    return sum(parts) / 1e6


def _summing_up(is_point: bool, weights: int, cells: int) -> float:
    """Bytes for moments and quantiles of the weights."""
    if is_point:
        return OF_A_POINT * weights
    draws = max(50, min(SUMMARY_DRAWS, SUMMARY_WORK // (weights * cells)))
    numbers = min(draws * cells * weights, SUMMARY_MOST)
    return SORTING[cells > 1] * FLOAT * numbers


def units(network: Network) -> int:
    """Numbers that the layers of a network put out for one point, one after the other.

    Of layers that are not known as many as the one before them has; of networks that are no such list, as many as there
    are rows in their matrices.
    """
    layers = getattr(network, "layers", ())
    if not any(isinstance(layer, Dense | Conv | Recurrent) for layer in layers):
        return sum(p.shape[0] for p in network.parameters)
    shape, total, kept = tuple(network.input_shape), 0, []
    for layer in layers:
        shape = _after(layer, shape, kept)
        total += math.prod(shape)
    return total


def _after(layer, shape: tuple[int, ...], kept: list) -> tuple[int, ...]:
    """The shape of a layer's outputs for a point, given that of its inputs; `kept` is of what blocks set aside."""
    match layer:
        case Dense():
            return (layer.n_out,)
        case Conv():
            return layer.n_out, *map(layer.side_after, shape[1:])
        case MaxPool():
            return shape[0], *map(layer.side_after, shape[1:])
        case PlacedMaxPool():
            return shape[0], shape[1] // layer.size, shape[2] // layer.size
        case Fork() | Shortcut():
            return layer.apply(shape, kept)
        case Join():
            return kept.pop()
        case Widen():
            return layer.channels[1], *layer.size_after(shape[1:], [])
        case MeanOfPixels():
            return (layer.channels,)
        case Recurrent():
            steps = shape[-1] if len(shape) == 2 else shape[0]
            return layer.n_units, steps
        case Flatten():
            return (math.prod(shape),)
        case Activation():
            return shape
    return shape
