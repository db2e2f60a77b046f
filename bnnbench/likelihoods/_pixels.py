"""What the likelihoods of pixels share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def log_likelihood(log_proba: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Sum over pixels of the log probability of their class, (cells,); void ones, below 0, add nothing.

    log_proba: (cells, classes, points, rows, columns), or points alone; y: like it without the classes, or of
    `with_weights` with an axis more at the end
    """
    import torch

    log_proba, weight = log_proba.flatten(2), None
    if y.is_floating_point():
        y, weight = (part.flatten(1) for part in y.unbind(-1))
    # A product with indicators, which no void pixel has: see `categorical`.
    classes = torch.arange(log_proba.shape[1], device=y.device, dtype=y.dtype).unsqueeze(1)
    chosen = (y.flatten(1).unsqueeze(1) == classes).to(log_proba.dtype)
    of_pixel = (log_proba * chosen).sum(1)
    return (of_pixel if weight is None else of_pixel * weight).sum(1)


def with_weights(y: torch.Tensor) -> torch.Tensor:
    """Labels (sets, points, rows, columns) with the weight of their class, on a last axis of two, as single precision.

    A class's frequency is its share of the pixels, void left out, of the images that it is in, and its weight the
    median of all classes' frequencies over it (Eigen & Fergus 2015, section 3.3.2). Weights are then scaled so that
    their mean over the pixels is 1: the data weigh as much against the prior as without them.
    """
    import torch

    found = []
    for labels in y:
        known, classes = labels >= 0, torch.arange(int(y.max()) + 1, device=y.device)
        counts = (labels.unsqueeze(-1) == classes).flatten(1, 2).sum(1).double()  # (points, classes)
        shown = (counts > 0) * known.flatten(1).sum(1, keepdim=True)
        frequency = counts.sum(0) / shown.sum(0)  # NaN of a class that no image holds, which no pixel reads
        weight = (frequency.nanmedian() / frequency)[labels.clamp_min(0).long()].where(known, 0.0)
        found.append(torch.stack([labels, weight * (known.sum() / weight.sum())], -1))
    return torch.stack(found).float()
