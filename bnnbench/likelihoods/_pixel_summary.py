"""How draws of maps become what is stored of them."""

import numpy as np
import torch

from bnnbench.likelihoods._summary import Summary

VARIANCE_ROUNDING = 1e-12
"""Total variances below this are rounding: they, and the mutual information there, count as zero."""


class PixelSummary(Summary):
    """Moments of each pixel's class probabilities.

    Arrays are (cells, points, classes, rows, columns), those without classes (cells, points, rows, columns); entropies
    are in nats. Totals have the points last.
    """

    compiles = True

    def empty(self, n_cells, n_outputs, n_points, like):
        pixels = like.shape[-2:]  # of the images, which keep their size
        by_class = (n_cells, self.likelihood.n_classes(n_outputs), *pixels, n_points)
        totals = {name: like.new_zeros(by_class) for name in ("mean", "m2")}
        return totals | {"entropy": like.new_zeros(n_cells, *pixels, n_points)}

    def add(self, totals, outputs, own, u, count):
        log_proba = self.likelihood.log_proba(outputs).movedim(2, -1)
        proba = log_proba.exp()
        delta = proba - totals["mean"]
        mean = totals["mean"] + delta / count
        return {
            "mean": mean,
            "m2": totals["m2"] + delta * (proba - mean),
            "entropy": totals["entropy"] - (proba * log_proba).sum(1),
        }

    def arrays(self, totals, half, drawn):
        mean, variance, entropy = (totals[name].movedim(-1, 1) for name in ("mean", "m2", "entropy"))
        variance, entropy = variance / drawn.passes, entropy / drawn.passes
        total = variance.sum(2)
        total = torch.where(total < VARIANCE_ROUNDING, 0.0, total)
        information = (torch.special.entr(mean).sum(2) - entropy).clamp_min(0)
        found = {
            "mean_proba": mean,
            "variance": variance.clamp(0, 0.25),
            "total_variance": total,
            "expected_entropy": entropy,
            "mutual_information": torch.where(total > 0, information, 0.0),
        }
        return {name: np.ascontiguousarray(values.cpu().numpy()) for name, values in found.items()}
