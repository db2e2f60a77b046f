"""Long short-term memory, stacked: images are read row by row, symbols one after the other."""

from typing import Annotated

from pydantic import Field

from bnnbench.base.settings import NonNegative
from bnnbench.networks._layers import Network, Widths
from bnnbench.networks._sequence import sequence


def build(
    input_shape: tuple[int, ...],
    n_outputs: int,
    hidden: Annotated[Widths, Field(min_length=1)] = (32,),
    forget_bias: NonNegative = 1.0,
) -> Network:
    """A recurrent layer for each of the widths `hidden`, then a dense one: see `sequence`.

    `forget_bias` is added to the forget gates, so that they begin, and the prior is centred, at networks that remember.
    """
    return sequence("lstm", input_shape, n_outputs, hidden, forget_bias)
