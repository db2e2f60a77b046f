"""Skeletons: working parts, one file each, that `bnnbench new` copies under a new name for a user to change.

They are ordinary files of their kinds, which the shared tests accept as they stand. Only the words `skeleton`,
`Skeleton` and `Skeleton in words` in them stand for the new part's name, its class and how it is written.
"""

import keyword
import os
import re
from pathlib import Path
from typing import NamedTuple

from bnnbench.files.writing import replacing
from bnnbench.source import digest, plugins

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
RESERVED = ("chance", "bayes_rule", "none", "fixed", "skeleton", *plugins.known("control"))
"""Words that stand for something else in tables."""


class Kind(NamedTuple):
    """A kind of part: the folder of the package that holds its files, where a study names it, and tests of them all."""

    folder: str
    section: str
    tests: str


KINDS = {
    "method": Kind("inference", "inference", "tests/inference/test_every_method.py"),
    "prior": Kind("priors", "priors", "tests/priors"),
    "dataset": Kind("datasets", "datasets", "tests/datasets"),
    "likelihood": Kind("likelihoods", "likelihoods", "tests/likelihoods"),
    "metric": Kind("metrics", "", "tests/metrics"),
}


def write(kind: str, name: str, variant: str = "", package: Path = digest.PACKAGE) -> Path:
    """Write the skeleton of a kind under a name; return its path.

    kind: one of `KINDS`; variant: of a metric, its task
    package: the folder of the package, in a checkout
    Raises ValueError, naming the remedy, for a name that no such part can have or that is taken, and where the package
    cannot be added to. Nothing is ever overwritten.
    """
    folder = package.joinpath(KINDS[kind].folder, *filter(None, [variant]))
    _check_name(kind, name)
    _check_free(kind, name, folder)
    _check_checkout(package, folder)
    template = Path(__file__).with_name("_".join(filter(None, [kind, variant])) + ".py")
    path = folder / f"{name}.py"
    with replacing(path) as temporary:
        temporary.write_text(_named(template.read_text(encoding="utf-8"), name), encoding="utf-8")
    return path


def _named(text: str, name: str) -> str:
    """A skeleton with the new name in the place of its own."""
    words = name.replace("_", " ")
    text = text.replace("Skeleton in words", words[0].upper() + words[1:])
    text = text.replace("Skeleton", "".join(part[:1].upper() + part[1:] for part in name.split("_")))
    return text.replace("skeleton", name)


def _check_name(kind: str, name: str) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ValueError(
            f"'{name}' cannot be the name of a {kind}: write small letters, digits and '_', such as my_{kind}"
        )
    if name in RESERVED:
        raise ValueError(f"'{name}' means something else in tables: choose another name, such as my_{name}")


def _check_free(kind: str, name: str, folder: Path) -> None:
    path = folder / f"{name}.py"
    if path.exists() or path.with_suffix("").exists():
        raise ValueError(f"there is a {kind} '{name}' already, {path}: choose another name, or change that file")
    if kind == "metric":
        from bnnbench import metrics, tasks

        tasks.load()
        if known := next((found for key, found in metrics.registered().items() if key == name), None):
            raise ValueError(f"there is a metric '{name}' already, in {known.place}: choose another name")


def _check_checkout(package: Path, folder: Path) -> None:
    remedy = "clone the project, install it by `pip install -e .`, and run this there"
    if not (package.parent / "pyproject.toml").is_file():
        raise ValueError(f"bnnbench is installed in {package} and has no sources beside it to add to: {remedy}")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{folder} cannot be written to: correct its permissions, or {remedy}")
