"""Flows as data: a list of invertible layers from inputs to standard normal coordinates. No torch here.

A flow is a network like others: its parameters lie in the flat vector of weights, so that priors, scales and methods
apply to it. Its outputs are the coordinates z(x) and, last, log|det dz/dx|.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

from bnnbench.networks._layers import Function, Network, Parameter

Transform = Literal["affine", "spline"]
NEAR_IDENTITY = 0.1
"""What initial values are multiplied by of parameters at which 0 means that nothing is changed."""


class Tensor(NamedTuple):
    """A layer's parameter tensor: its name within the layer, its shape, and what its initial values are scaled by."""

    name: str
    shape: tuple[int, ...]
    fan_in: int = 1
    gain: float = NEAR_IDENTITY


@dataclass(frozen=True)
class Affine:
    """Each of `n` features times exp(log_scale) plus shift."""

    n: int
    kind: ClassVar[str] = "affine"

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return Tensor("log_scale", (self.n,)), Tensor("shift", (self.n,))


@dataclass(frozen=True)
class Logit:
    """Each of `n` features in [0, 1] by the logit of margin + (1 - 2 margin) x (Papamakarios et al. 2017, section 5.1).

    It is divided by LOGIT_UNIT, so that what follows is given numbers of order 1. Beyond 0 and 1 it goes on along its
    tangents, so that it is a bijection of all numbers.
    """

    n: int
    margin: float
    kind: ClassVar[str] = "logit"
    tensors: ClassVar[tuple[Tensor, ...]] = ()


@dataclass(frozen=True)
class Permute:
    """Features in another order: the i-th is the `order[i]`-th."""

    order: tuple[int, ...]
    kind: ClassVar[str] = "permute"
    tensors: ClassVar[tuple[Tensor, ...]] = ()


@dataclass(frozen=True)
class Spline:
    """Each of `n` features by a monotone rational-quadratic spline of its own (Durkan et al. 2019).

    `bins` of them between -bound and bound, and the identity beyond.
    """

    n: int
    bins: int
    bound: float
    kind: ClassVar[str] = "spline"

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return (Tensor("knots", (self.n, knots(self.bins))),)


@dataclass(frozen=True)
class Coupling:
    """The last `n - given` features by a transform whose parameters a perceptron computes from the first `given`.

    The transform is `affine` (Dinh et al. 2017), its log scale held within LOG_SCALE, or `spline`, as in `Spline`.
    """

    n: int
    given: int
    transform: Transform
    hidden: tuple[int, ...]
    activation: Function
    bins: int
    bound: float
    kind: ClassVar[str] = "coupling"

    @property
    def per_feature(self) -> int:
        """Parameters of the transform of one feature."""
        return knots(self.bins) if self.transform == "spline" else 2

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        widths = (self.given, *self.hidden, (self.n - self.given) * self.per_feature)
        found = []
        for i, (n_in, n_out) in enumerate(itertools.pairwise(widths), 1):
            gain = NEAR_IDENTITY if i == len(widths) - 1 else 1.0
            found += [
                Tensor(f"dense{i}.weight", (n_out, n_in), n_in, gain),
                Tensor(f"dense{i}.bias", (n_out,), n_in, gain),
            ]
        return tuple(found)


LOGIT_UNIT = 4.0
"""About the sd of the logits of grey levels: black ones, spread out within their level, lie around -6."""
LOG_SCALE = 3.0
"""The log scale of an affine coupling is held within plus and minus this, softly."""


def knots(bins: int) -> int:
    """Parameters of a spline: widths and heights of its bins, and slopes between them."""
    return 3 * bins - 1


@dataclass(frozen=True)
class Flow(Network):
    """Invertible layers on inputs (features,); `n_outputs` is one more than there are features."""

    gives: ClassVar[str] = "bijection"
    has_units: ClassVar[bool] = False
    compiles: ClassVar[bool] = False  # the compiler takes minutes over their many small operations

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        found, start, counts = [], 0, {}
        for layer in self.layers:
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            for tensor in layer.tensors:
                name = f"{layer.kind}{counts[layer.kind]}.{tensor.name}"
                found.append(Parameter(name, tensor.shape, start, tensor.fan_in, tensor.gain))
                start += found[-1].size
        return tuple(found)

    @property
    def n_features(self) -> int:
        return self.n_outputs - 1

    @property
    def is_convolutional(self) -> bool:
        return False
