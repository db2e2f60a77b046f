"""Predictions from a posterior: what the likelihood sums up of each draw, in blocks of cells and chunks of points."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from bnnbench.base.philox import generator
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

SAMPLED = 2**19
"""Outputs of a cell in one call where points have many samples: 2 MB in single precision."""

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
    noise = _noise(prior.network, summary, streams, f"network-noise-{purpose}-{split}")
    with torch.no_grad():
        grid = _grid(posterior, summary, x, which, block, compiled)
        for s in range(passes):
            latents = draws(s)
            drawn, own = posterior.network_inputs(latents), prior.own(latents)
            uniforms = streams.paired_uniforms(f"labels-{split}", s, n_points) if summary.takes_uniforms else None
            for row in grid:
                for part in row:
                    part.add(drawn, own, uniforms, float(s + 1), noise(s, part.cells, part.points))
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

    def add(
        self, drawn: tuple[torch.Tensor, ...], own: torch.Tensor, uniforms: torch.Tensor | None, count: float, noise
    ):
        """Add a draw of what networks take (cells, ...), the `count`-th, with the noise of these cells and points."""
        of_cells = [d[self.cells] for d in drawn]
        u = None if uniforms is None else uniforms[self.cells, self.points]
        inputs = self.inputs if noise is None else torch.cat([self.inputs, noise.to(self.inputs)], 1)
        self.totals = self.accumulate(of_cells, inputs, own[self.cells], u, count, self.totals)


def _noise(network: Network, summary: Summary, streams: Streams, purpose: str):
    """Function of a draw's number and of slices of cells and points giving the noise that they need to be summed up,
    (cells, features, points), the same for the cells of a pair; None where they need none."""
    rows = summary.samples * network.code_size

    def noise(s: int, cells: slice, points: slice) -> torch.Tensor | None:
        if not rows:
            return None
        pairs, shape = streams.pairs[cells], (rows, points.stop - points.start)
        made = {p: generator(p, purpose, s, points.start).standard_normal(shape, np.float32) for p in set(pairs)}
        return torch.from_numpy(np.stack([made[p] for p in pairs]))

    return noise


def _grid(posterior, summary, x, which, block: int, compiled: bool) -> list[list[_Part]]:
    """Blocks of cells, a row each, by chunks of points."""
    network, n_points = posterior.prior.network, x.shape[1]
    chunk = _chunk(network, summary)
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


def _chunk(network: Network, summary: Summary) -> int:
    """Points in one call: fewer where each has many samples of the network's noise, so that memory stays bounded."""
    if not summary.samples * network.code_size:
        return points_at_once(network)
    return max(1, min(points_at_once(network), SAMPLED // (summary.samples * network.n_outputs)))


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
