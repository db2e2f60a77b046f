"""How draws of a network's outputs become what is stored: named running totals, taken draw by draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from bnnbench.base.philox import generator

if TYPE_CHECKING:
    from bnnbench.likelihoods._base import Likelihood

Totals = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Drawn:
    """What `Summary.arrays` is told of the draws: how many were computed, how many they stand for, whether they are
    those of a point estimate, of which one is computed, the pairs of the cells (see `Streams`) and the split."""

    passes: int
    n_draws: int
    is_point: bool
    pairs: list[str]
    split: str


@dataclass(frozen=True)
class Summary:
    """Totals of a stack at some points: each has the cells first and the points last."""

    likelihood: Likelihood

    compiles: ClassVar[bool] = False
    """Whether `add` keeps all shapes, so that it can be compiled once for all draws."""
    takes_uniforms: ClassVar[bool] = False
    """Whether `add` needs uniform numbers (cells, points), to draw targets with."""
    samples: ClassVar[int] = 0
    """Samples of a network's own noise that a point is summed up from, where a network has such noise."""
    at_half: ClassVar[tuple[str, ...]] = ()
    """Totals that are wanted after the first half of the draws too."""

    def empty(self, n_cells: int, n_outputs: int, n_points: int, like: torch.Tensor) -> Totals:
        """Totals of no draw, of the type and on the device of `like`."""
        raise NotImplementedError

    def add(self, totals: Totals, outputs: torch.Tensor, own: torch.Tensor, u, count) -> Totals:
        """Totals with one draw more, the `count`-th, of outputs (cells, n_outputs, points)."""
        raise NotImplementedError

    def arrays(self, totals: Totals, half: Totals | None, drawn: Drawn) -> dict[str, np.ndarray]:
        """What is stored, by name: arrays whose first axes are (cells, points)."""
        raise NotImplementedError


class ClassSummary(Summary):
    """Moments and votes of class probabilities, so that no draw is ever stored.

    Arrays are (cells, points, classes), `expected_entropy` (cells, points). `first_half_proba` is the mean over the
    first half of the draws; it is not there where their number is odd.
    """

    compiles, takes_uniforms, at_half = True, True, ("mean",)

    def empty(self, n_cells, n_outputs, n_points, like):
        n_classes = self.likelihood.n_classes(n_outputs)
        by_class = ("mean", "m2", "argmax", "labels")
        totals = {name: like.new_zeros(n_cells, n_classes, n_points) for name in by_class}
        return totals | {"entropy": like.new_zeros(n_cells, n_points)}

    def add(self, totals, outputs, own, u, count):
        log_proba = self.likelihood.log_proba(outputs)
        proba = log_proba.exp()
        delta = proba - totals["mean"]
        mean = totals["mean"] + delta / count
        classes = torch.arange(proba.shape[1], device=proba.device)[None, :, None]
        drawn = (proba.cumsum(1)[:, :-1] <= u.unsqueeze(1)).sum(1, keepdim=True)
        return {
            "mean": mean,
            "m2": totals["m2"] + delta * (proba - mean),
            "entropy": totals["entropy"] - (proba * log_proba).sum(1),
            # `max` rather than `argmax`, which torch takes ten times as long for over an axis that is not the last
            "argmax": totals["argmax"] + (proba.max(1, keepdim=True).indices == classes),
            "labels": totals["labels"] + (drawn == classes),
        }

    def arrays(self, totals, half, drawn):
        found = {name: t.cpu().numpy() for name, t in totals.items()}
        mean, m2, argmax, labels = (np.moveaxis(found[name], 1, 2) for name in ("mean", "m2", "argmax", "labels"))
        if drawn.is_point:
            argmax, labels = argmax * drawn.n_draws, _label_votes(mean, drawn)
        arrays = {
            "mean_proba": mean,
            "variance": m2 / drawn.passes,
            "expected_entropy": found["entropy"] / drawn.passes,
            "argmax_votes": argmax.astype(np.uint16),
            "label_votes": labels.astype(np.uint16),
        }
        if half is not None:
            arrays["first_half_proba"] = np.moveaxis(half["mean"].cpu().numpy(), 1, 2)
        return arrays


def _label_votes(proba: np.ndarray, drawn: Drawn) -> np.ndarray:
    """Counts of labels drawn n_draws times from the same probabilities (cells, points, classes)."""
    exact = proba.astype(float)
    exact /= exact.sum(-1, keepdims=True)
    if not np.isfinite(exact).all():
        exact = np.where(np.isfinite(exact), exact, 1 / proba.shape[-1])  # a diverged cell, stored as failed
    streams = (generator(pair, f"labels-{drawn.split}") for pair in drawn.pairs)
    return np.stack([s.multinomial(drawn.n_draws, p) for s, p in zip(streams, exact, strict=True)])


class MixtureSummary(Summary):
    """Location and scale of every draw, (cells, points, draws): the predictive is their equal-weight mixture.

    `scale` is (cells, 1, draws) where it is the same at all points. `df` (cells,) is there where the components are
    Student-t.
    """

    def empty(self, n_cells, n_outputs, n_points, like):
        return {name: like.new_zeros(n_cells, 0, n_points) for name in ("location", "log_scale")}

    def add(self, totals, outputs, own, u, count):
        location, log_scale = self.likelihood.location_and_log_scale(outputs, own)
        new = {"location": location, "log_scale": log_scale.expand_as(location)}
        return {name: torch.cat([totals[name], part.unsqueeze(1)], 1) for name, part in new.items()}

    def arrays(self, totals, half, drawn):
        location, log_scale = (np.moveaxis(totals[name].cpu().numpy(), 1, 2) for name in ("location", "log_scale"))
        if self.likelihood.one_scale:
            log_scale = log_scale[:, :1]
        arrays = {"location": location, "scale": np.exp(log_scale)}
        if self.likelihood.df is not None:
            arrays["df"] = np.full(len(location), self.likelihood.df, np.float32)
        return arrays
