"""What a likelihood is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # planning reads likelihoods too, and must not wait for torch
    import numpy as np
    import torch

    from bnnbench.likelihoods._summary import Summary
    from bnnbench.networks import Network


@dataclass(frozen=True)
class Likelihood:
    """p(y | outputs of the network, own latents): a dataclass of its options, in a file of its own that names it.

    Shapes, for a stack of cells: `outputs` (cells, n_outputs, points), `y` (cells, points), `own` (cells, n_latents),
    the likelihood's own unconstrained latents, such as the log of a noise's sd, which lie after the log scales of the
    prior. Equal likelihoods share compiled kernels.
    """

    task: ClassVar[str]
    """The task whose targets it describes."""
    latents: ClassVar[tuple[str, ...]] = ()
    """Names of its own positive parameters; a latent is the logarithm of each."""
    reads: ClassVar[str] = "outputs"
    """What it takes from a network: what such a network `gives`."""
    is_game: ClassVar[bool] = False
    """Whether there is no `log_prob` at all, and two networks play against each other instead."""

    @property
    def is_density(self) -> bool:
        """Whether `log_prob` is the log of a density, or an objective that no posterior belongs to."""
        return True

    @property
    def name(self) -> str:
        """The name of its file, by which a study names it."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def n_latents(self) -> int:
        return len(self.latents)

    def n_outputs(self, n_targets: int) -> int:
        """Outputs that the network needs for so many classes or columns of targets."""
        return n_targets

    def network_fault(self, network: Network) -> str | None:
        """Why it cannot read what a network gives; None where it can."""
        if network.gives == self.reads:
            return None
        return f"it gives {network.gives}, while the likelihood {self.name} reads {self.reads}"

    def skip(self, network: Network) -> str | None:
        """Why a network that it can read has no meaning under it; None where it has."""
        return None

    def data_fault(self, x: torch.Tensor) -> str | None:
        """What is wrong with training inputs (sets, points, ...) under it, with the remedy; None where nothing is."""
        return None

    def target(self, y: torch.Tensor) -> torch.Tensor:
        """The targets as kernels read them."""
        return y

    def log_prob(self, outputs: torch.Tensor, y: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """log p(y | outputs, own), summed over points, (cells,)."""
        raise NotImplementedError

    def log_prior(self, own: torch.Tensor) -> torch.Tensor:
        """Log density of its own latents, Jacobian included, (cells,)."""
        raise NotImplementedError

    def initial(self, y: torch.Tensor) -> torch.Tensor:
        """Where its own latents begin, (cells, n_latents): from the targets, not from a stream."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Its own latents (n_latents,) from their prior."""
        raise NotImplementedError

    def curvature_root(self, outputs: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Square root R of each point's expected information in its outputs, (cells, n_outputs, columns, points).

        R Rᵀ is the Fisher information of p(y | outputs, own), which does not depend on y (Martens 2020, section 9.2).
        """
        raise NotImplementedError

    def information(self, outputs: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Expected information of all points in its own latents, (cells, n_latents), which are taken as uncorrelated
        with the outputs and with each other."""
        raise NotImplementedError

    def functions(self, outputs: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """What chains are judged by, (cells, values): functions of the predictions, not of weights."""
        raise NotImplementedError

    @property
    def summary(self) -> Summary:
        """How draws of outputs become what is stored of them."""
        raise NotImplementedError

    def pymc(self, outputs, y: np.ndarray) -> None:
        """Add the observed targets y (n,) to the PyMC model that is being built, given outputs (n, n_outputs).

        Its own parameters are variables of the names in `latents`, on which PyMC puts its own log transform.
        """
        raise NotImplementedError
