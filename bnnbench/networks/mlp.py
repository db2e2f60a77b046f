"""Multi-layer perceptron: dense layers with an activation between them."""

import itertools
import math

from bnnbench.networks._layers import Activation, Dense, Function, Network, Widths


def build(input_shape: tuple[int, ...], n_outputs: int, hidden: Widths = (5, 5), activation: Function = "tanh"):
    """Network with the given hidden widths; it takes images as vectors. Default: the toy network, 5-5 tanh."""
    widths = [math.prod(input_shape), *hidden, n_outputs]
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [Dense(n_in, n_out), Activation(activation)]
    return Network(tuple(layers[:-1]), tuple(input_shape), n_outputs)
