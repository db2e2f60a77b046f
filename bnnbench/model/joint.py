"""The log joint log p(y | f_w(x)) + log p(w | s) + log p(s), defined once, for a stack of cells.

Every cell has one flat vector of unconstrained latents: first one per network weight, then one log scale per
parameter tensor (weight matrix, filter bank or bias vector), then the likelihood's own, if it has any. Log scales that
a model does not have are inert.

- Fixed scale: the weight latent is w itself, with density p(w / s) / s; all log scales are inert.
- Hyperprior: non-centred, the weight latent is z at unit scale and w = exp(log s) z; log s has the density of the
  hyperprior with the Jacobian of the exponential. Under a hyperprior that is shared, all weights have the first log
  scale, and the others are inert.

Under a prior that is centred on weights (`centre.py`) all this holds of the deviations from the centre: only what turns
latents into weights adds it, and a weight's own spread multiplies its scale.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch

from bnnbench.base.philox import generator
from bnnbench.likelihoods.categorical import Categorical
from bnnbench.model.codes import Codes
from bnnbench.model.kernels import Kernel
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.networks._apply import forward

BLOCK = 32
"""Cells that a thread computes together: kernels are compiled once, and what they need fits in the cache."""


def block_size() -> int:
    """Cells in a block: so many for each of torch's threads, whatever the stack.

    With the same shape in every call a cell's rounding does not depend on how many others there are.
    """
    return BLOCK * min(4, torch.get_num_threads())


class Terms:
    """What an objective of a block of cells is made of: `prior`, `network`, and the likelihood of outputs."""

    def __init__(self, prior: LogPrior, n_points: int):
        self.prior, self.network, self.n_points = prior, prior.network, n_points

    def log_likelihood(self, outputs: torch.Tensor, y: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """log p(y | outputs, own latents) of the whole training set, (cells,); of a batch times N / batch size."""
        found = self.prior.likelihood.log_prob(outputs, y, self.prior.own(latents))
        return found * (self.n_points / y.shape[1])


@cache
def _kernel(function, settings, network, kinds, likelihood, n_points, compiled) -> Kernel:
    """One for each objective and each kind of stack, so that it is compiled once."""
    n_codes = kinds.n_codes

    def objective(*tensors):
        prior = LogPrior(network, kinds, Codes(*tensors[-n_codes:]), likelihood)
        return function(Terms(prior, n_points), *tensors[:-n_codes], **dict(settings))

    return Kernel(objective, compiled)


def _log_likelihood(terms: Terms, latents, x, y):
    return terms.log_likelihood(forward(terms.network, terms.prior.weights(latents), x), y, latents)


def log_density(terms: Terms, latents, x, y) -> torch.Tensor:
    """The log joint, (cells,), as an objective."""
    return _log_likelihood(terms, latents, x, y) + terms.prior.log_density(latents)


@dataclass(frozen=True)
class Objective:
    """What `LogJoint.objective` makes: a kernel with what it needs of the stack, its `codes` as they are listed."""

    kernel: Kernel
    block: int
    codes: list[torch.Tensor]

    def __call__(self, inputs: list[torch.Tensor], constants) -> torch.Tensor:
        """Values (cells,), differentiable once in the inputs."""
        return self.kernel(self.block, inputs, [*constants, *self.codes])

    def with_gradient(self, inputs: list[torch.Tensor], constants) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Values (cells,) and their gradients in the inputs."""
        return self.kernel.with_gradient(self.block, inputs, [*constants, *self.codes])


class LogJoint:
    """log p(y, latents) of a stack of cells on their training data.

    `x` and `y` hold each distinct training set once: (sets, points, ...) and (sets, points); `which` (cells,) tells a
    cell's set. `likelihood` is that of classes unless given. Dense inputs are laid out as (cells, features, points)
    when they are gathered. `compiled` asks for torch.compile, which changes speed only; `block` is the number of cells
    that are computed together, `block_size()` unless given. Compiled code wants whole blocks.
    """

    def __init__(self, network, models, x, y, which, likelihood=None, *, compiled=False, block=None):
        self.network, self.models, self.which = network, models, which
        self.likelihood = likelihood or Categorical()
        self.x, self.y = x, self.likelihood.target(y)
        self.prior = LogPrior.of_models(network, models, self.likelihood, device=x.device, dtype=x.dtype)
        self.n_points, self.n_cells, self.compiled = x.shape[1], len(models), compiled
        self.block = block or block_size()

    def repeat(self, n: int) -> "LogJoint":
        """The stack with every cell n times, copies being neighbours: for chains and ensembles."""
        copy = self.take([cell for cell in range(self.n_cells) for _ in range(n)])
        copy.block = max(self.block, min(block_size(), n * self.block))
        return copy

    def take(self, cells: list[int]) -> "LogJoint":
        """The stack of these cells, in this order; a cell may be taken more than once."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.pop("all_points", None)
        copy.models, copy.which, copy.prior = [self.models[c] for c in cells], self.which[cells], self.prior.take(cells)
        copy.n_cells = len(cells)
        return copy

    def differentiable(self) -> "LogJoint":
        """The stack with copies of tensors that were made under torch.inference_mode, which no gradient can use."""
        held = [self.x, self.y, self.which, *self.prior.codes.tensors]
        if not any(t.is_inference() for t in held):
            return self
        copy = self.take(list(range(self.n_cells)))
        copy.x, copy.y, copy.which, *codes = (t.clone() for t in held)
        copy.prior = self.prior.with_codes(Codes(*codes))
        return copy

    @cached_property
    def all_points(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Every cell's whole training set, gathered once."""
        return lay_out(self.network, self.x[self.which]), self.y[self.which]

    def batches(self, streams: Streams, batch_size: int | None) -> Callable[[int], tuple[torch.Tensor, torch.Tensor]]:
        """Function of the step giving its data: inputs and labels of its points, all of them for a batch size of None.

        A network that needs noise has it after the inputs' features, drawn anew for each step, which the cells of a
        pair share. Methods need know nothing of it.
        """
        index = streams.batches(self.n_points, batch_size)
        if not self.network.noise:
            return lambda step: self.batch(index(step))
        size = min(batch_size or self.n_points, self.n_points)
        noise = streams.paired_noise("network-noise", (self.network.noise, size))

        def data(step):
            x, y = self._points(index(step))
            return torch.cat([x, noise(step)], 1), y

        return data

    def batch(self, index: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and labels of the points `index` (cells, batch); of all points for None.

        Raises ValueError for a network that needs noise, which belongs to a step.
        """
        if self.network.noise:
            raise ValueError("the network needs noise of its own in each step: ask `batches` for the step's data")
        return self._points(index)

    def with_fixed_noise(self, x: torch.Tensor) -> torch.Tensor:
        """Laid out inputs (cells, features, points) with the noise that the network needs, the same for every cell."""
        if not self.network.noise:
            return x
        made = generator("fixed", "network-noise").standard_normal((self.network.noise, x.shape[2]), np.float32)
        return torch.cat([x, torch.from_numpy(made).to(x).expand(len(x), -1, -1)], 1)

    def _points(self, index: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        if index is None:
            return self.all_points
        which = self.which.unsqueeze(1)
        return lay_out(self.network, self.x[which, index]), self.y[which, index]

    def objective(self, function, **settings) -> "Objective":
        """function(terms, *inputs, *constants, **settings) -> (cells,) as a function of two lists of tensors.

        `function` is pure, at the top level of a module, and sees `Terms` of a block of cells with the block's part of
        the tensors; tensors without axes are shared. `settings` are hashable. It is compiled where the joint is.
        """
        settings = tuple(sorted(settings.items()))
        kernel = _kernel(
            function, settings, self.network, self.prior.kinds, self.likelihood, self.n_points, self.compiled
        )
        # Two blocks at a time are a seventh faster, and round the same: they leave no rest of a vector either.
        double = self.block == block_size() and self.n_cells % (2 * self.block) == 0
        return Objective(kernel, self.block * (1 + double), self.prior.codes.tensors)

    def log_likelihood(self, latents, batch=None) -> torch.Tensor:
        """log p(y | f_w(x)) of the whole training set, (cells,); estimated from a batch by N / batch size."""
        return self.objective(_log_likelihood)([latents], self._data(batch))

    def log_density(self, latents, batch=None) -> torch.Tensor:
        """The log joint, (cells,)."""
        return self.objective(log_density)([latents], self._data(batch))

    def value_and_gradient(self, latents, batch=None) -> tuple[torch.Tensor, torch.Tensor]:
        """The log joint (cells,) and its gradient (cells, latents)."""
        value, (gradient,) = self.objective(log_density).with_gradient([latents], self._data(batch))
        return value, gradient

    def _data(self, batch):
        return self.batch(None) if batch is None else batch


def lay_out(network: Network, x: torch.Tensor) -> torch.Tensor:
    """(cells, points, ...) as the network takes it: dense inputs become (cells, features, points)."""
    return x.transpose(1, 2).contiguous() if x.dim() == 3 else x
