"""Networks as data: a list of layers with known parameter shapes. No torch here."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, get_args

from bnnbench.base.settings import Count

Function = Literal["tanh", "relu"]
Widths = tuple[Count, ...]
"""Units or channels of layers; none is an empty list."""


@dataclass(frozen=True)
class Dense:
    """Affine map of `n_in` features to `n_out`."""

    n_in: int
    n_out: int


@dataclass(frozen=True)
class Conv:
    """2-D convolution of `n_in` channels to `n_out`, square kernel, stride 1, zero padding."""

    n_in: int
    n_out: int
    kernel: int
    padding: int = 0


@dataclass(frozen=True)
class MaxPool:
    """Maximum over non-overlapping squares of side `size`."""

    size: int = 2


@dataclass(frozen=True)
class Activation:
    """Element-wise `tanh` or `relu`."""

    function: Function

    def __post_init__(self):
        if self.function not in get_args(Function):
            raise ValueError(f"unknown activation '{self.function}': known are {', '.join(get_args(Function))}")


@dataclass(frozen=True)
class Flatten:
    """Channels, rows and columns become one axis of features."""


@dataclass(frozen=True)
class Parameter:
    """One weight matrix, filter bank or bias vector, and where it lies in the flat weight vector.

    Each has a prior scale of its own unless all share one.
    """

    name: str
    shape: tuple[int, ...]
    start: int
    fan_in: int
    gain: float = 1.0
    """What initial values by fan-in are multiplied by."""

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        return self.start + self.size

    @property
    def is_bias(self) -> bool:
        return self.name.endswith("bias")


@dataclass(frozen=True)
class Network:
    """A feed-forward network; its last layer gives `n_outputs` numbers, such as the logits of classes.

    `input_shape` is (features,) for dense networks and (channels, rows, columns) for convolutional ones.
    """

    layers: tuple
    input_shape: tuple[int, ...]
    n_outputs: int

    gives: ClassVar[str] = "outputs"
    """What its outputs are: numbers that a likelihood reads as it likes, or a bijection of the inputs."""
    compiles: ClassVar[bool] = True
    """Whether kernels on it are worth compiling, where jobs are long."""
    has_units: ClassVar[bool] = True
    """Whether its layers follow on each other and are dense or convolutional, as `forward_recorded` wants them."""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        found, start, counts = [], 0, {"conv": 0, "dense": 0}
        for layer in self.layers:
            if isinstance(layer, Dense):
                kind, shape, fan_in = "dense", (layer.n_out, layer.n_in), layer.n_in
            elif isinstance(layer, Conv):
                kind, shape = "conv", (layer.n_out, layer.n_in, layer.kernel, layer.kernel)
                fan_in = layer.n_in * layer.kernel**2
            else:
                continue
            counts[kind] += 1
            for suffix, s in (("weight", shape), ("bias", (layer.n_out,))):
                found.append(Parameter(f"{kind}{counts[kind]}.{suffix}", s, start, fan_in))
                start += found[-1].size
        return tuple(found)

    @property
    def n_weights(self) -> int:
        return self.parameters[-1].stop

    @property
    def is_convolutional(self) -> bool:
        return any(isinstance(layer, Conv) for layer in self.layers)
