"""What is known of one metric."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np


class Column(NamedTuple):
    """How a leaderboard shows a metric: decimals, the factor shown with (100 for per cent) and a hint."""

    label: str
    digits: int
    factor: float = 1
    hint: str = ""


@dataclass(frozen=True)
class Metric:
    """All that is known of one metric; `metric` says what the fields are.

    `task` is that whose cells it is computed for, "" for all, as is what is measured elsewhere: then `compute` is None.
    `inputs` are the names in the task's `INPUTS` that it takes.
    """

    name: str
    label: str
    definition: str
    direction: str | None
    file: str
    unit: str = ""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    undefined: str = ""
    floor: str = ""
    min_classes: int = 2
    column: Column | None = None
    score: str = ""
    compute: Callable[..., Any] | None = None
    inputs: tuple[str, ...] = ()
    task: str = ""

    @property
    def place(self) -> str:
        """The file that registered it, as one finds it."""
        if self.compute and self.compute.__module__.startswith("bnnbench.tasks."):
            return f"tasks/{self.file}.py"
        return f"metrics/{self.task}/{self.file}.py" if self.task else f"metrics/{self.file}.py"

    @property
    def is_per_class(self) -> bool:
        """Whether it is one number a class, `{c}` in its name standing for the class."""
        return "{c}" in self.name

    def of_class(self, c: int | str) -> "Metric":
        """The metric of one class, of a metric that has a number for each."""
        texts = {key: getattr(self, key).replace("{c}", str(c)) for key in ("name", "label", "definition", "floor")}
        return replace(self, **texts)

    def values(self, given: Mapping[str, Any]) -> dict[str, float]:
        """Its values by name, computed from `given`, which holds its inputs. ValueError unless it is one number, or
        one a class."""
        found = np.asarray(self.compute(**{key: given[key] for key in self.inputs}), dtype=np.float64)
        if self.is_per_class and found.ndim == 1:
            return {self.of_class(c).name: float(value) for c, value in enumerate(found)}
        if self.is_per_class or found.ndim:
            wanted = "one number a class" if self.is_per_class else "one number: average over points"
            raise ValueError(f"metric '{self.name}' returned an array of shape {found.shape}; return {wanted}")
        return {self.name: float(found)}
