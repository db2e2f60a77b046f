"""Samples of a trained generator beyond the stored ones: from the middle of training, and along its codes."""

import numpy as np
import torch

from bnnbench.inference._alternate import snapshot_steps
from bnnbench.inference._game import Codes
from bnnbench.model.streams import Streams
from bnnbench.networks._play import generate
from bnnbench.prediction.trained import TrainedCell


@torch.no_grad()
def over_training(cell: TrainedCell, steps: int, n: int) -> dict[int, np.ndarray]:
    """n samples (n, features) by the step after which the generator was kept, and those of the last step.

    They are of the same noise at every step. `steps` are those of training.
    """
    arrays, network = cell.posterior.arrays, cell.network
    weights, codes = _weights(cell), Codes(network, _noise(cell, n))
    kept = arrays["snapshots"].unbind(1) if "snapshots" in arrays else ()
    generators = {step: torch.cat([z, weights[:, network.n_generator :]], 1)
                  for step, z in zip(snapshot_steps(steps, len(kept)), kept, strict=True)}  # fmt: skip
    generators[steps] = weights
    return {step: generate(network, w, codes.inputs)[0].T.numpy() for step, w in generators.items()}


@torch.no_grad()
def traversal(cell: TrainedCell, n_rows: int, continuous: bool) -> np.ndarray:
    """Samples (n_rows, categories, features), a column a category of the code, the noise of a row being the same.

    With `continuous` the first continuous code goes from -1 to 1 from row to row, under one noise; else rows have
    noises of their own. ValueError where the network lacks such codes.
    """
    network = cell.network
    if network.categories < 1 or (continuous and network.continuous < 1):
        raise ValueError(f"{cell.name}: its network has no such codes")
    k = network.categories
    inputs = Codes(network, _noise(cell, n_rows)).inputs.repeat_interleave(k, dim=2)
    inputs[:, network.n_noise : network.n_noise + k] = torch.eye(k).repeat(1, n_rows)
    if continuous:
        inputs[:, : network.n_noise] = inputs[:, : network.n_noise, :1]
        first = network.n_noise + k
        inputs[:, first] = torch.linspace(-1, 1, n_rows).repeat_interleave(k)
    return generate(network, _weights(cell), inputs)[0].T.reshape(n_rows, k, -1).numpy()


def _weights(cell: TrainedCell) -> torch.Tensor:
    return cell.posterior.prior.weights(cell.posterior.arrays["loc"])


def _noise(cell: TrainedCell, n: int) -> torch.Tensor:
    """(1, n, n_latent)."""
    return Streams([cell.name], [cell.name]).normals("shown", (n, cell.network.n_latent)).step(0)
