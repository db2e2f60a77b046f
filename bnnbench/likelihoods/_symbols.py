"""What is stored of draws of a symbol's probabilities."""

import numpy as np

from bnnbench.likelihoods._summary import Summary


class SymbolSummary(Summary):
    """Mean probabilities (cells, points * steps, symbols) and the expected entropy, nats (cells, points * steps).

    `first_half_proba` is the mean over the first half of the draws; it is not there where their number is odd.
    """

    compiles, at_half = True, ("mean",)

    def empty(self, n_cells, n_outputs, n_points, like):
        return {"mean": like.new_zeros(n_cells, n_outputs, n_points), "entropy": like.new_zeros(n_cells, n_points)}

    def add(self, totals, outputs, own, u, count):
        log_proba = self.likelihood.log_proba(outputs)
        proba = log_proba.exp()
        mean = totals["mean"] + (proba - totals["mean"]) / count
        return {"mean": mean, "entropy": totals["entropy"] - (proba * log_proba).sum(1)}

    def arrays(self, totals, half, drawn):
        arrays = {
            "mean_proba": np.moveaxis(totals["mean"].cpu().numpy(), 1, 2),
            "expected_entropy": totals["entropy"].cpu().numpy() / drawn.passes,
        }
        if half is not None:
            arrays["first_half_proba"] = np.moveaxis(half["mean"].cpu().numpy(), 1, 2)
        return arrays
