"""VGG networks: 3x3 convolutions in five stages, each halved by a maximum (Simonyan & Zisserman 2015, table 1)."""

import itertools
from typing import Literal

from bnnbench.base.settings import Positive
from bnnbench.networks._layers import Activation, Conv, Dense, Flatten, Function, MaxPool, Network, Widths

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Of each stage, by depth: columns A, B, D and E of the table."""


def build(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    depth: Literal[11, 13, 16, 19] = 19,
    width: Positive = 1.0,
    hidden: Widths = (),
    activation: Function = "relu",
):
    """Without batch norm; `width` multiplies the channels, and `hidden` are the dense layers before the last.

    The paper's have two of 4,096; without any, the default, the last layer follows the convolutions. Images have sides
    of at least 32, so that something is left after five maxima.
    """
    if len(input_shape) != 3:
        raise ValueError(f"it takes images (channels, rows, columns), not inputs of shape {input_shape}")
    n_in, rows, columns = input_shape
    if min(rows, columns) < 32:
        raise ValueError(f"five maxima leave nothing of an input of {input_shape[1:]}: it takes 32 x 32 or larger")
    layers = []
    for full, n in zip(CHANNELS, CONVOLUTIONS[depth], strict=True):
        channels = max(1, round(width * full))
        for _ in range(n):
            layers += [Conv(n_in, channels, 3, 1), Activation(activation)]
            n_in = channels
        layers.append(MaxPool(2))
        rows, columns = rows // 2, columns // 2
    layers.append(Flatten())
    for a, b in itertools.pairwise([n_in * rows * columns, *hidden, n_outputs]):
        layers += [Dense(a, b), Activation(activation)]
    return Network(tuple(layers[:-1]), tuple(input_shape), n_outputs)
