"""Networks as data: a list of layers with known parameter shapes. No torch here."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

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
    """2-D convolution of `n_in` channels to `n_out`, square kernel, stride 1, zero padding.

    drops: whether dropout, where a method has it, drops its input channels, each as a whole
    """

    n_in: int
    n_out: int
    kernel: int
    padding: int = 0
    drops: bool = False


@dataclass(frozen=True)
class MaxPool:
    """Maximum over non-overlapping squares of side `size`."""

    size: int = 2


@dataclass(frozen=True)
class PlacedMaxPool:
    """Maximum over non-overlapping squares of side `size`; the last `Unpool` that is left takes the maxima's places."""

    size: int = 2


@dataclass(frozen=True)
class Unpool:
    """A map of the size from before a `PlacedMaxPool`, with its inputs where the maxima were, and zero elsewhere."""


@dataclass(frozen=True)
class PerPixel:
    """The last channels are the outputs of each pixel."""


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

    `input_shape` is (features,) for dense networks and (channels, rows, columns) for convolutional ones. Where a layer
    is `PerPixel` each pixel has outputs of its own.
    """

    layers: tuple
    input_shape: tuple[int, ...]
    n_outputs: int

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

    @property
    def is_map(self) -> bool:
        """Whether each pixel has outputs of its own."""
        return any(isinstance(layer, PerPixel) for layer in self.layers)

    @property
    def dropping(self) -> tuple[bool, ...]:
        """Of each layer with parameters, whether dropout drops its inputs: dense ones but the first, chosen others."""
        weighted = (layer for layer in self.layers if isinstance(layer, Dense | Conv))
        return tuple(layer.drops if isinstance(layer, Conv) else i > 0 for i, layer in enumerate(weighted))
