"""Weights removed from trained networks, those that matter least first.

A posterior's weights are ordered by their signal-to-noise ratio |mean| / sd (Graves 2011; Blundell et al. 2015,
section 5.1.2), a point estimate's by magnitude, as a control. Weight matrices are pruned, all together; biases stay.
Removed weights are zero. Read are the network of posterior means and draws of what is left; and, as a warning, draws in
which a removed weight has mean 0 and sd softplus(0) = ln 2. That is what setting both parameters of a weight to zero
leaves where the sd is stored as rho = softplus^-1(sd), as in a public reproduction of Blundell et al. whose pruned
networks lost many points (WeightPruning.py of github.com/saxena-mayur/Weight-Uncertainty-in-Neural-Networks).
"""

from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.metrics import accuracy, negative_log_likelihood
from bnnbench.philox import generator
from bnnbench.probes._base import Probe, Reading

SD_OF_RHO_ZERO = float(np.log(2))


@dataclass(frozen=True)
class Pruning(Probe):
    """`shares` of the weights are removed; predictions average `draws` draws (1 network for point estimates)."""

    shares: tuple[float, ...] = (0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99)
    draws: int = 30

    def run(self, cell, data, seed):
        mean, sd = cell.weight_moments()
        parameters = cell.network.parameters
        is_weight = np.repeat([not p.is_bias for p in parameters], [p.size for p in parameters])
        order = "magnitude" if cell.posterior.is_point else "signal_to_noise"
        score = np.abs(mean) if cell.posterior.is_point else np.abs(mean) / sd
        ranks = np.full(len(score), np.inf)
        ranks[is_weight] = score[is_weight].argsort().argsort()
        x, y = data.x_test, data.y_test
        if not cell.posterior.is_point:
            draws = torch.from_numpy(cell.weight_draws(self.draws))
            noise = generator(cell.name, "pruning").standard_normal(draws.shape, np.float32)
            noise = SD_OF_RHO_ZERO * torch.from_numpy(noise)
        for share in self.shares:
            keep = torch.from_numpy(ranks >= round(share * is_weight.sum())).float()
            networks = {"mean": torch.from_numpy(mean)[None] * keep}
            if not cell.posterior.is_point:
                networks |= {"draws": draws * keep, "noise": draws * keep + noise * (1 - keep)}
            for kind, weights in networks.items():
                proba = cell.proba_of_weights(weights, x)
                for name, metric in (("accuracy", accuracy), ("nll", negative_log_likelihood)):
                    yield Reading(f"{order}-{kind}", float(share), name, float(metric(proba, y)))


PROBE = Pruning
