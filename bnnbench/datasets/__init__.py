"""Data sets, one file each: a module `<family>.py` with `generate(...)` is one, `_<anything>.py` is not.

A new data set is a new file here; nothing else has to name it. The types of `generate`'s options say what is allowed
(see `settings`). Beside it the module may have functions of those of the options that they name:

- `name(...)`: the data set's name, where options are part of it (`circles-0.4`);
- `check(...)`: raises ValueError for options that are wrong together;
- `group(...)`: the name that data sets of equal shapes share, where it depends on options;
- `task(...)`: its task, where it depends on options;
- `identity(...)`: what stands in keys for the options, where files of the user's are among them: what these hold;
- `check_files(...)`: raises ValueError for files of the user's that planning reads and that are missing or wrong;
- `notes(data, ...)`: what a user should know of a data set that was made, a sentence each, for the report;
- `n_seeds(...)`: how many splits there are, for seeds from 0, where they are given rather than drawn;
- `shape(...)`: its `Shape`, by which planning builds networks and estimates sizes;
- `bayes_proba(x, ...)`: the exact posterior, where the generator is known;
- `law(x, ...)`: the exact law of the target at x, likewise, of a regression data set;
- `published(...)`: log-likelihoods that papers print for its splits (`_published.Published`), or None;
- `regions(...)`: where the inputs of a data set in one dimension lie, and where they do not;

and these constants:

- `CONTROLS`: the files of controls/ that are fitted to it beside the cells; a module without it has none;
- `TASK`: its task, a file in tasks/ such as `"regression"`; a module without it is classification;
- `GROUP`: the name that families of equal shapes share;
- `GROUP_SIZES`: sizes that go without saying in that name; a module without it means its own defaults.
"""

import difflib
import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from bnnbench.base import settings
from bnnbench.datasets import _notes
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._check import DataError
from bnnbench.datasets._notes import read as notes
from bnnbench.datasets._published import Published

__all__ = [
    "FAMILIES",
    "DataError",
    "DataSet",
    "Shape",
    "available_seeds",
    "bayes_proba",
    "check_options",
    "controls",
    "dataset_name",
    "faults",
    "file_faults",
    "group",
    "has_law",
    "identity",
    "known_options",
    "law",
    "make",
    "notes",
    "option_faults",
    "published",
    "regions",
    "shape",
    "store",
    "takes_list",
    "task",
]

GIVEN = ("seeds", "data_dir")
"""Parameters of `generate` that come from the run."""

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
    seeds = available_seeds(family, options, seeds)
    return module.generate(seeds=seeds, **options, **({"data_dir": data_dir} if takes_files else {}))


def available_seeds(family: str, options: dict, seeds: Iterable[int]) -> list[int]:
    """Those of the seeds for which the data set has a split: all where its family draws them."""
    seeds, n = list(seeds), _call(family, "n_seeds", options)
    return seeds if n is None else [seed for seed in seeds if seed < n]


def store(family: str, options: dict, data: DataSet, path: str | Path) -> None:
    """Write what `make` gave to a netCDF file, with the notes that its family has of it."""
    _notes.write(data, path, _call(family, "notes", options, data) or ())


def known_options(family: str) -> dict:
    """The family's options and their defaults (`...` where one must be given)."""
    return {key: default for key, (_, default) in _declared(family).items()}


def takes_list(family: str, option: str) -> bool:
    """Whether a list is one value of an option; for other options it stands for a data set each."""
    kind, _ = _declared(family).get(option, (None, None))
    return settings.is_list(kind)


def faults(family: str, options: dict) -> list[str]:
    """What is wrong with a family's options, a line each."""
    generate = _module(family).generate
    found = settings.faults(generate, options, "option", leaving_out=GIVEN)
    if found:
        return found
    try:
        _call(family, "check", options)
    except ValueError as error:
        found = [str(error)]
    return found


def option_faults(family: str, option: str, value) -> list[str]:
    """What is wrong with the value of one option."""
    return settings.faults(_module(family).generate, {option: value}, "option", leaving_out=GIVEN, partial=True)


def check_options(family: str, options: dict) -> None:
    """Raise ValueError for options that the family does not have, lacks, or cannot take."""
    if found := faults(family, options):
        raise ValueError(f"data set family {family!r}: {'; '.join(found)}")


def file_faults(family: str, options: dict) -> list[str]:
    """What is wrong with the files of the user's that sound options name, a line each."""
    try:
        _call(family, "check_files", options)
    except ValueError as error:
        return [str(error)]
    return []


def task(family: str, options: dict | None = None) -> str:
    """The task of a data set, such as `regression`; without options that of its family, where they do not decide.

    Raises ValueError for an unknown family, and for a file that does not say.
    """
    found = None if options is None else _call(family, "task", options)
    return found or getattr(_module(family), "TASK", "classification")


def controls(family: str) -> tuple[str, ...]:
    """Names of the controls that are fitted to a family's data sets."""
    return getattr(_module(family), "CONTROLS", ())


def identity(family: str, options: dict) -> dict:
    """What stands for a data set's options in keys: the options, or, of files of the user's, what these hold.

    Raises ValueError for a file that is not there.
    """
    found = _call(family, "identity", options)
    return options if found is None else found


def shape(family: str, options: dict) -> Shape | None:
    """Shapes of the data set that these options make, without making it; None where its family does not say."""
    return _call(family, "shape", options)


def published(family: str, options: dict) -> Published | None:
    """Test log-likelihoods that papers print for the data set's splits; None where none are known."""
    return _call(family, "published", options)


def dataset_name(family: str, options: dict) -> str:
    """The name that `make` will give the data set, without making it: `circles-0.4`, `digits`."""
    check_options(family, options)
    return _call(family, "name", options) or family


def group(family: str, options: dict) -> str:
    """Name of the data sets whose arrays have the same shapes as this one's, so that cells of all can be stacked.

    What its module's `group` says; else the family's own name, unless its module names a `GROUP` that it shares with
    others: then sizes (`n_...`) that are not the module's `GROUP_SIZES`, or the family's defaults where it has none,
    are in the name.
    """
    module = _module(family)
    shared = getattr(module, "GROUP", None)
    if shared is None:
        return _call(family, "group", options) or family
    defaults = {key: default for key, default in known_options(family).items() if key.startswith("n_")}
    usual = getattr(module, "GROUP_SIZES", defaults)
    sizes = {key: options.get(key, default) for key, default in defaults.items()}
    return "-".join([shared, *(f"{key}-{size}" for key, size in sizes.items() if size != usual[key])])


def bayes_proba(family: str, options: dict, x: np.ndarray) -> np.ndarray | None:
    """The exact posterior p(y|x) (n, classes) at x (n, ...); None where no generator is known."""
    return law(family, options, x, "bayes_proba")


def law(family: str, options: dict, x: np.ndarray, name: str = "law"):
    """What the family's function `name` says of p(y|x) at x (n, ...); None where no generator is known.

    `law`, of a regression, returns an equal-weight mixture of S Gaussians: their means (n, S) and standard deviations
    (n, S), float64, in the targets' units; S is 1 where the law is Gaussian. A task says which function its data sets
    have. Raises ValueError for an unknown family or a wrong option.
    """
    check_options(family, options)
    return _call(family, name, options, x)


def has_law(family: str, name: str = "law") -> bool:
    """Whether the family's generator is known: whether `law` of the same name says anything."""
    return hasattr(_module(family), name)


def regions(family: str, options: dict) -> dict[str, list[tuple[float, float]]] | None:
    """Intervals of the input, in its units, of a data set in one dimension; None where the family has none.

    inside: where training, validation and test inputs lie; gap: holes between them; outside: what is shown beyond, on
    either side. Raises ValueError for an unknown family or a wrong option.
    """
    check_options(family, options)
    return _call(family, "regions", options)


def _call(family: str, function: str, options: dict, *arguments):
    """What a family's function of this name gives for the options that it takes; None where the family has none."""
    found = getattr(_module(family), function, None)
    if found is None:
        return None
    taken = inspect.signature(found).parameters
    resolved = {key: value for key, value in known_options(family).items() if value is not ...} | options
    if not any(p.kind is p.VAR_KEYWORD for p in taken.values()):
        resolved = {key: value for key, value in resolved.items() if key in taken}
    return found(*arguments, **resolved)


def _declared(family: str) -> dict:
    return settings.parameters(_module(family).generate, leaving_out=GIVEN)


def _module(family: str) -> ModuleType:
    if family not in FAMILIES:
        raise ValueError(
            f"unknown data set family {family!r}{_closest(family, FAMILIES)}; known: {', '.join(FAMILIES)}"
        )
    return importlib.import_module(f"bnnbench.datasets.{family}")


def _closest(word: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(str(word), list(known), n=1)
    return f" (did you mean {match[0]!r}?)" if match else ""
