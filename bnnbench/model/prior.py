"""The prior of a stack of models: log p(w | s) + log p(s), and what turns latents into weights (see `joint.py`)."""

from dataclasses import dataclass, field

import numpy as np
import torch

from bnnbench.hyperpriors import Hyperprior
from bnnbench.likelihoods import Likelihood
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model.centre import Centre
from bnnbench.model.codes import Codes, Kinds, sum_by_code
from bnnbench.model.in_pieces import in_pieces, is_long
from bnnbench.networks import Network
from bnnbench.priors import Prior


@dataclass(frozen=True)
class Model:
    """A prior on all weights of a network: a family with a number as its scale, or with a hyperprior on it.

    `centre` is what it is centred on; None stands for zero. `start` (n_weights,) are the weights that optimisers and
    chains begin with, NaN where they begin with random ones, as all do for None; no density depends on it.
    """

    prior: Prior
    scale: float | None = None
    hyperprior: Hyperprior | None = None
    centre: Centre | None = field(default=None, compare=False)
    start: np.ndarray | None = field(default=None, compare=False)

    def __post_init__(self):
        if self.hyperprior is None and self.scale is None and self.prior.fixed_scale is None:
            raise ValueError(f"prior '{self.prior.name}' needs a scale or a hyperprior")
        if self.hyperprior is not None and self.prior.fixed_scale is not None:
            raise ValueError(f"prior '{self.prior.name}' has no scale to learn: it takes no hyperprior")

    @property
    def fixed(self) -> float:
        """The fixed scale; 1 where a hyperprior takes its place."""
        if self.hyperprior is not None:
            return 1.0
        return self.prior.fixed_scale or self.scale


class LogPrior:
    """log p(latents) of a stack of models that share a network and a likelihood.

    Shapes: latents (cells, n_weights + n_scales + n_own). `kinds` are the stack's families and hyperpriors, and `codes`
    tell which of them a cell has. `models` are those of the cells; None of a block within a kernel, which is made of
    the block's codes alone.
    """

    def __init__(
        self, network: Network, kinds: Kinds, codes: Codes, likelihood: Likelihood, models: list[Model] | None = None
    ):
        self.network, self.kinds, self.codes, self.likelihood, self.models = network, kinds, codes, likelihood, models
        self.n_weights, self.n_scales, self.n_own = network.n_weights, len(network.parameters), likelihood.n_latents
        self.n_latents = self.n_weights + self.n_scales + self.n_own
        self.fixed, self.learns = codes.fixed, kinds.any_learned
        self.learned, self._shared = kinds.learned(codes), kinds.shared(codes)

    @classmethod
    def of_models(
        cls,
        network: Network,
        models: list[Model],
        likelihood: Likelihood | None = None,
        device="cpu",
        dtype=torch.float32,
    ) -> "LogPrior":
        """That of a model for each cell, under the likelihood of classes unless one is given."""
        kinds = Kinds.of(models)
        return cls(network, kinds, kinds.codes(models, device, dtype), likelihood or Categorical(), models)

    def take(self, cells: list[int]) -> "LogPrior":
        """That of these cells, in this order; it serves the same kernels."""
        models = [self.models[c] for c in cells]
        return LogPrior(self.network, self.kinds, self.codes.take(cells), self.likelihood, models)

    def with_codes(self, codes: Codes) -> "LogPrior":
        """The same with other tensors of the same values."""
        return LogPrior(self.network, self.kinds, codes, self.likelihood, self.models)

    @property
    def active(self) -> torch.Tensor:
        """(cells, latents) of booleans: False for log scales that a cell does not have."""
        learned = self.learned.expand(-1, self.n_scales)
        if self._shared is not None:
            place = torch.arange(self.n_scales, device=learned.device)
            learned = learned & (~self._shared | (place == 0))
        always = [self.learned.new_ones(len(learned), n) for n in (self.n_weights, self.n_own)]
        return torch.cat([always[0], learned, always[1]], 1)

    def own(self, latents: torch.Tensor) -> torch.Tensor:
        """The likelihood's own latents, (cells, n_own)."""
        return latents[:, self.n_weights + self.n_scales :]

    def _of_scales(self, latents: torch.Tensor) -> torch.Tensor:
        return latents[:, self.n_weights : self.n_weights + self.n_scales]

    def log_scales(self, latents: torch.Tensor) -> torch.Tensor:
        """Learned log scale of each parameter tensor, (cells, n_parameters); 0 where the scale is fixed."""
        found = self._of_scales(latents)
        if self._shared is not None:
            found = torch.where(self._shared, found[:, :1], found)
        return torch.where(self.learned, found, 0.0)

    def multiplier(self, latents: torch.Tensor) -> torch.Tensor | None:
        """What turns weight latents into deviations of the weights from the prior's centre, which is zero unless it is
        centred on weights, (cells, n_weights); None where no cell learns its scales."""
        if not self.learns:
            return None
        found = self.for_weights(self.log_scales(latents).exp())
        return found if self.codes.spread is None else torch.where(self.learned, found * self.codes.spread, found)

    def for_weights(self, values: torch.Tensor) -> torch.Tensor:
        """Values of the parameter tensors (cells, n_parameters) as (cells, n_weights): each weight has its tensor's."""
        return torch.cat([values[:, i : i + 1].expand(-1, p.size) for i, p in enumerate(self.network.parameters)], 1)

    def deviations(self, latents: torch.Tensor) -> torch.Tensor:
        """Network weights less the prior's centre (cells, n_weights)."""
        multiplier = self.multiplier(latents)
        z = latents[:, : self.n_weights]
        return z if multiplier is None else z * multiplier

    def weights(self, latents: torch.Tensor) -> torch.Tensor:
        """Network weights (cells, n_weights)."""
        return self.shifted(self.deviations(latents))

    def shifted(self, deviations: torch.Tensor) -> torch.Tensor:
        """The weights that deviate so from the prior's centre, (cells, n_weights)."""
        return deviations if self.codes.centre is None else self.codes.centre + deviations

    def with_weights(self, latents: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """The latents with those of the weights replaced, so that the weights are these under the same log scales."""
        moved = weights if self.codes.centre is None else weights - self.codes.centre
        multiplier = self.multiplier(latents)
        z = moved if multiplier is None else moved / multiplier
        return torch.cat([z, latents[:, self.n_weights :]], dim=1)

    def scales(self, latents: torch.Tensor) -> torch.Tensor:
        """Prior scale of each parameter tensor (cells, n_parameters), learned or fixed; where the spread of its weights
        differs their mean."""
        found = torch.where(self.learned, self.log_scales(latents).exp(), self.fixed)
        if self.codes.spread is None:
            return found
        return found * torch.stack([self.codes.spread[:, p.start : p.stop].mean(1) for p in self.network.parameters], 1)

    def weight_scales(self) -> torch.Tensor:
        """Scale of each weight latent under the prior, (cells, n_weights) or (cells, 1): 1 where it is learned."""
        return self.fixed if self.codes.spread is None else self.fixed * self._own_spread()

    def _own_spread(self, columns: slice = slice(None)) -> torch.Tensor | None:
        """By what the scale of a weight latent is multiplied, (cells, weights of these columns): 1 where scales are
        learned, since the multiplier has it then. None where all are 1."""
        return None if self.codes.spread is None else torch.where(self.learned, 1.0, self.codes.spread[:, columns])

    def _unit(self, start: int, *latents: torch.Tensor) -> list[torch.Tensor]:
        """Those of the latents from number `start` on that are weights, at unit scale, (cells, weights) each."""
        n = max(0, self.n_weights - start)
        # Divided by one after the other, so that a spread of 1 leaves every bit as it is.
        unit = [t[:, :n] / self.fixed for t in latents]
        spread = self._own_spread(slice(start, start + unit[0].shape[1]))
        return unit if spread is None else [t / spread for t in unit]

    def _log_volume(self) -> torch.Tensor:
        """Log of the product of the weight latents' scales, (cells,)."""
        found, spread = self.n_weights * self.fixed[:, 0].log(), self.codes.spread
        if spread is None:
            return found
        if is_long(spread):
            return found + in_pieces(lambda _, part: (torch.where(self.learned, 1.0, part).log(),), [spread])[0]
        return found + self._own_spread().log().sum(1)

    def log_density(self, latents: torch.Tensor) -> torch.Tensor:
        """log p(z) + log p(log s) + log p(own), (cells,)."""
        return self.whole(self._by_family(_log_density, latents), latents)

    def expected_log_density(self, mean: torch.Tensor, sd: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
        """E[log p] under independent N(mean, sd²), (cells,): in closed form where there is one, else at `sample`."""
        return self.whole(self._by_family(_expected_log_density, mean, sd, sample), sample)

    def whole(self, of_weights: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """The log density (cells,) of latents, given the sum over the weights of that at unit scale."""
        return of_weights - self._log_volume() + self._log_hyper(latents)

    def _by_family(self, function, *latents) -> torch.Tensor:
        if self.is_one_long_row(latents[0]):
            return in_pieces(lambda start, *parts: (self._of_part(function, start, *parts),), list(latents))[0]
        return sum_by_code(self.kinds.families, self.codes.family, function, *self._unit(0, *latents))

    def is_one_long_row(self, latents: torch.Tensor) -> bool:
        """Whether latents are so many that they are taken in pieces (`in_pieces.py`), all cells having one family."""
        return len(self.kinds.families) == 1 and is_long(latents)

    def _of_part(self, function, start: int, *latents: torch.Tensor) -> torch.Tensor:
        return function(self.kinds.families[0], *self._unit(start, *latents))

    def expected_of_part(self, start: int, mean: torch.Tensor, sd: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
        """E[log p] at unit scale of each weight among the latents from number `start` on, (cells, weights)."""
        return self._of_part(_expected_log_density, start, mean, sd, sample)

    def _log_hyper(self, latents: torch.Tensor) -> torch.Tensor:
        log_scales = self._of_scales(latents)

        def density(hyperprior, log_s):
            if hyperprior is None:
                return torch.zeros_like(log_s)
            return hyperprior.log_density(log_s[:, :1] if hyperprior.shared else log_s)

        found = sum_by_code(self.kinds.hyperpriors, self.codes.hyperprior, density, log_scales)
        return found + self.likelihood.log_prior(self.own(latents)) if self.n_own else found


def _log_density(family: Prior, z: torch.Tensor) -> torch.Tensor:
    return family.log_density(z)


def _expected_log_density(family: Prior, mean: torch.Tensor, sd: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
    exact = family.expected_log_density(mean, sd)
    return family.log_density(sample) if exact is None else exact
