"""Networks as data: a list of layers with known parameter shapes. No torch here."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, get_args

from bnnbench.base.settings import Count

Function = Literal["tanh", "relu"]
CellKind = Literal["lstm", "gru"]
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
    """Layers one after the other; the last gives `n_outputs` numbers, such as the logits of classes.

    `input_shape` is (features,) for dense networks, (channels, rows, columns) for convolutional ones and those that
    read an image row by row, and (steps,) for those that read symbols.
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
                found.append(Parameter(f"{kind}{counts[kind]}.{suffix}", shape, start, fan_in))
                start += found[-1].size
        return tuple(found)

    @cached_property
    def dropped(self) -> tuple[Parameter, ...]:
        """Weight matrices whose inputs dropout sets to zero, in their order.

        All of dense layers, but for the network's first, and of recurrent ones, for inputs and states.
        """
        matrices = [p for p in self.parameters if len(p.shape) == 2]
        return tuple(p for p in matrices if p.start > 0 or isinstance(self._first, Recurrent))

    @property
    def _first(self):
        """The first layer that has weights."""
        return next(layer for layer in self.layers if _tensors(layer)[1])

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
    def reads_symbols(self) -> bool:
        """Whether its inputs are codes of symbols rather than numbers."""
        return any(isinstance(layer, Symbols) for layer in self.layers)

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
