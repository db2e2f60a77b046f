"""LeNet-like convolutional networks: convolution, pooling and activation blocks, then dense layers."""

import itertools

from bnnbench.networks._layers import Activation, Conv, Dense, Flatten, MaxPool, Network


def build(
    input_shape: tuple[int, int, int],
    n_classes: int,
    channels: tuple[int, ...] = (32, 32),
    kernel: int = 5,
    padding: int = 0,
    hidden: tuple[int, ...] = (64,),
    activation: str = "tanh",
):
    """Blocks of convolution, 2x2 maximum and activation, then dense layers.

    The defaults on 28x28 images are the source documents' MNIST network (conv 32 of 5x5, pool, conv 32 of 5x5, pool,
    dense 64, dense 10). Pooling before the activation is the same function, both being monotone, at less cost.
    """
    layers, (n_in, rows, columns) = [], input_shape
    for n_out in channels:
        layers += [Conv(n_in, n_out, kernel, padding), MaxPool(2), Activation(activation)]
        rows, columns = ((side + 2 * padding - kernel + 1) // 2 for side in (rows, columns))
        n_in = n_out
    if min(rows, columns) < 1:
        raise ValueError(
            f"{len(channels)} blocks leave nothing of an input of {input_shape[1:]}: use fewer, or padding"
        )
    layers.append(Flatten())
    widths = [n_in * rows * columns, *hidden, n_classes]
    for a, b in itertools.pairwise(widths):
        layers += [Dense(a, b), Activation(activation)]
    return Network(tuple(layers[:-1]), tuple(input_shape), n_classes)
