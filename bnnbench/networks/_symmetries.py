"""How many weight vectors are the same function. No torch here."""

import itertools
import math

from bnnbench.networks._layers import Activation, Dense, Flatten, Network


def log_symmetries(network: Network) -> float:
    """ln of the number of permutations and changes of sign of hidden units that leave every output as it is.

    For dense layers with an activation between them: n! a layer of n hidden units, and 2ⁿ where the activation is odd,
    as tanh is (Chen, Lu & Hecht-Nielsen 1993). Under a prior that is the same for all weights of a tensor each of them
    has the same density, so that the posterior has as many copies of every mode. NaN for networks with other layers.
    """
    if not all(isinstance(layer, Dense | Activation | Flatten) for layer in network.layers):
        return math.nan
    found, layers = 0.0, [layer for layer in network.layers if not isinstance(layer, Flatten)]
    for layer, after in itertools.pairwise(layers):
        if isinstance(layer, Dense) and isinstance(after, Activation):
            found += math.lgamma(layer.n_out + 1) + layer.n_out * math.log(2) * (after.function == "tanh")
    return found
