"""The parts that are found by listing files: priors, methods, networks, data sets and the like."""

import difflib

from bnnbench.source import digest

FOLDERS = {
    "prior": "priors",
    "hyperprior": "hyperpriors",
    "task": "tasks",
    "likelihood": "likelihoods",
    "inference": "inference",
    "network": "networks",
    "dataset": "datasets",
    "control": "controls",
    "probe": "probes",
}
"""Where each kind of part has its files."""


def known(kind: str) -> list[str]:
    """Names of the parts of a kind, one of `FOLDERS`."""
    return digest.modules(FOLDERS[kind])


def check_name(kind: str, name: str, names: list[str] | None = None) -> str:
    """Return `name` if there is such a prior, method, ...; otherwise ValueError with the nearest known name.

    names: those that there are, of a kind that is not in `FOLDERS`
    """
    names = known(kind) if names is None else names
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"unknown {kind} '{name}': {hint}known are {', '.join(names)}")
    return name
