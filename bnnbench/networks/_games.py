"""Pairs of networks as data: a generator of samples and the discriminator that judges them. No torch here.

A pair is a network like others: the parameters of both lie in one flat vector of weights, the generator's first, so
that priors and scales apply to it. `_play.py` applies it.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bnnbench.networks._layers import Dense, Network, Parameter, _tensors

SIDE = 4
"""Side of the kernels of `Up` and `Down`: a multiple of the stride, so that no pixel is reached more often."""


@dataclass(frozen=True)
class Map:
    """Features become an image of `channels` channels of so many rows and columns."""

    channels: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Up:
    """Transposed convolution of stride 2, `n_in` channels to `n_out`: twice as many rows and columns."""

    n_in: int
    n_out: int
    kind: ClassVar[str] = "up"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its filters, as torch's transposed convolution wants them."""
        return self.n_in, self.n_out, SIDE, SIDE

    @property
    def fan_in(self) -> int:
        """Inputs that an output pixel is computed from: a quarter of the kernel meets one."""
        return self.n_in * SIDE**2 // 4


@dataclass(frozen=True)
class Down:
    """Convolution of stride 2, `n_in` channels to `n_out`: half as many rows and columns."""

    n_in: int
    n_out: int
    kind: ClassVar[str] = "down"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its filters."""
        return self.n_out, self.n_in, SIDE, SIDE

    @property
    def fan_in(self) -> int:
        """Inputs that an output pixel is computed from."""
        return self.n_in * SIDE**2


@dataclass(frozen=True)
class Leaky:
    """x where it is positive, else `slope` x (Maas et al. 2013)."""

    slope: float = 0.2


@dataclass(frozen=True)
class Squash:
    """The sigmoid: numbers between 0 and 1, as pixels are."""


@dataclass(frozen=True)
class Pair(Network):
    """Layers of a generator and of a discriminator; `layers` are both, one after the other.

    The generator takes `n_noise` standard normals, `categories` indicators of a category and `continuous` uniform
    codes, and gives one number for each of an input's. The discriminator takes an input and gives the logit of its
    being real and, where there are codes, what it makes of them: a logit for each category, a mean for each continuous
    code.
    """

    generator: tuple = ()
    discriminator: tuple = ()
    n_noise: int = 2
    categories: int = 0
    continuous: int = 0

    gives: ClassVar[str] = "samples"
    has_units: ClassVar[bool] = False
    compiles: ClassVar[bool] = False  # the penalty on gradients needs second derivatives, which the compiler lacks

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        found, start = [], 0
        for part, layers in (("generator", self.generator), ("discriminator", self.discriminator)):
            counts = Counter()
            for layer in layers:
                kind, tensors = tensors_of(layer)
                counts[kind] += 1
                for suffix, shape, fan_in in tensors:
                    found.append(Parameter(f"{part}.{kind}{counts[kind]}.{suffix}", shape, start, fan_in))
                    start = found[-1].stop
        return tuple(found)

    @cached_property
    def n_generator(self) -> int:
        """Weights of the generator: the first of the flat vector."""
        return max(p.stop for p in self.parameters if p.name.startswith("generator."))

    @property
    def n_latent(self) -> int:
        """Numbers that the generator takes."""
        return self.n_noise + self.categories + self.continuous

    @property
    def has_codes(self) -> bool:
        """Whether its generator takes codes that the discriminator reads back."""
        return self.categories + self.continuous > 0

    @property
    def is_convolutional(self) -> bool:
        return False


def tensors_of(layer) -> tuple[str, list[tuple[str, tuple[int, ...], int]]]:
    """What a layer's parameters are called after, and the suffix, shape and number of inputs of each."""
    if isinstance(layer, Up | Down):
        return layer.kind, [("weight", layer.shape, layer.fan_in), ("bias", (layer.n_out,), layer.fan_in)]
    return _tensors(layer) if isinstance(layer, Dense) else ("", [])


def check_pair(n_outputs: int, categories: int) -> None:
    """Raise ValueError for what no pair can have."""
    if n_outputs != 1:
        raise ValueError(
            f"a generator gives samples and not {n_outputs} outputs: use it for data of the task generation"
        )
    if categories == 1:
        raise ValueError("categories is 1, and one category tells nothing: use 0, or at least 2")
