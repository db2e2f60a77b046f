"""A trained cell, ready to predict on inputs that it has not seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from bnnbench import hyperpriors, likelihoods, networks, priors, tasks
from bnnbench.datasets._scaling import UNSCALED, Scaling
from bnnbench.inference import GaussianPosterior, Posterior, make
from bnnbench.likelihoods import Likelihood
from bnnbench.metrics import Summary
from bnnbench.model.centre import Centre
from bnnbench.model.joint import lay_out
from bnnbench.model.prior import LogPrior, Model
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.networks._apply import forward
from bnnbench.prediction.predict import points_at_once, predict

if TYPE_CHECKING:
    import xarray as xr

    from bnnbench.datasets import DataSet
    from bnnbench.study.cells import Cell


@dataclass(frozen=True)
class TrainedCell:
    """A network with its posterior. `x_divisor` is what raw inputs, such as pixels, are divided by, and `scaling` what
    turns inputs and targets into those of training after that.

    Methods of classes (`predict_proba`, `sample_proba` and the like) are of tasks whose likelihood has classes.
    """

    network: Network
    posterior: Posterior
    name: str
    x_divisor: float = 1.0
    scaling: Scaling = UNSCALED

    @property
    def likelihood(self) -> Likelihood:
        return self.posterior.prior.likelihood

    @property
    def n_classes(self) -> int:
        return self.likelihood.n_classes(self.network.n_outputs)

    @classmethod
    def build(
        cls, cell: "Cell", data: "DataSet", arrays: "xr.Dataset", centre: "xr.Dataset | None" = None
    ) -> "TrainedCell":
        """Rebuild a cell of a plan from its stored posterior, trained on `data`, and what its prior is centred on."""
        network = build_network(cell, data)
        tensors = {name: torch.from_numpy(np.asarray(values))[None] for name, values in arrays.data_vars.items()}
        kept = centre and Centre(*(np.asarray(centre[name]) for name in ("weights", "spread")))
        prior = LogPrior.of_models(network, [build_model(cell, kept)], build_likelihood(cell))
        posterior = make(cell.inference, cell.settings).posterior_class(prior, tensors)
        return cls(network, posterior, cell.id, data.x_divisor, data.scaling(cell.seed))

    def predict_proba(self, x: np.ndarray, n_draws: int = 100) -> np.ndarray:
        """Class probabilities (n, classes), the mean over posterior draws."""
        total, count = np.zeros((len(x), self.n_classes)), 0
        for s, rows, proba in self.each_draw(x, n_draws):
            total[rows] += proba
            count = s + 1
        return total / max(count, 1)

    def each_draw(self, x: np.ndarray, n_draws: int = 100) -> Iterator[tuple[int, slice, np.ndarray]]:
        """(number of the draw, rows, their class probabilities (rows, classes)), draw by draw and in chunks of rows.

        The draws of `sample_proba`, for those who need no more than totals over them: what is held at a time does not
        grow with their number. A point estimate's only draw comes once.
        """
        x, chunk = self._checked(x), points_at_once(self.network)
        chunks = [slice(start, start + chunk) for start in range(0, len(x), chunk)]
        inputs = [lay_out(self.network, x[rows][None]) for rows in chunks]
        for s, latents in enumerate(self._passes(n_draws)):
            for rows, part in zip(chunks, inputs, strict=True):
                yield s, rows, self._proba(self._outputs(latents, part)).numpy()

    def sample_proba(self, x: np.ndarray, n_draws: int = 100) -> np.ndarray:
        """Class probabilities of single draws, (n_draws, n, classes). `x` is (n, ...) on the raw scale."""
        return self._sample(x, n_draws, torch.float64, self._proba)

    def sample_logits(self, x: np.ndarray, n_draws: int = 100) -> np.ndarray:
        """Inputs of the softmax, as `sample_proba`."""
        return self._sample(x, n_draws, torch.float32, lambda outputs: outputs[:, : self.n_classes])

    def _sample(self, x, n_draws, dtype, function) -> np.ndarray:
        """function(outputs (n, n_outputs)) of each draw, (n_draws, n, classes); a point estimate's is computed once."""
        x, passes = self._checked(x), 1 if self.posterior.is_point else n_draws
        inputs = lay_out(self.network, x[None])
        found = torch.empty(passes, len(x), self.n_classes, dtype=dtype)
        for s, latents in enumerate(self._passes(n_draws)):
            found[s] = function(self._outputs(latents, inputs))
        return found.expand(n_draws, -1, -1).numpy()

    def _passes(self, n_draws: int) -> Iterator[torch.Tensor]:
        """The draws of the latents for new inputs: of a point estimate one."""
        if n_draws < 1:
            raise ValueError(f"n_draws must be at least 1, got {n_draws}")
        return self._latents(1 if self.posterior.is_point else n_draws, "new-inputs")

    def _proba(self, outputs: torch.Tensor) -> torch.Tensor:
        """Probabilities (n, classes), float64, of outputs (n, n_outputs)."""
        return self.likelihood.proba(outputs.T[None])[0].T.double()

    @torch.no_grad()
    def _outputs(self, latents: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """Of one draw, (n, n_outputs)."""
        network_inputs = self.posterior.network_inputs(latents)
        return self.posterior.logits(self.network, inputs, *network_inputs)[0].T.contiguous()

    def predictions(self, x: np.ndarray, n_draws: int = 100) -> Summary:
        """What the task sums up of the draws' predictions at `x`: of classes their moments and votes."""
        which, streams = torch.zeros(1, dtype=torch.long), Streams([self.name], [self.name])
        new = {"split": "new-inputs", "purpose": "new-inputs", "block": 1}
        arrays = predict(self.posterior, self._checked(x)[None], which, streams, n_draws, **new)
        task = tasks.find(self.likelihood.task)
        units = (np.array([value]) for value in task.units(self.scaling))
        return task.summarise(task.rescaled(arrays, *units), 0, n_draws)

    def _checked(self, x: np.ndarray) -> torch.Tensor:
        with np.errstate(over="ignore"):  # what single precision cannot hold is refused below
            x = np.asarray(x, dtype=np.float32) / np.float32(self.x_divisor)
        if x.shape[1:] != self.network.input_shape:
            raise ValueError(f"{self.name} takes inputs of shape (n, {self.network.input_shape}), got {x.shape}")
        if not np.isfinite(self.scaling.filled(x)).all():
            raise ValueError(
                "inputs hold NaN or infinite values, or such as single precision cannot hold: remove, impute or rescale"
            )
        return torch.from_numpy(self.scaling.x(x))

    def proba_of_weights(self, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Class probabilities (n, classes), the mean over networks with the given weights (networks, n_weights)."""
        inputs = lay_out(self.network, self._checked(x)[None])
        total = 0.0
        with torch.no_grad():
            for row in torch.from_numpy(np.asarray(weights, np.float32)):
                total = total + self.likelihood.proba(forward(self.network, row[None], inputs))[0].T.double()
        return (total / len(weights)).numpy()

    def weight_moments(self, n_draws: int = 200) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of each weight, (n_weights,): the posterior's own where it is Gaussian, else over the draws.

        Where a learned scale multiplies them the mean is that of the latents at their `loc`.
        """
        arrays, prior = self.posterior.arrays, self.posterior.prior
        if type(self.posterior) is GaussianPosterior and prior.multiplier(arrays["loc"]) is None:
            mean = prior.shifted(arrays["loc"][:, : prior.n_weights])[0]
            return mean.numpy(), arrays["sd"][0, : prior.n_weights].numpy()
        count, mean, squares = 0, 0.0, 0.0
        with torch.no_grad():
            for latents in self._latents(1 if self.posterior.is_point else n_draws, "weights"):
                w = self._weights(latents)[0].double()
                count, delta = count + 1, w - mean
                mean = mean + delta / count
                squares = squares + delta * (w - mean)
            loc = self.posterior.arrays.get("loc")
            if loc is not None and loc.ndim == 2:  # a mixture has one for each member
                mean = self._weights(loc)[0]
        return mean.float().numpy(), (squares / count).sqrt().float().numpy()

    def weight_draws(self, n_draws: int = 100) -> np.ndarray:
        """Draws of the network's weights, (n_draws, n_weights), in the order of `network.parameters`."""
        with torch.no_grad():
            return torch.cat([self._weights(z) for z in self._latents(n_draws, "weights")]).numpy()

    def _weights(self, latents: torch.Tensor) -> torch.Tensor:
        return self.posterior.prior.weights(latents)

    def _latents(self, n_draws: int, purpose: str):
        draw = self.posterior.draws(Streams([self.name], [self.name]), purpose)
        return (draw(s) for s in range(n_draws))


def build_model(cell, centre: Centre | None = None, start: np.ndarray | None = None) -> Model:
    """The prior of a cell of the grid, with its scale or hyperprior, and what it is centred on and begins with."""
    family = priors.make(cell.family, cell.family_options)
    if cell.hyperprior == "fixed":
        return Model(family, cell.scale, centre=centre, start=start)  # None where the family has a scale of its own
    hyperprior = hyperpriors.make(cell.hyperprior, cell.hyperprior_options)
    return Model(family, hyperprior=hyperprior, centre=centre, start=start)


def build_likelihood(cell) -> Likelihood:
    """The likelihood of a cell of the grid."""
    return likelihoods.make(cell.likelihood, cell.likelihood_options)


def build_network(cell, data: "DataSet") -> Network:
    """The network of a cell of the grid, with the outputs that its likelihood needs."""
    likelihood = build_likelihood(cell)
    network = networks.make(cell.network_options, data.x_pool.shape[1:], likelihood.n_outputs(data.n_classes))
    if fault := likelihood.network_fault(network):
        raise ValueError(f"network '{cell.network}': {fault}")
    return network
