"""Networks: one file each, with `build(input_shape, n_outputs, **options) -> Network`.

The types of the options say what is allowed (see `settings`); what `build` cannot make of an input it refuses by
ValueError. Both are looked at when a run is planned. No torch here.
"""

import importlib
from collections.abc import Callable

from bnnbench.base import settings
from bnnbench.networks._layers import Network, Parameter

__all__ = ["Network", "Parameter", "faults", "make"]

GIVEN = ("input_shape", "n_outputs")
"""Parameters of `build` that come from the data."""


def builder(kind: str) -> Callable[..., Network]:
    """The function that builds networks of a kind."""
    return importlib.import_module(f"bnnbench.networks.{kind}").build


def faults(options: dict) -> list[str]:
    """What is wrong with the options of the network `options["kind"]`, a line each."""
    kind, rest = _cut(options)
    return settings.faults(builder(kind), rest, "option", leaving_out=GIVEN)


def make(options: dict, input_shape: tuple[int, ...], n_outputs: int) -> Network:
    """Build the network `options["kind"]` with the remaining options; ValueError on an unknown or a wrong one."""
    kind, rest = _cut(options)
    if found := faults(options):
        raise ValueError(f"network '{kind}': {'; '.join(found)}")
    as_tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in rest.items()}
    return builder(kind)(tuple(input_shape), n_outputs, **as_tuples)


def _cut(options: dict) -> tuple[str, dict]:
    return options["kind"], {key: value for key, value in options.items() if key != "kind"}
