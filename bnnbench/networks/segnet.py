"""SegNet-basic: encoders that keep the places of their maxima, and decoders that put values back there.

Badrinarayanan et al. 2017; with dropout in the deepest encoders and decoders Bayesian SegNet (Kendall et al. 2015).
Without batch normalisation, whose statistics would tie the points of a batch together, so that there would be no
log joint of single points; decoders have the activation too.
"""

from typing import Annotated

from pydantic import Field

from bnnbench.base.settings import Count, WholeNumber
from bnnbench.networks._layers import Activation, Conv, Function, Network, PerPixel, PlacedMaxPool, Unpool, Widths


def build(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    channels: Annotated[Widths, Field(min_length=1)] = (64, 64, 64, 64),
    kernel: Count = 7,
    dropped: WholeNumber = 2,
    activation: Function = "relu",
):
    """Encoders (convolution, activation, 2x2 maximum), as many decoders in reverse, and a 1x1 convolution to outputs.

    channels: of each encoder, from the outermost; the defaults are those of SegNet-basic
    kernel: side of all other filters, odd, so that maps keep their size
    dropped: how many of the deepest encoders, and of the decoders next to them, have inputs that dropout drops; never
    the image itself
    """
    if len(input_shape) != 3:
        raise ValueError(f"it takes images (channels, rows, columns), not inputs of shape {input_shape}")
    if kernel % 2 == 0:
        raise ValueError(f"kernel is {kernel}: make it odd, so that maps keep their size")
    if min(input_shape[1:]) < 2 ** len(channels):
        raise ValueError(
            f"{len(channels)} encoders leave nothing of an input of {input_shape[1:]}: use fewer, each halves it"
        )
    depth, padding, n_in = len(channels), kernel // 2, input_shape[0]
    layers = []
    for i, n_out in enumerate(channels):
        drops = i > 0 and depth - i <= dropped
        layers += [Conv(n_in, n_out, kernel, padding, drops), Activation(activation), PlacedMaxPool()]
        n_in = n_out
    for i in reversed(range(depth)):
        drops, n_out = depth - i <= dropped, channels[max(i - 1, 0)]
        layers += [Unpool(), Conv(channels[i], n_out, kernel, padding, drops), Activation(activation)]
    return Network((*layers, Conv(channels[0], n_outputs, 1), PerPixel()), tuple(input_shape), n_outputs)
