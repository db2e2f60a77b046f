"""Residual networks (He et al. 2016), of the paper's two layouts, without batch norm.

Batch norm's statistics would tie the points of a batch together, so that there would be no log joint of single points.
Weights that were trained with it have its means and variances folded into the convolutions when they are read
(`training/weight_files.py`).
"""

from typing import Literal

from bnnbench.base.settings import Positive
from bnnbench.networks._layers import Activation, Conv, Dense, Function, MaxPool, Network
from bnnbench.networks._residual import Fork, Join, MeanOfPixels, Shortcut, Widen

SMALL_CHANNELS, CHANNELS = (16, 32, 64), (64, 128, 256, 512)
"""Of each stage, in the layouts for small and for large images."""
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Of each stage, by depth: the columns of the paper's table 1 whose blocks have two convolutions."""


def build(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    depth: Literal[8, 14, 18, 20, 32, 34, 44, 56] = 20,
    width: Positive = 1.0,
    activation: Function = "relu",
):
    """Blocks of two 3x3 convolutions with a shortcut, in stages of which each but the first halves rows and columns.

    depth: 18 and 34 are of the layout for large images (table 1): a 7x7 convolution and a maximum, which make a quarter
    of rows and columns, four stages, and 1x1 convolutions as shortcuts where a stage begins; the order of layers is
    that of torchvision's. All others, 6n + 2, are of that for small images (section 4.2): a 3x3 convolution, three
    stages of n blocks, and shortcuts without weights.
    width: multiplies the channels, which are 16, 32, 64 in small and 64 ... 512 in large
    Every convolution has biases. The last one of a branch begins at values smaller by the root of the number of blocks:
    without batch norm each block would add its branch's variance to that of the sum, which would grow as a power of
    the depth. Batch norm keeps branches in about that proportion (De & Smith 2020, section 2); at zero (Zhang et al.
    2019), the branch's first convolution would have no gradient at first.
    """
    large = depth in BLOCKS
    _check(input_shape, 32 if large else 4)
    blocks = BLOCKS[depth] if large else ((depth - 2) // 6,) * 3
    full = CHANNELS if large else SMALL_CHANNELS
    channels = [max(1, round(width * c)) for c in full]
    act, n_in = Activation(activation), channels[0]
    layers = [Conv(input_shape[0], n_in, 7, 3, stride=2), act, MaxPool(3, 2, 1)]
    if not large:
        layers = [Conv(input_shape[0], n_in, 3, 1), act]
    for i, (n_out, n) in enumerate(zip(channels, blocks, strict=True)):
        for k in range(n):
            stride = 2 if i and not k else 1
            branch = [Conv(n_in, n_out, 3, 1, stride=stride), act, Conv(n_out, n_out, 3, 1, gain=sum(blocks) ** -0.5)]
            layers += [Fork(), *branch, *_shortcut(n_in, n_out, stride, large), Join(), act]
            n_in = n_out
    return Network((*layers, MeanOfPixels(n_in), Dense(n_in, n_outputs)), tuple(input_shape), n_outputs)


def _shortcut(n_in: int, n_out: int, stride: int, weighted: bool) -> list:
    """What a block's shortcut consists of: nothing where its inputs are of the branch's shape."""
    if stride == 1:
        return []
    return [Shortcut(), Conv(n_in, n_out, 1, stride=stride) if weighted else Widen((n_in, n_out), stride)]


def _check(input_shape: tuple[int, ...], least: int) -> None:
    if len(input_shape) != 3:
        raise ValueError(f"it takes images (channels, rows, columns), not inputs of shape {input_shape}")
    if min(input_shape[1:]) < least:
        raise ValueError(
            f"its stages leave nothing of an input of {input_shape[1:]}: this depth takes {least} x {least} or larger"
        )
