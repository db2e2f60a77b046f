"""A trained cell, ready to predict on inputs that it has not seen."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from bnnbench import networks, priors
from bnnbench.inference import Posterior, make
from bnnbench.joint import LogPrior, Model, lay_out
from bnnbench.networks import Network
from bnnbench.streams import Streams

if TYPE_CHECKING:
    from bnnbench.results import Results


@dataclass(frozen=True)
class TrainedCell:
    """A network with its posterior. `x_divisor` is what raw inputs, such as pixels, are divided by."""

    network: Network
    posterior: Posterior
    name: str
    x_divisor: float = 1.0

    @classmethod
    def load(cls, results: "Results", cell_id: str) -> "TrainedCell":
        """Rebuild a cell from its stored posterior and the config that the tables carry."""
        row = results.row(cell_id)
        cell = next(c for c in results.plan.cells if c.id == cell_id)
        data = results.data(row.dataset)
        network = networks.make(cell.network_options, data.x_pool.shape[1:], data.n_classes)
        arrays = results.arrays(cell_id, "posterior")
        tensors = {name: torch.from_numpy(np.asarray(values))[None] for name, values in arrays.data_vars.items()}
        prior = LogPrior(network, [build_model(cell)])
        posterior = make(cell.inference, cell.settings).posterior_class(prior, tensors)
        return cls(network, posterior, cell_id, data.x_divisor)

    def predict_proba(self, x: np.ndarray, n_draws: int = 100) -> np.ndarray:
        """Class probabilities (n, classes), the mean over posterior draws."""
        return self.sample_proba(x, n_draws).mean(0)

    def sample_proba(self, x: np.ndarray, n_draws: int = 100) -> np.ndarray:
        """Class probabilities of single draws, (n_draws, n, classes). `x` is (n, ...) on the raw scale."""
        x = np.asarray(x, dtype=np.float32) / np.float32(self.x_divisor)
        if x.shape[1:] != self.network.input_shape:
            raise ValueError(f"{self.name} takes inputs of shape (n, {self.network.input_shape}), got {x.shape}")
        if not np.isfinite(x).all():
            raise ValueError("inputs hold NaN or infinite values: remove or impute them")
        inputs = lay_out(self.network, torch.from_numpy(x)[None])
        with torch.no_grad():
            draws = [
                torch.softmax(self.posterior.logits(self.network, inputs, *self.posterior.network_inputs(z))[0], 0).T
                for z in self._latents(n_draws, "new-inputs")
            ]
        return torch.stack(draws).double().numpy()

    def weight_draws(self, n_draws: int = 100) -> np.ndarray:
        """Draws of the network's weights, (n_draws, n_weights), in the order of `network.parameters`."""
        with torch.no_grad():
            return torch.cat([self._weights(z) for z in self._latents(n_draws, "weights")]).numpy()

    def _weights(self, latents: torch.Tensor) -> torch.Tensor:
        return self.posterior.prior.weights(latents)

    def _latents(self, n_draws: int, purpose: str):
        draw = self.posterior.draws(Streams([self.name], [self.name]), purpose)
        return (draw(s) for s in range(n_draws))


def build_model(cell) -> Model:
    """The prior of a cell of the grid, with its scale or hyperprior."""
    family = priors.make(cell.prior, cell.prior_options)
    if cell.hyperprior == "fixed":
        return Model(family, cell.scale)
    return Model(family, hyperprior=priors.make_hyperprior(cell.hyperprior))
