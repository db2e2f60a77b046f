"""How draws of an autoencoder's weights are summed up: log p(x) from many codes, and the bound of training."""

import math

import numpy as np
import torch

from bnnbench.likelihoods._densities import DensitySummary


class BoundSummary(DensitySummary):
    """`DensitySummary` of importance-sampled log densities, and (cells, points) each

    - `half_samples_log_density`: as `log_density`, from the first half of the codes of each draw;
    - `bound_log_density`: mean over draws of the evidence lower bound;
    - `kl`: mean over draws of KL(q(z | x) || p(z)).

    Outputs are of `samples` codes a point, which are neighbours.
    """

    compiles = False

    @property
    def samples(self) -> int:
        return self.likelihood.importance_samples

    def empty(self, n_cells, n_outputs, n_points, like):
        zeros = like.new_zeros(n_cells, n_points)
        more = {"half_log_sum": zeros - math.inf, "bound": zeros, "kl": zeros}
        return super().empty(n_cells, n_outputs, n_points, like) | more

    def add(self, totals, outputs, own, u, count):
        n_points = totals["mean"].shape[1]
        terms = self.likelihood.terms(outputs, own)
        by_point = [t.unflatten(1, (n_points, -1)) for t in terms]
        reconstruction, log_prior, log_code, divergence = by_point
        log_weights = reconstruction + log_prior - log_code
        half = log_weights[:, :, : self.samples // 2]
        divergence = divergence[:, :, 0]
        bound = reconstruction.mean(2) - divergence
        return self.with_draw(totals, log_mean_exp(log_weights), count) | {
            "half_log_sum": torch.logaddexp(totals["half_log_sum"], log_mean_exp(half)),
            "bound": totals["bound"] + (bound - totals["bound"]) / count,
            "kl": totals["kl"] + (divergence - totals["kl"]) / count,
        }

    def arrays(self, totals, half, drawn):
        found = {name: totals[name].cpu().numpy().astype(np.float64) for name in ("half_log_sum", "bound", "kl")}
        return super().arrays(totals, half, drawn) | {
            "half_samples_log_density": found["half_log_sum"] - math.log(drawn.passes),
            "bound_log_density": found["bound"],
            "kl": found["kl"],
        }


def log_mean_exp(values: torch.Tensor) -> torch.Tensor:
    """Log of the mean of exponentials over the last axis."""
    return values.logsumexp(-1) - math.log(values.shape[-1])
