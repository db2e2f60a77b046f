"""Predictions from a posterior: running moments and votes over draws, so that no draw is ever stored."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from bnnbench.base.philox import generator
from bnnbench.base.progress import SILENT, Progress
from bnnbench.inference._base import Posterior
from bnnbench.model.joint import BLOCK, lay_out
from bnnbench.model.kernels import Compiled
from bnnbench.model.streams import Streams
from bnnbench.networks import Network

DENSE_CHUNK, IMAGE_CHUNK = 4000, 250
"""Points in one call, so that a block of cells stays in the processor's cache. For less than half of that nothing is
compiled: it would take longer than it saves."""


@dataclass(frozen=True)
class StackPredictions:
    """Predictions of a stack at its points; arrays are (cells, points, classes), `expected_entropy` (cells, points).

    `first_half_proba` is the mean over the first half of the draws; None where their number is odd.
    """

    mean_proba: np.ndarray
    variance: np.ndarray
    expected_entropy: np.ndarray
    argmax_votes: np.ndarray
    label_votes: np.ndarray
    first_half_proba: np.ndarray | None = None


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
    """Mean probabilities, variance (divisor n_draws), expected entropy and votes over posterior draws.

    `x` (sets, points, ...) holds each distinct set of inputs once and `which` (cells,) tells a cell's set. A label
    vote is a label drawn from the draw's probabilities, an arg-max vote its most probable class. `purpose` names the
    stream of the draws, as in `Posterior.draws`.
    """
    network, n_points = posterior.prior.network, x.shape[1]
    passes = 1 if posterior.is_point else n_draws
    chunk = IMAGE_CHUNK if network.is_convolutional else DENSE_CHUNK
    whole, rest = (_accumulator(network, posterior.logits, c) for c in (compiled, False))
    if purpose == "predict":  # for others stored draws are shuffled
        posterior = posterior.of_predictions(n_draws)
    draws = posterior.draws(streams, purpose)
    totals, first_half = None, None
    with torch.no_grad():
        inputs = [
            [lay_out(network, x[which[b : b + block], p : p + chunk]) for p in range(0, n_points, chunk)]
            for b in range(0, len(which), block)
        ]
        for s in range(passes):
            drawn = posterior.network_inputs(draws(s))
            uniforms = streams.paired_uniforms(f"labels-{split}", s, n_points)
            if totals is None:
                totals = [[_empty(network, u) for u in row] for row in _cut(uniforms, block, chunk)]
            for b, row in enumerate(_cut(uniforms, block, chunk)):
                for p, u in enumerate(row):
                    d = [t[b * block : (b + 1) * block] for t in drawn]
                    accumulate = whole if 2 * u.shape[1] >= chunk else rest
                    totals[b][p] = accumulate(d, inputs[b][p], u, float(s + 1), *totals[b][p])
            if 2 * (s + 1) == passes:
                first_half = _join(totals, 0)
            progress(s + 1, passes)
        joined = [_join(totals, k) for k in range(len(totals[0][0]))]
    mean, m2, entropy, argmax, labels = (t.cpu().numpy() for t in joined)
    mean, m2, argmax, labels = (np.moveaxis(a, 1, 2) for a in (mean, m2, argmax, labels))
    half = None if first_half is None else np.moveaxis(first_half.cpu().numpy(), 1, 2)
    if posterior.is_point:
        argmax, labels = argmax * n_draws, _label_votes(mean, streams.pairs, n_draws, split)
    votes = (argmax.astype(np.uint16), labels.astype(np.uint16))
    return StackPredictions(mean, m2 / passes, entropy / passes, *votes, half)


def _join(totals: list, k: int) -> torch.Tensor:
    """The k-th running total of all cells and points, (cells, ..., points)."""
    return torch.cat([torch.cat([chunk[k] for chunk in row], dim=-1) for row in totals])


def _label_votes(proba: np.ndarray, pairs: list[str], n_draws: int, split: str) -> np.ndarray:
    """Counts of labels drawn n_draws times from the same probabilities (cells, points, classes)."""
    exact = proba.astype(float)
    exact /= exact.sum(-1, keepdims=True)
    if not np.isfinite(exact).all():
        exact = np.where(np.isfinite(exact), exact, 1 / proba.shape[-1])  # a diverged cell, stored as failed
    return np.stack(
        [generator(pair, f"labels-{split}").multinomial(n_draws, p) for pair, p in zip(pairs, exact, strict=True)]
    )


def _cut(uniforms: torch.Tensor, block: int, chunk: int) -> list[list[torch.Tensor]]:
    return [[r[:, p : p + chunk] for p in range(0, r.shape[1], chunk)] for r in uniforms.split(block)]


def _empty(network: Network, u: torch.Tensor) -> list[torch.Tensor]:
    shape = (u.shape[0], network.n_classes, u.shape[1])
    return [
        u.new_zeros(shape),
        u.new_zeros(shape),
        torch.zeros_like(u),
        u.new_zeros(shape),
        u.new_zeros(shape),
    ]


@cache
def _accumulator(network: Network, logits, compiled: bool):
    """Function that adds one draw to (mean, sum of squared deviations, entropy, arg-max votes, label votes)."""

    def accumulate(drawn, x, u, count, mean, m2, entropy, argmax, labels):
        log_proba = torch.log_softmax(logits(network, x, *drawn), dim=1)
        proba = log_proba.exp()
        delta = proba - mean
        mean = mean + delta / count
        m2 = m2 + delta * (proba - mean)
        entropy = entropy - (proba * log_proba).sum(1)
        classes = torch.arange(network.n_classes, device=proba.device)[None, :, None]
        argmax = argmax + (proba.argmax(1, keepdim=True) == classes)
        drawn = (proba.cumsum(1)[:, :-1] <= u.unsqueeze(1)).sum(1, keepdim=True)
        labels = labels + (drawn == classes)
        return [mean, m2, entropy, argmax, labels]

    # The count is a tensor in the compiled form's place of a constant, which would be compiled anew for each draw.
    function = Compiled(accumulate) if compiled else accumulate
    return lambda drawn, x, u, count, *totals: function(drawn, x, u, x.new_full((), count), *totals)
