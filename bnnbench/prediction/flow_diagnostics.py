"""Whether a trained flow is invertible in single precision, and which inputs leave its splines' domain."""

import numpy as np
import torch

from bnnbench.inference import Posterior
from bnnbench.model.joint import lay_out
from bnnbench.model.streams import Streams
from bnnbench.networks._bijections import flow_forward, flow_inverse, outside
from bnnbench.networks._flows import Flow

DRAWS, POINTS = 5, 500
"""Draws of the posterior, and first training inputs, that are looked at."""


def flow_diagnostics(posterior: Posterior, x: torch.Tensor, which: torch.Tensor, streams: Streams) -> dict:
    """`round_trip_error` and `outside_domain` of each cell, (cells,) each; empty where the network is no flow.

    `x` (sets, points, ...) and `which` (cells,) are the training inputs, as `LogJoint` has them.
    """
    prior = posterior.prior
    flow = prior.network
    if not isinstance(flow, Flow):
        return {}
    inputs = lay_out(flow, x[:, :POINTS].flatten(2))[which]
    draws, errors, shares = posterior.draws(streams, "summary"), [], []
    with torch.no_grad():
        for s in range(1 if posterior.is_point else DRAWS):
            weights = prior.weights(draws(s))
            z = flow_forward(flow, weights, inputs)[:, :-1]
            errors.append((flow_inverse(flow, weights, z) - inputs).abs().amax((1, 2)))
            shares.append(outside(flow, weights, inputs).double().mean(1))
    worst, share = torch.stack(errors).amax(0), torch.stack(shares).mean(0)
    return {"round_trip_error": np.asarray(worst.cpu(), float), "outside_domain": np.asarray(share.cpu(), float)}
