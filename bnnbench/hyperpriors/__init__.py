"""Hyperpriors: densities of a prior's scale, one file each, holding one dataclass, named in HYPERPRIOR.

A new hyperprior is a new file here; nothing else has to name it.
"""

import importlib

from bnnbench.base import settings
from bnnbench.hyperpriors._base import Hyperprior
from bnnbench.source import digest

__all__ = ["Hyperprior", "density", "make"]


def density(name: str) -> type[Hyperprior]:
    """The class of the hyperprior called `name`; ValueError where there is none."""
    known = digest.modules("hyperpriors")
    if name not in known:
        raise ValueError(f"unknown hyperprior '{name}': known are {', '.join(known)}")
    return importlib.import_module(f"bnnbench.hyperpriors.{name}").HYPERPRIOR


def make(name: str, options: dict | None = None) -> Hyperprior:
    """The hyperprior called `name` with its options; ValueError on an unknown name or option, or a wrong value."""
    return settings.make(density(name), options or {}, "option", f"hyperprior '{name}'")
