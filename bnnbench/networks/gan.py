"""Generative adversarial network of dense layers: a generator and a discriminator (Goodfellow et al. 2014)."""

import itertools
import math

from bnnbench.base.settings import Count, WholeNumber
from bnnbench.networks._games import Leaky, Pair, Squash, check_pair
from bnnbench.networks._layers import Activation, Dense, Widths


def build(
    input_shape: tuple[int, ...],
    n_outputs: int,
    noise: Count = 2,
    hidden: Widths = (32, 32),
    judge: Widths = (32, 32),
    categories: WholeNumber = 0,
    continuous: WholeNumber = 0,
):
    """Widths `hidden` of the generator, ReLU, and `judge` of the discriminator, leaky ReLU of slope 0.2.

    The generator's last layer is linear for points (features,), a sigmoid for images, whose pixels lie in 0 ... 1.
    `categories` and `continuous` are InfoGAN's codes, which the discriminator's last layer gives back. `n_outputs` must
    be 1, what the task generation has. Raises ValueError where it is not, and for a single category.
    """
    check_pair(n_outputs, categories)
    size, codes = math.prod(input_shape), categories + continuous
    generator = _dense([noise + codes, *hidden, size], Activation("relu"))
    if len(input_shape) > 1:
        generator.append(Squash())
    discriminator = _dense([size, *judge, 1 + codes], Leaky())
    parts = {"generator": tuple(generator), "discriminator": tuple(discriminator)}
    counts = {"n_noise": noise, "categories": categories, "continuous": continuous}
    return Pair(tuple(generator + discriminator), tuple(input_shape), n_outputs, **parts, **counts)


def _dense(widths: list[int], between) -> list:
    """Dense layers with an activation between them."""
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [Dense(n_in, n_out), between]
    return layers[:-1]
