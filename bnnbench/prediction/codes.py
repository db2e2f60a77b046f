"""What a trained autoencoder's two halves do on their own: codes of inputs, and what codes are decoded to.

Of a posterior with draws the weights are those of its first draw, since codes of different weights do not compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bnnbench.base.philox import generator
from bnnbench.model.joint import lay_out
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward
from bnnbench.networks._autoencoder import Autoencoder, moments

if TYPE_CHECKING:
    from bnnbench.prediction.trained import TrainedCell

AT_ONCE = 2**22
"""Outputs of all codes that are looked at together: 16 MB in single precision."""


def encoded(cell: TrainedCell, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd of the codes of x (n, D), (n, size) each; of a plain autoencoder the sds are 0.

    Raises ValueError for a cell that is no autoencoder.
    """
    network = _network(cell)
    scaled = torch.from_numpy(cell.scaling.x(np.asarray(x, np.float32) / np.float32(cell.x_divisor)))
    with torch.no_grad():
        weights = _weights(cell)[0][:, : network.encoder.n_weights]
        given = forward(network.encoder, weights, lay_out(network, scaled[None]))
    if not network.sampled:
        return given[0].T.double().numpy(), np.zeros((len(x), network.code))
    mean, log_sd = moments(given, network.code)
    return mean[0].T.double().numpy(), log_sd[0].exp().T.double().numpy()


def decoded(cell: TrainedCell, codes: np.ndarray) -> np.ndarray:
    """E[x | z] (n, D), in units of training, of codes z (n, size)."""
    network = _network(cell)
    z = torch.from_numpy(np.asarray(codes, np.float32).T.copy())[None]
    with torch.no_grad():
        weights, own = _weights(cell)
        given = forward(network.decoder, weights[:, -network.decoder.n_weights :], z)
        return cell.likelihood.mean(given, own)[0].T.double().numpy()


def log_weights(cell: TrainedCell, x: np.ndarray, samples: int) -> np.ndarray:
    """log p(x | z) p(z) / q(z | x), (n, samples), of codes z that are drawn from q(z | x): the log of their mean over
    any number of them is at most log p(x) in the mean."""
    network = _network(cell)
    scaled = torch.from_numpy(cell.scaling.x(np.asarray(x, np.float32) / np.float32(cell.x_divisor)))
    chunk, found = max(1, AT_ONCE // (samples * network.n_outputs)), []
    with torch.no_grad():
        weights, own = _weights(cell)
        for start in range(0, len(x), chunk):
            inputs = lay_out(network, scaled[None, start : start + chunk])
            shape = 1, samples * network.code_size, inputs.shape[2]
            noise = generator(cell.name, "codes", start).standard_normal(shape, np.float32)
            outputs = forward(network, weights, torch.cat([inputs, torch.from_numpy(noise)], 1))
            reconstruction, log_prior, log_code, _ = cell.likelihood.terms(outputs, own)
            found.append((reconstruction + log_prior - log_code).unflatten(1, (-1, samples))[0])
    return torch.cat(found).double().numpy()


def _network(cell: TrainedCell) -> Autoencoder:
    if not isinstance(cell.network, Autoencoder):
        raise ValueError(f"{cell.name} is no autoencoder: it has no codes")
    return cell.network


def _weights(cell: TrainedCell) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (1, n_weights) and the likelihood's own latents (1, n_own) of the first draw."""
    prior = cell.posterior.prior
    latents = cell.posterior.draws(Streams([cell.name], [cell.name]), "new-inputs")(0)
    return prior.weights(latents), prior.own(latents)
