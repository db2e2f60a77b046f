"""Gated recurrent units, stacked: images are read row by row, symbols one after the other."""

from typing import Annotated

from pydantic import Field

from bnnbench.networks._layers import Network, Widths
from bnnbench.networks._sequence import sequence


def build(
    input_shape: tuple[int, ...],
    n_outputs: int,
    hidden: Annotated[Widths, Field(min_length=1)] = (32,),
) -> Network:
    """A recurrent layer for each of the widths `hidden`, then a dense one: see `sequence`."""
    return sequence("gru", input_shape, n_outputs, hidden)
