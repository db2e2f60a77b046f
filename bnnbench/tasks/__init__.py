"""Tasks: one file each, holding one subclass of `Task`, an instance of which is named in TASK, and LIKELIHOODS.

A task says which likelihoods there are, what is stored of predictions, and what bounds its metrics. A data set names
its task; nothing else in the package asks which it is.
"""

import importlib
from functools import cache

from bnnbench.source import plugins
from bnnbench.tasks._base import Encoded, Task

__all__ = ["Encoded", "Task", "default_likelihood", "find", "likelihoods", "load"]


@cache
def find(name: str) -> Task:
    """The task called `name`; ValueError where there is none."""
    plugins.check_name("task", name)
    return importlib.import_module(f"bnnbench.tasks.{name}").TASK


def likelihoods(task: str) -> tuple[str, ...]:
    """Names of the likelihoods that describe a task's targets; the first is the default, and stands in no id.

    They stand beside the task and not in it, so that one more does not change the keys of the others' cells.
    """
    find(task)
    return importlib.import_module(f"bnnbench.tasks.{task}").LIKELIHOODS


def default_likelihood(task: str) -> str:
    """The likelihood that a task's cells have unless a study names another."""
    return likelihoods(task)[0]


def load() -> None:
    """Import every task, so that the metrics that stand in its own file are known."""
    for name in plugins.known("task"):
        find(name)
