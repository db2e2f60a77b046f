"""Prior families: one file each, holding one dataclass, named in PRIOR.

A prior is a family at unit scale; a scale (a number, or a draw from a hyperprior) multiplies it: w = s z. No class
stands for a pair. A new family is a new file here; nothing else has to name it.
"""

import importlib

from bnnbench.base import settings
from bnnbench.priors._base import Prior
from bnnbench.source import digest

__all__ = ["Prior", "family", "make"]


def family(name: str) -> type[Prior]:
    """The class of the family called `name`; ValueError where there is none."""
    known = digest.modules("priors")
    if name not in known:
        raise ValueError(f"unknown prior '{name}': known are {', '.join(known)}")
    return importlib.import_module(f"bnnbench.priors.{name}").PRIOR


def make(name: str, options: dict | None = None) -> Prior:
    """The family called `name` with its options; ValueError on an unknown name or option, or a wrong value."""
    return settings.make(family(name), options or {}, "option", f"prior '{name}'")
