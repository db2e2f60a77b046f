"""Likelihoods: one file each, holding one dataclass of options, named in LIKELIHOOD.

A likelihood says how probable a target is under the outputs of a network, and has latents of its own where it needs
them, such as a noise's sd, so that every method infers them too. A new one is a new file here, which its task names
among its `LIKELIHOODS`.
"""

import importlib

from bnnbench.base import settings
from bnnbench.likelihoods._base import Likelihood
from bnnbench.source import plugins

__all__ = ["Likelihood", "find", "make"]


def find(name: str) -> type[Likelihood]:
    """The class of the likelihood called `name`; ValueError where there is none."""
    plugins.check_name("likelihood", name)
    return importlib.import_module(f"bnnbench.likelihoods.{name}").LIKELIHOOD


def make(name: str, options: dict | None = None) -> Likelihood:
    """The likelihood called `name` with its options; ValueError on an unknown name or option, or a wrong value."""
    return settings.make(find(name), options or {}, "option", f"likelihood '{name}'")
