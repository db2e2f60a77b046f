"""LeNet-like convolutional networks: convolutions, most of them pooled, then dense layers."""

import itertools
from typing import Annotated

from pydantic import Field

from bnnbench.base.settings import Count, WholeNumber
from bnnbench.networks._layers import Activation, Conv, Dense, Flatten, Function, MaxPool, Network, Widths


def build(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    channels: Annotated[Widths, Field(min_length=1)] = (32, 32),
    unpooled: Widths = (),
    kernel: Count = 5,
    padding: WholeNumber = 0,
    hidden: Widths = (64,),
    activation: Function = "tanh",
):
    """Blocks of convolution, 2x2 maximum and activation, convolutions without the maximum, then dense layers.

    `channels` are those of the pooled blocks, `unpooled` those of the convolutions after them, `hidden` the widths of
    the dense layers before the last. The defaults on 28x28 images are the source documents' MNIST network (conv 32 of
    5x5, pool, conv 32 of 5x5, pool, dense 64, dense 10). Pooling before the activation is the same function, both being
    monotone, at less cost.
    """
    if len(input_shape) != 3:
        raise ValueError(f"it takes images (channels, rows, columns), not inputs of shape {input_shape}")
    layers, (n_in, rows, columns) = [], input_shape
    for i, n_out in enumerate((*channels, *unpooled)):
        pool = 2 if i < len(channels) else 1
        layers += [Conv(n_in, n_out, kernel, padding), *[MaxPool(pool)] * (pool > 1), Activation(activation)]
        rows, columns = ((side + 2 * padding - kernel + 1) // pool for side in (rows, columns))
        n_in = n_out
    if min(rows, columns) < 1:
        n = len(channels) + len(unpooled)
        raise ValueError(f"{n} convolutions leave nothing of an input of {input_shape[1:]}: use fewer, or padding")
    layers.append(Flatten())
    widths = [n_in * rows * columns, *hidden, n_outputs]
    for a, b in itertools.pairwise(widths):
        layers += [Dense(a, b), Activation(activation)]
    return Network(tuple(layers[:-1]), tuple(input_shape), n_outputs)
