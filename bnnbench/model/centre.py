"""Priors centred on given weights, such as those of a pretrained network, instead of on zero.

Under a prior of family F, scale s and centre c a weight is w = c + d with d / (s r) of the family at unit scale: `d` is
its deviation. The spread r is 1, or max(|c|, floor) under a relative prior, whose sd is proportional to the weight
(MOPED: Krishnan et al. 2020, section 3.1). Parameter tensors that the centre does not have keep the prior around zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from bnnbench.networks import Network, Parameter


@dataclass(frozen=True, eq=False)
class Centre:
    """What a network's weights are centred on, and the spread of each about it, (n_weights,) float32.

    `zero_centred` names the parameter tensors that keep the prior around zero.
    """

    weights: np.ndarray
    spread: np.ndarray
    zero_centred: tuple[str, ...] = ()

    @property
    def is_even(self) -> bool:
        """Whether all weights have one spread."""
        return bool((self.spread == self.spread[0]).all())


def counterparts(
    network: Network, shapes: Mapping[str, tuple[int, ...]], where: str, new_layers: int
) -> tuple[Parameter, ...]:
    """The parameter tensors of a network that pretrained ones, of these shapes by name, stand for.

    Those of the last `new_layers` layers are none of them, nor those whose names `shapes` lacks. ValueError, which
    names the layer and `where` the shapes are from, for a tensor of another shape, and where none is left.
    """
    own = network.parameters[: len(network.parameters) - 2 * new_layers]
    found = tuple(p for p in own if p.name in shapes)
    for p in found:
        if tuple(shapes[p.name]) != p.shape:
            raise ValueError(
                f"{p.name} has the shape {list(shapes[p.name])} in {where} and {list(p.shape)} in the network: "
                "pretrain a network of the same layers, on inputs of the same shape"
            )
    if not found:
        raise ValueError(
            f"{where} has none of the network's tensors {', '.join(p.name for p in own) or '(all are new)'}: it has "
            f"{', '.join(shapes) or 'none'}"
        )
    return found


def centred_on(
    network: Network,
    pretrained: Mapping[str, np.ndarray],
    where: str,
    *,
    new_layers: int = 1,
    relative: bool = False,
    floor: float = 0.01,
    elsewhere: float = 1.0,
) -> Centre:
    """The centre that pretrained tensors, by name, make for a network.

    new_layers: so many of the last layers, weights and biases, stay centred on zero
    relative, floor: the sd of a weight is the scale times max(|c|, floor)
    elsewhere: spread of the tensors that stay centred on zero
    Raises ValueError as `counterparts`.
    """
    weights = np.zeros(network.n_weights, np.float32)
    spread = np.full(network.n_weights, elsewhere, np.float32)
    shared = counterparts(network, {name: a.shape for name, a in pretrained.items()}, where, new_layers)
    for p in shared:
        of_tensor = np.asarray(pretrained[p.name], np.float32).ravel()
        weights[p.start : p.stop] = of_tensor
        spread[p.start : p.stop] = np.maximum(np.abs(of_tensor), floor) if relative else 1.0
    return Centre(weights, spread, _others(network, shared))


def start_of(network: Network, centre: Centre) -> np.ndarray:
    """Weights (n_weights,) that an optimiser begins with: the centre; NaN in tensors that it has not, or that are zero
    as a whole, which begin as under a prior around zero."""
    found = np.full(network.n_weights, np.nan, np.float32)
    for p in network.parameters:
        of_tensor = centre.weights[p.start : p.stop]
        if p.name not in centre.zero_centred and of_tensor.any():
            found[p.start : p.stop] = of_tensor
    return found


def _others(network: Network, shared: Iterable[Parameter]) -> tuple[str, ...]:
    names = {p.name for p in shared}
    return tuple(p.name for p in network.parameters if p.name not in names)
