"""Predictions from a posterior: what the likelihood sums up of each draw, in blocks of cells and chunks of points."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from bnnbench.base.progress import SILENT, Progress
from bnnbench.inference._base import Posterior
from bnnbench.likelihoods._summary import Drawn, Summary, Totals
from bnnbench.model.joint import BLOCK, lay_out
from bnnbench.model.kernels import Compiled
from bnnbench.model.streams import Streams
from bnnbench.networks import Network

DENSE_CHUNK, IMAGE_CHUNK, PIXEL_CHUNK = 4000, 250, 65_536
"""Points in one call, and pixels where each has outputs, so that a block of cells stays in the processor's cache. For
less than half of that nothing is compiled: it would take longer than it saves."""

StackPredictions = dict[str, np.ndarray]
"""Predictions of a stack at its points: what its likelihood's summary stores, by name, (cells, points, ...)."""


def predict(
    posterior: Posterior,
    x: torch.Tensor,
    which: torch.Tensor,
    streams: Streams,
    n_draws: int,
    *,
    split: str = "test",
    purpose: str = "predict",
    compiled: bool = False,
    block: int = BLOCK,
    progress: Progress = SILENT,
) -> StackPredictions:
    """What the likelihood's summary stores of posterior draws, such as moments and votes, or locations and scales.

    `x` (sets, points, ...) holds each distinct set of inputs once and `which` (cells,) tells a cell's set. `purpose`
    names the stream of the draws, as in `Posterior.draws`. Of a point estimate one draw is computed.
    """
    if posterior.has_samples:
        return posterior.samples(x, which, streams, f"{purpose}-{split}")
    n_points, passes = x.shape[1], 1 if posterior.is_point else n_draws
    if purpose == "predict":  # for others stored draws are shuffled
        posterior = posterior.of_predictions(n_draws)
    prior, summary = posterior.prior, posterior.prior.likelihood.summary
    draws, half = posterior.draws(streams, purpose), None
    with torch.no_grad():
        grid = _grid(posterior, summary, x, which, block, compiled)
        for s in range(passes):
            latents = draws(s)
            drawn, own = posterior.network_inputs(latents), prior.own(latents)
            uniforms = streams.paired_uniforms(f"labels-{split}", s, n_points) if summary.takes_uniforms else None
            for row in grid:
                for part in row:
                    part.add(drawn, own, uniforms, float(s + 1))
            if 2 * (s + 1) == passes and summary.at_half:
                half = {name: _join(grid, name) for name in summary.at_half}
            progress(s + 1, passes)
        totals = {name: _join(grid, name) for name in grid[0][0].totals}
    return summary.arrays(totals, half, Drawn(passes, n_draws, posterior.is_point, streams.pairs, split))


@dataclass
class _Part:
    """Some of the cells at some of their points, with the totals of the draws so far."""

    cells: slice
    points: slice
    inputs: torch.Tensor
    totals: Totals
    accumulate: object

    def add(self, drawn: tuple[torch.Tensor, ...], own: torch.Tensor, uniforms: torch.Tensor | None, count: float):
        """Add a draw of what networks take (cells, ...), the `count`-th."""
        of_cells = [d[self.cells] for d in drawn]
        u = None if uniforms is None else uniforms[self.cells, self.points]
        self.totals = self.accumulate(of_cells, self.inputs, own[self.cells], u, count, self.totals)


def _grid(posterior, summary, x, which, block: int, compiled: bool) -> list[list[_Part]]:
    """Blocks of cells, a row each, by chunks of points."""
    network, n_points = posterior.prior.network, x.shape[1]
    chunk = points_at_once(network)
    compiled = compiled and summary.compiles
    whole, rest = (_accumulator(network, posterior.logits, summary, c) for c in (compiled, False))
    grid = []
    for first in range(0, len(which), block):
        cells, row = slice(first, first + block), []
        for start in range(0, n_points, chunk):
            points = slice(start, min(start + chunk, n_points))
            inputs, size = lay_out(network, x[which[cells], points]), points.stop - start
            n_outputs = network.n_outputs, size * network.outputs_per_point
            empty = summary.empty(len(which[cells]), *n_outputs, inputs)
            row.append(_Part(cells, points, inputs, empty, whole if 2 * size >= chunk else rest))
        grid.append(row)
    return grid


def points_at_once(network: Network) -> int:
    """Points in one call."""
    if network.is_map:
        return max(1, PIXEL_CHUNK // math.prod(network.input_shape[1:]))
    return IMAGE_CHUNK if network.is_convolutional or network.is_recurrent else DENSE_CHUNK


def _join(grid: list[list[_Part]], name: str) -> torch.Tensor:
    """A total of all cells and points, (cells, ..., points)."""
    return torch.cat([torch.cat([part.totals[name] for part in row], dim=-1) for row in grid])


@cache
def _accumulator(network: Network, logits, summary: Summary, compiled: bool):
    """Function that adds one draw to the totals."""

    def accumulate(drawn, x, own, u, count, totals):
        return summary.add(totals, logits(network, x, *drawn), own, u, count)

    # The count is a tensor in the compiled form's place of a constant, which would be compiled anew for each draw.
    function = Compiled(accumulate) if compiled else accumulate
    return lambda drawn, x, own, u, count, totals: function(drawn, x, own, u, own.new_full((), count), totals)
