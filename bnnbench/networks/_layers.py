"""Networks as data: a list of layers with known parameter shapes. No torch here."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from bnnbench.base.settings import Count

Function = Literal["tanh", "relu"]
CellKind = Literal["lstm", "gru"]
Widths = Annotated[tuple[Count, ...], Field(max_length=100)]
"""Units or channels of layers; none is an empty list."""


@dataclass(frozen=True)
class Dense:
    """Affine map of `n_in` features to `n_out`."""

    n_in: int
    n_out: int


@dataclass(frozen=True)
class Conv:
    """2-D convolution of `n_in` channels to `n_out`, square kernel, zero padding, every `stride`-th row and column.

    drops: whether dropout, where a method has it, drops its input channels, each as a whole
    gain: what initial values of its filters are multiplied by
    """

    n_in: int
    n_out: int
    kernel: int
    padding: int = 0
    drops: bool = False
    stride: int = 1
    gain: float = 1.0

    def side_after(self, side: int) -> int:
        """Rows of its outputs for inputs of so many; columns likewise."""
        return (side + 2 * self.padding - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class MaxPool:
    """Maximum over squares of side `size`, so far apart as `stride` says, which without it do not overlap.

    padding: pixels around, which are never the maximum
    """

    size: int = 2
    stride: int | None = None
    padding: int = 0

    def side_after(self, side: int) -> int:
        """Rows of its outputs for inputs of so many; columns likewise."""
        return (side + 2 * self.padding - self.size) // (self.stride or self.size) + 1


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
class Rows:
    """An image as a sequence: a step for each row from the top, whose features are its pixels, channel by channel."""


@dataclass(frozen=True)
class Symbols:
    """Codes of symbols, 0 ... n_symbols - 1, as a sequence of indicators (one-hot)."""

    n_symbols: int


@dataclass(frozen=True)
class Recurrent:
    """Long short-term memory or gated recurrent unit: a sequence of `n_in` features to one of `n_units` states.

    It begins at a state of zeros. `forget_bias` is added to what the forget gate of an LSTM is computed from, on top of
    its bias, so that a prior centred at zero is one of networks that remember (Jozefowicz et al. 2015).
    """

    cell: CellKind
    n_in: int
    n_units: int
    forget_bias: float = 0.0


@dataclass(frozen=True)
class LastStep:
    """The last step of a sequence alone: features of a point."""


@dataclass(frozen=True)
class EachStep:
    """Every step of a sequence as a point of its own, the steps of a sequence being neighbours."""


class OwnLayer:
    """A layer without weights that a network's own file defines, a subclass of this, and that says itself what it does.

    So that a new one changes no other network's keys.
    """

    def apply(self, h: Any, kept: list) -> Any:
        """A layer's outputs (cells, features, points), of images (points, cells * channels, rows, columns); `kept` is
        what earlier layers of the pass put aside."""
        raise NotImplementedError

    def size_after(self, size: tuple[int, ...], kept: list) -> tuple[int, ...]:
        """Rows and columns of its outputs, given those of its inputs; `kept` is of such pairs here."""
        return size


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
    drops: bool = False
    """Whether dropout, where a method has it, sets inputs that it multiplies to zero."""

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
    """Layers one after the other; the last gives `n_outputs` numbers, such as the logits of classes.

    `input_shape` is (features,) for dense networks, (channels, rows, columns) for convolutional ones and those that
    read an image row by row, and (steps,) for those that read symbols. Where a layer is `PerPixel` each pixel has
    outputs of its own.
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
        found, start, counts = [], 0, Counter()
        for layer in self.layers:
            kind, shapes = _tensors(layer)
            counts[kind] += 1
            for suffix, shape, fan_in in shapes:
                drops = not suffix.endswith("bias") and _drops(layer, start == 0)
                gain = 1.0 if suffix.endswith("bias") else getattr(layer, "gain", 1.0)
                found.append(Parameter(f"{kind}{counts[kind]}.{suffix}", shape, start, fan_in, gain, drops))
                start += found[-1].size
        return tuple(found)

    @property
    def dropped(self) -> tuple[Parameter, ...]:
        """Weights whose inputs dropout sets to zero, in their order.

        All of dense layers, but for the network's first, and of recurrent ones, for inputs and states; filters of the
        convolutions that say so, whose inputs are whole channels.
        """
        return tuple(p for p in self.parameters if p.drops)

    @property
    def n_weights(self) -> int:
        return self.parameters[-1].stop

    @property
    def is_convolutional(self) -> bool:
        return any(isinstance(layer, Conv) for layer in self.layers)

    @property
    def is_recurrent(self) -> bool:
        return any(isinstance(layer, Recurrent) for layer in self.layers)

    @property
    def is_map(self) -> bool:
        """Whether each pixel has outputs of its own."""
        return any(isinstance(layer, PerPixel) for layer in self.layers)

    @property
    def reads_symbols(self) -> bool:
        """Whether its inputs are codes of symbols rather than numbers."""
        return any(isinstance(layer, Symbols) for layer in self.layers)

    @property
    def noise(self) -> int:
        """Standard normal numbers that it needs for a point in each step of training, after the point's features.

        Where it needs any, what it computes is an estimate, and another one in the next step.
        """
        return 0

    @property
    def code_size(self) -> int:
        """How many of them make one draw of a latent code; 0 where a network has no code."""
        return 0

    @property
    def outputs_per_point(self) -> int:
        """Points among its outputs for each of its inputs: as many as there are steps where each is predicted from."""
        return self.input_shape[0] if any(isinstance(layer, EachStep) for layer in self.layers) else 1


GATES = {"lstm": 4, "gru": 3}
"""Stacked in the rows of a recurrent layer's matrices: input, forget, candidate, output; reset, update, candidate."""


def _tensors(layer) -> tuple[str, list[tuple[str, tuple[int, ...], int]]]:
    """What a layer's parameters are called after, and the suffix, shape and number of inputs of each."""
    match layer:
        case Dense(n_in, n_out):
            return "dense", [("weight", (n_out, n_in), n_in), ("bias", (n_out,), n_in)]
        case Conv(n_in, n_out, kernel):
            fan_in = n_in * kernel**2
            return "conv", [("weight", (n_out, n_in, kernel, kernel), fan_in), ("bias", (n_out,), fan_in)]
        case Recurrent(cell, n_in, n):
            rows = GATES[cell] * n
            found = [("input_weight", (rows, n_in), n_in), ("state_weight", (rows, n), n), ("bias", (rows,), n)]
            return cell, found + ([("state_bias", (n,), n)] if cell == "gru" else [])
    return "", []


def _drops(layer, is_first: bool) -> bool:
    """Whether dropout drops what a layer's weights multiply, given whether these are the network's first."""
    match layer:
        case Dense():
            return not is_first
        case Conv():
            return layer.drops
    return isinstance(layer, Recurrent)
