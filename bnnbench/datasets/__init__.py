"""Data sets, one file each: a module `<family>.py` with `generate(...)` is one, `_<anything>.py` is not.

A new data set is a new file here; nothing else has to name it.
"""

import difflib
import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from bnnbench.datasets._base import DataError, DataSet

__all__ = [
    "FAMILIES",
    "DataError",
    "DataSet",
    "bayes_proba",
    "check_options",
    "dataset_name",
    "group",
    "known_options",
    "make",
]

FAMILIES = tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")))


def make(family: str, options: dict, seeds: Iterable[int], data_dir: str | Path | None = None) -> DataSet:
    """Generate or load a data set, e.g. `make("circles", {"noise": 0.4}, [0, 1])`.

    options: what the family's `generate` takes besides seeds and data_dir
    data_dir: folder that holds files of real data (default: BNNBENCH_DATA, else the cache, else downloaded);
    families that need no files ignore it
    Raises ValueError for an unknown family or option or a wrong value, DataError for missing or bad files.
    """
    module = _module(family)
    check_options(family, options)
    takes_files = "data_dir" in inspect.signature(module.generate).parameters
    return module.generate(seeds=seeds, **options, **({"data_dir": data_dir} if takes_files else {}))


def known_options(family: str) -> dict:
    """The family's options and their defaults (`inspect.Parameter.empty` where one must be given)."""
    parameters = inspect.signature(_module(family).generate).parameters
    return {key: p.default for key, p in parameters.items() if key not in ("seeds", "data_dir")}


def check_options(family: str, options: dict) -> None:
    """Raise ValueError for an option that the family does not have, or that it needs and was not given."""
    known = known_options(family)
    for key in options:
        if key not in known:
            raise ValueError(
                f"data set family {family!r} has no option {key!r}{_closest(key, known)}; it has {', '.join(known)}"
            )
    missing = [key for key, d in known.items() if d is inspect.Parameter.empty and key not in options]
    if missing:
        raise ValueError(f"data set family {family!r} needs the option {missing[0]!r}")


def dataset_name(family: str, options: dict) -> str:
    """The name that `make` will give the data set, without making it: `circles-0.4`, `digits`."""
    check_options(family, options)
    naming = getattr(_module(family), "name", None)
    return family if naming is None else naming(**_accepted(naming, options))


def group(family: str, options: dict) -> str:
    """Name of the data sets whose arrays have the same shapes as this one's, so that cells of all can be stacked.

    A family's own name, unless its module names a `GROUP` that it shares with others; then sizes (`n_...`) that are not
    the default are in the name.
    """
    shared = getattr(_module(family), "GROUP", None)
    if shared is None:
        return family
    known = known_options(family)
    other = [f"{key}-{options[key]}" for key in known if key[:2] == "n_" and options.get(key, known[key]) != known[key]]
    return "-".join([shared, *other])


def bayes_proba(family: str, options: dict, x: np.ndarray) -> np.ndarray | None:
    """The exact posterior p(y|x) (n, classes) at x (n, ...); None where no generator is known."""
    check_options(family, options)
    rule = getattr(_module(family), "bayes_proba", None)
    return None if rule is None else rule(x, **_accepted(rule, options))


def _accepted(function, options: dict) -> dict:
    parameters = inspect.signature(function).parameters
    return {key: value for key, value in options.items() if key in parameters}


def _module(family: str) -> ModuleType:
    if family not in FAMILIES:
        raise ValueError(
            f"unknown data set family {family!r}{_closest(family, FAMILIES)}; known: {', '.join(FAMILIES)}"
        )
    return importlib.import_module(f"bnnbench.datasets.{family}")


def _closest(word: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""
