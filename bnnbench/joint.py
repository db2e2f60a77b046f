"""The log joint log p(y | f_w(x)) + log p(w | s) + log p(s), defined once, for a stack of cells.

Every cell has one flat vector of unconstrained latents: first one per network weight, then one log scale per
parameter tensor (weight matrix, filter bank or bias vector).

- Fixed scale: the weight latent is w itself, with density p(w / s) / s; the log scales are inert.
- Hyperprior: non-centred, the weight latent is z at unit scale and w = exp(log s) z; log s has the density of the
  hyperprior with the Jacobian of the exponential.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import torch
import torch.nn.functional as F

from bnnbench.networks import Network
from bnnbench.networks._apply import forward, forward_dropout, forward_flipout, forward_local
from bnnbench.priors import Hyperprior, Prior

BLOCK = 32
"""Cells in one call of the likelihood: fixed, so that kernels are compiled once and fit in the processor's cache."""


@dataclass(frozen=True)
class Model:
    """A prior on all weights of a network: a family with a number as its scale, or with a hyperprior on it."""

    prior: Prior
    scale: float | None = None
    hyperprior: Hyperprior | None = None

    def __post_init__(self):
        if self.hyperprior is None and self.scale is None and self.prior.fixed_scale is None:
            raise ValueError(f"prior '{self.prior.name}' needs a scale or a hyperprior")

    @property
    def fixed(self) -> float:
        """The fixed scale; 1 where a hyperprior takes its place."""
        if self.hyperprior is not None:
            return 1.0
        return self.prior.fixed_scale or self.scale


@cache
def likelihood(network: Network, kind: str, compiled: bool):
    """Function giving the summed categorical NLL in nats, (cells,); one for each network, so it compiles once.

    y is (cells, points) of class indices. Kind "weights": f(weights, x, y) with weights (cells, n_weights). "local":
    f(mean, sd, x, y, *noise), pre-activations drawn by local reparameterisation, see `forward_local`. "flipout":
    f(mean, shift, x, y, *signs), see `forward_flipout`. "dropout": f(weights, x, y, *masks), see `forward_dropout`.
    """

    def from_weights(weights, x, y):
        return _cross_entropy(forward(network, weights, x), y)

    def local(mean, sd, x, y, *noise):
        return _cross_entropy(forward_local(network, mean, sd, x, noise), y)

    def flipout(mean, shift, x, y, *signs):
        return _cross_entropy(forward_flipout(network, mean, shift, x, signs), y)

    def dropout(weights, x, y, *masks):
        return _cross_entropy(forward_dropout(network, weights, x, masks), y)

    function = {"weights": from_weights, "local": local, "flipout": flipout, "dropout": dropout}[kind]
    return _Kernel(function, compiled)


def _cross_entropy(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    log_proba = F.log_softmax(logits, dim=1)
    # A product with indicators: picking by index, or by a mask, breaks compiled loops into scalar code.
    chosen = F.one_hot(y, logits.shape[1]).transpose(1, 2).to(log_proba.dtype)
    return -(log_proba * chosen).sum(1).sum(1)


class _Kernel:
    """A function of stacked tensors giving (cells,), and the same with its gradient, compiled or not.

    Compiled as one, forward and backward pass are fused: half the time of a compiled forward pass under autograd.
    """

    def __init__(self, function, compiled: bool):
        self._function, self._compiled, self._gradients = function, compiled, {}
        self._value = torch.compile(function, dynamic=False) if compiled else function

    def __call__(self, *tensors: torch.Tensor) -> torch.Tensor:
        return self._value(*tensors)

    def with_gradient(self, n_inputs: int, *tensors: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Values (cells,) and their gradients in the first `n_inputs` tensors."""
        if not self._compiled:
            inputs = [t.detach().requires_grad_() for t in tensors[:n_inputs]]
            with torch.enable_grad():
                value = self._function(*inputs, *tensors[n_inputs:])
                return value.detach(), torch.autograd.grad(value.sum(), inputs)
        if n_inputs not in self._gradients:
            self._gradients[n_inputs] = torch.compile(self._gradient(n_inputs), dynamic=False)
        return self._gradients[n_inputs](*(t.detach() for t in tensors))

    def _gradient(self, n_inputs: int):
        def both(*tensors):
            def total(*inputs):
                value = self._function(*inputs, *tensors[n_inputs:])
                return value.sum(), value

            inputs = tuple(range(n_inputs))
            gradients, value = torch.func.grad(total, argnums=inputs, has_aux=True)(*tensors[:n_inputs])
            return value, gradients

        return both


class LogPrior:
    """log p(latents) of a stack of models that share a network. Shapes: latents (cells, n_weights + n_parameters).

    Cells of the same family are evaluated together on slices: sort the models by family and hyperprior to keep the
    slices few. Unlike a `where` over families, slices leak no NaN gradient from one cell to another.
    """

    def __init__(self, network: Network, models: list[Model], device="cpu", dtype=torch.float32):
        self.network, self.models, self.device, self.dtype = network, models, device, dtype
        self.n_weights, self.n_scales = network.n_weights, len(network.parameters)
        self.n_latents = self.n_weights + self.n_scales
        sizes = torch.tensor([p.size for p in network.parameters], device=device)
        self._parameter_of_weight = torch.repeat_interleave(torch.arange(self.n_scales, device=device), sizes)
        self.fixed = torch.tensor([[m.fixed] for m in models], device=device, dtype=dtype)
        self.learned = torch.tensor([[m.hyperprior is not None] for m in models], device=device)
        self._families = _runs([m.prior for m in models])
        self._hyperpriors = _runs([m.hyperprior for m in models])

    @cached_property
    def active(self) -> torch.Tensor:
        """(cells, latents) of booleans: False for the log scales of cells whose scale is fixed."""
        weights = torch.ones(len(self.models), self.n_weights, dtype=torch.bool, device=self.device)
        return torch.cat([weights, self.learned.expand(-1, self.n_scales)], dim=1)

    def multiplier(self, latents: torch.Tensor) -> torch.Tensor | None:
        """What turns weight latents into weights, (cells, n_weights); None where no cell learns its scales."""
        if not any(m.hyperprior for m in self.models):
            return None
        log_scales = torch.where(self.learned, latents[:, self.n_weights :], 0.0)
        return log_scales.exp()[:, self._parameter_of_weight]

    def weights(self, latents: torch.Tensor) -> torch.Tensor:
        """Network weights (cells, n_weights)."""
        multiplier = self.multiplier(latents)
        z = latents[:, : self.n_weights]
        return z if multiplier is None else z * multiplier

    def scales(self, latents: torch.Tensor) -> torch.Tensor:
        """Prior scale of each parameter tensor (cells, n_parameters), learned or fixed."""
        return torch.where(self.learned, latents[:, self.n_weights :].exp(), self.fixed)

    def log_density(self, latents: torch.Tensor) -> torch.Tensor:
        """log p(z) + log p(log s), (cells,)."""
        unit = latents[:, : self.n_weights] / self.fixed
        parts = [family.log_density(unit[run]).sum(1) for run, family in self._families]
        return torch.cat(parts) - self.n_weights * self.fixed[:, 0].log() + self._log_hyper(latents)

    def expected_log_density(self, mean: torch.Tensor, sd: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
        """E[log p] under independent N(mean, sd²), (cells,): in closed form where there is one, else at `sample`."""
        w = slice(0, self.n_weights)
        unit_mean, unit_sd, unit_sample = (
            mean[:, w] / self.fixed,
            sd[:, w] / self.fixed,
            sample[:, w] / self.fixed,
        )
        parts = []
        for run, family in self._families:
            exact = family.expected_log_density(unit_mean[run], unit_sd[run])
            parts.append((family.log_density(unit_sample[run]) if exact is None else exact).sum(1))
        return torch.cat(parts) - self.n_weights * self.fixed[:, 0].log() + self._log_hyper(sample)

    def _log_hyper(self, latents: torch.Tensor) -> torch.Tensor:
        log_scales = latents[:, self.n_weights :]
        parts = [
            log_scales.new_zeros(log_scales[run].shape[0]) if h is None else h.log_density(log_scales[run]).sum(1)
            for run, h in self._hyperpriors
        ]
        return torch.cat(parts)


def _runs(objects: list) -> list[tuple[slice, object]]:
    """Stretches of equal neighbours (same class and settings) as slices."""

    def facts(o):
        return (type(o), tuple(sorted(vars(o).items()))) if o is not None else None

    starts = [i for i in range(len(objects)) if i == 0 or facts(objects[i]) != facts(objects[i - 1])]
    stops = [*starts[1:], len(objects)]
    return [(slice(a, b), objects[a]) for a, b in zip(starts, stops, strict=True)]


class LogJoint:
    """log p(y, latents) of a stack of cells on their training data.

    `x` and `y` hold each distinct training set once: (sets, points, ...) and (sets, points); `which` (cells,) tells a
    cell's set. Dense inputs are laid out as (cells, features, points) when they are gathered. `compiled` asks for
    torch.compile, which changes speed only; `block` is the number of cells in one call of the likelihood.
    """

    def __init__(self, network, models, x, y, which, *, compiled=False, block=BLOCK):
        self.network, self.models, self.which = network, models, which
        self.x, self.y = x, y
        self.prior = LogPrior(network, models, device=x.device, dtype=x.dtype)
        self.n_points, self.n_cells, self.block, self.compiled = x.shape[1], len(models), block, compiled
        self._nll, self._local_nll, self._flipout_nll, self._dropout_nll = (
            likelihood(network, kind, compiled) for kind in ("weights", "local", "flipout", "dropout")
        )

    def repeat(self, n: int) -> "LogJoint":
        """The stack with every cell n times, copies being neighbours: for chains and ensembles."""
        copy = self.take([cell for cell in range(self.n_cells) for _ in range(n)])
        copy.block = max(self.block, min(BLOCK, n * self.block))
        return copy

    def take(self, cells: list[int]) -> "LogJoint":
        """The stack of these cells, in this order; a cell may be taken more than once."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.pop("all_points", None)
        copy.models, copy.which = [self.models[c] for c in cells], self.which[cells]
        copy.prior = LogPrior(self.network, copy.models, device=self.x.device, dtype=self.x.dtype)
        copy.n_cells = len(cells)
        return copy

    @cached_property
    def all_points(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Every cell's whole training set, gathered once."""
        return lay_out(self.network, self.x[self.which]), self.y[self.which]

    def batch(self, index: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and labels of the points `index` (cells, batch); of all points for None."""
        if index is None:
            return self.all_points
        which = self.which.unsqueeze(1)
        return lay_out(self.network, self.x[which, index]), self.y[which, index]

    def log_likelihood(self, weights, batch=None) -> torch.Tensor:
        """log p(y | f_w(x)) of the whole training set, (cells,); estimated from a batch by N / batch size."""
        x, y = self.batch(None) if batch is None else batch
        return -_blocked(self._nll, self.block, [weights], [x, y]) * (self.n_points / y.shape[1])

    def output_curvature(self, logits: torch.Tensor) -> torch.Tensor:
        """Square root R of the Hessian of each point's NLL in its outputs, (cells, outputs, columns, points).

        R Rᵀ is the Hessian; for the categorical diag(p) - p pᵀ, with R = diag(√p) - p √pᵀ since p sums to one. It does
        not depend on the label. A joint with another likelihood has another.
        """
        proba = torch.softmax(logits, dim=1)
        root = proba.sqrt()
        diagonal = torch.diag_embed(root.transpose(1, 2)).permute(0, 2, 3, 1)
        return diagonal - proba.unsqueeze(2) * root.unsqueeze(1)

    def local_log_likelihood(self, mean, sd, noise, batch) -> torch.Tensor:
        """The same with pre-activations drawn around weights N(mean, sd²)."""
        x, y = batch
        return -_blocked(self._local_nll, self.block, [mean, sd], [x, y, *noise]) * (self.n_points / y.shape[1])

    def flipout_log_likelihood(self, mean, shift, signs, batch) -> torch.Tensor:
        """The same under weights mean + shift, the shift sign-flipped for each example."""
        x, y = batch
        return -_blocked(self._flipout_nll, self.block, [mean, shift], [x, y, *signs]) * (self.n_points / y.shape[1])

    def dropout_log_likelihood(self, weights, masks, batch) -> torch.Tensor:
        """The same with the inputs of dense layers multiplied by masks."""
        x, y = batch
        return -_blocked(self._dropout_nll, self.block, [weights], [x, y, *masks]) * (self.n_points / y.shape[1])

    def log_density(self, latents, batch=None) -> torch.Tensor:
        """The log joint, (cells,)."""
        return self.log_likelihood(self.prior.weights(latents), batch) + self.prior.log_density(latents)


def lay_out(network: Network, x: torch.Tensor) -> torch.Tensor:
    """(cells, points, ...) as the network takes it: dense inputs become (cells, features, points)."""
    return x.transpose(1, 2).contiguous() if x.dim() == 3 else x


class _Blocked(torch.autograd.Function):
    """A function of blocks of cells, its gradient taken block by block while the block is in the cache."""

    @staticmethod
    def forward(ctx, function, block, n_inputs, *tensors):
        values, gradients = [], []
        for start in range(0, tensors[0].shape[0], block):
            value, gradient = function.with_gradient(n_inputs, *(t[start : start + block] for t in tensors))
            values.append(value)
            gradients.append(gradient)
        ctx.save_for_backward(*[torch.cat(g) for g in zip(*gradients, strict=True)])
        ctx.n_constants = len(tensors) - n_inputs
        return torch.cat(values)

    @staticmethod
    def backward(ctx, upstream):
        inputs = [upstream.unsqueeze(1) * g for g in ctx.saved_tensors]
        return None, None, None, *inputs, *[None] * ctx.n_constants


def _blocked(function, block: int, inputs: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
    """function(*inputs, *constants) -> (cells,), in blocks along the leading axis; differentiable in `inputs`."""
    if not torch.is_grad_enabled() or not any(t.requires_grad for t in inputs):
        stops = range(0, inputs[0].shape[0], block)
        return torch.cat([function(*[t[s : s + block] for t in [*inputs, *constants]]) for s in stops])
    return _Blocked.apply(function, block, len(inputs), *inputs, *constants)
