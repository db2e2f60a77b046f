"""How draws of a density are summed up."""

import math

import numpy as np
import torch

from bnnbench.likelihoods._summary import Summary


class DensitySummary(Summary):
    """The log of the mean density over draws, and mean and variance of the log density; (cells, points) each.

    `first_half_log_density` is that of the first half of the draws; it is not there where their number is odd.
    `dimensions` (cells,) is how many numbers a point has.
    """

    compiles, at_half = True, ("log_sum",)

    def empty(self, n_cells, n_outputs, n_points, like):
        zeros = like.new_zeros(n_cells, n_points)
        return {
            "log_sum": zeros - math.inf,
            "mean": zeros,
            "m2": zeros,
            "dimensions": zeros + self.likelihood.dimensions(n_outputs),
        }

    def add(self, totals, outputs, own, u, count):
        return self.with_draw(totals, self.likelihood.log_density(outputs), count)

    @staticmethod
    def with_draw(totals, log_density, count):
        """Totals with the log density (cells, points) of one draw more, the `count`-th."""
        delta = log_density - totals["mean"]
        mean = totals["mean"] + delta / count
        return {
            "log_sum": torch.logaddexp(totals["log_sum"], log_density),
            "mean": mean,
            "m2": totals["m2"] + delta * (log_density - mean),
            "dimensions": totals["dimensions"],
        }

    def arrays(self, totals, half, drawn):
        found = {name: t.cpu().numpy().astype(np.float64) for name, t in totals.items()}
        arrays = {
            "log_density": found["log_sum"] - math.log(drawn.passes),
            "mean_log_density": found["mean"],
            "variance": found["m2"] / drawn.passes,
            "dimensions": found["dimensions"][:, 0],
        }
        if half is not None:
            first = half["log_sum"].cpu().numpy().astype(np.float64)
            arrays["first_half_log_density"] = first - math.log(drawn.passes // 2)
        return arrays
