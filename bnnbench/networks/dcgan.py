"""Generative adversarial network of strided convolutions, at small width (Radford et al. 2016).

Of that paper's guidelines it keeps strides in the place of pooling, no dense layers between the convolutions, ReLU in
the generator and leaky ReLU in the discriminator. It has no batch normalisation, under which a sample would depend on
those beside it; and pixels lie in 0 ... 1, so that the last layer is a sigmoid and not a tanh.
"""

import itertools

from bnnbench.base.settings import Count, WholeNumber
from bnnbench.networks._games import Down, Leaky, Map, Pair, Squash, Up, check_pair
from bnnbench.networks._layers import Activation, Dense, Flatten


def build(
    input_shape: tuple[int, ...],
    n_outputs: int,
    noise: Count = 16,
    width: Count = 8,
    categories: WholeNumber = 0,
    continuous: WholeNumber = 0,
):
    """Two strided convolutions each: the generator's from 2 `width` channels to `width` to the image's, the
    discriminator's from the image's to `width` to 2 `width`.

    `categories` and `continuous` are InfoGAN's codes, which the discriminator's last layer gives back. Raises
    ValueError for inputs that are no images or whose sides are no multiples of 4, for `n_outputs` other than 1, and for
    a single category.
    """
    check_pair(n_outputs, categories)
    if len(input_shape) != 3 or input_shape[1] % 4 or input_shape[2] % 4:
        raise ValueError(f"it takes images whose sides are multiples of 4, not inputs of shape {input_shape}")
    (channels, rows, columns), codes = input_shape, categories + continuous
    small = Map(2 * width, rows // 4, columns // 4)
    size = small.channels * small.rows * small.columns
    generator = [Dense(noise + codes, size), Activation("relu"), small]
    for n_in, n_out in itertools.pairwise((2 * width, width, channels)):
        generator += [Up(n_in, n_out), Activation("relu")]
    generator = [*generator[:-1], Flatten(), Squash()]
    discriminator = [Map(channels, rows, columns)]
    for n_in, n_out in itertools.pairwise((channels, width, 2 * width)):
        discriminator += [Down(n_in, n_out), Leaky()]
    discriminator += [Flatten(), Dense(size, 1 + codes)]
    parts = {"generator": tuple(generator), "discriminator": tuple(discriminator)}
    counts = {"n_noise": noise, "categories": categories, "continuous": continuous}
    return Pair(tuple(generator + discriminator), tuple(input_shape), n_outputs, **parts, **counts)
