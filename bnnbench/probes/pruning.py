"""Weights removed from trained networks, those that matter least first.

A posterior's weights are ordered by their signal-to-noise ratio |mean| / sd (Graves 2011; Blundell et al. 2015,
section 5.1.2). Controls are the same weights ordered by magnitude |mean|, and a point estimate's by magnitude. Weight
matrices are pruned, all together; biases stay. Removed weights are zero. Read is the network of posterior means; in the
first order also draws of what is left, and, as a warning, draws in which a removed weight has mean 0 and sd
softplus(0) = ln 2. That is what setting both parameters of a weight to zero leaves where the sd is stored as
rho = softplus^-1(sd), as in a public reproduction of Blundell et al. whose pruned networks lost many points
(WeightPruning.py of github.com/saxena-mayur/Weight-Uncertainty-in-Neural-Networks).
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Share
from bnnbench.metrics import accuracy, negative_log_likelihood
from bnnbench.networks import Network
from bnnbench.probes._base import Probe, Reading

SD_OF_RHO_ZERO = float(np.log(2))


@dataclass(frozen=True)
class Pruning(Probe):
    """`shares` of the weights are removed; predictions average `draws` draws (1 network for point estimates)."""

    shares: Annotated[tuple[Share, ...], Field(min_length=1)] = (0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99)
    draws: Count = 30

    def run(self, cell, data, seed):
        mean, sd = (torch.from_numpy(moment) for moment in cell.weight_moments())
        orders = {"magnitude": mean.abs()}
        if not cell.posterior.is_point:
            orders["signal_to_noise"] = mean.abs() / sd
            draws = torch.from_numpy(cell.weight_draws(self.draws))
            noise = generator(cell.name, "pruning").standard_normal(draws.shape, np.float32)
            noise = SD_OF_RHO_ZERO * torch.from_numpy(noise)
        for order, score in orders.items():
            for share in self.shares:
                keep = _kept(score, share, cell.network)
                networks = {"mean": mean[None] * keep}
                if order == "signal_to_noise":
                    networks |= {"draws": draws * keep, "noise": draws * keep + noise * (1 - keep)}
                for kind, weights in networks.items():
                    proba = cell.proba_of_weights(weights, data.x_test)
                    for name, metric in (("accuracy", accuracy), ("nll", negative_log_likelihood)):
                        yield Reading(f"{order}-{kind}", float(share), name, float(metric(proba, data.y_test)))


def _kept(score: torch.Tensor, share: float, network: Network) -> torch.Tensor:
    """1 for biases and for the weights that stay, 0 for the `share` of the weights whose scores are lowest."""
    is_weight = torch.cat([torch.full((p.size,), not p.is_bias) for p in network.parameters])
    weights = torch.where(is_weight)[0]
    keep = torch.ones_like(score)
    keep[weights[score[weights].argsort()[: round(share * len(weights))]]] = 0
    return keep


PROBE = Pruning
