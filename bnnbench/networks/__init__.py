"""Networks: one file each, with `build(input_shape, n_classes, **options) -> Network`."""

import importlib
import inspect

from bnnbench.networks._layers import Network, Parameter

__all__ = ["Network", "Parameter", "make"]


def make(options: dict, input_shape: tuple[int, ...], n_classes: int) -> Network:
    """Build the network `options["kind"]` with the remaining options; ValueError on an unknown option."""
    kind, rest = options["kind"], {k: v for k, v in options.items() if k != "kind"}
    build = importlib.import_module(f"bnnbench.networks.{kind}").build
    accepted = list(inspect.signature(build).parameters)[2:]
    unknown = sorted(set(rest) - set(accepted))
    if unknown:
        raise ValueError(f"network '{kind}' has no option '{unknown[0]}': known are {', '.join(accepted)}")
    return build(tuple(input_shape), n_classes, **{k: tuple(v) if isinstance(v, list) else v for k, v in rest.items()})
