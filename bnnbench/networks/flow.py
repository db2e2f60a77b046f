"""Normalising flow: invertible layers turn inputs into standard normal coordinates (Rezende & Mohamed 2015)."""

import math
from typing import Annotated

from pydantic import Field

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Positive
from bnnbench.networks._flows import Affine, Coupling, Flow, Logit, Permute, Spline, Transform
from bnnbench.networks._layers import Function, Widths


def build(
    input_shape: tuple[int, ...],
    n_outputs: int,
    transform: Transform = "spline",
    couplings: Count = 6,
    hidden: Widths = (16,),
    activation: Function = "tanh",
    bins: Count = 8,
    bound: Positive = 4.0,
    logit_margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.0,
):
    """An affine layer, couplings with the features permuted between them, and an affine layer.

    Of one feature an elementwise spline, or nothing, stands in the couplings' place. `bound` is in the units of
    training, sds of the inputs; `hidden` are the widths of a coupling's perceptron. With a `logit_margin` above 0
    features are taken for grey levels in [0, 1], whose logits come first: give it where data are not standardised.
    `n_outputs` must be 1, what a density takes; the network has one for each feature besides.
    """
    if n_outputs != 1:
        raise ValueError(f"a flow gives a density and not {n_outputs} outputs: use it for data of the task density")
    n = math.prod(input_shape)
    layers = [Logit(n, logit_margin)] if logit_margin else []
    layers.append(Affine(n))
    if n == 1 and transform == "spline":
        layers.append(Spline(1, bins, bound))
    for i in range(couplings if n > 1 else 0):
        layers += [Coupling(n, n // 2, transform, hidden, activation, bins, bound), Permute(_order(n, i))]
    layers.append(Affine(n))
    return Flow(tuple(layers), tuple(input_shape), n + 1)


def _order(n: int, i: int) -> tuple[int, ...]:
    """Of the features after the i-th coupling: two change places, more are shuffled, the same way everywhere."""
    if n == 2:
        return 1, 0
    return tuple(int(place) for place in generator("flow", f"permute-{n}-{i}").permutation(n))
