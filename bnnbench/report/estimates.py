"""Means over seeds with their intervals, and differences paired by seed."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bnnbench.base.statistics import BOOTSTRAP_FROM, balanced, mean_interval
from bnnbench.evaluation.reference import converged
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import CONTROLS
from bnnbench.words import prose

ENTRY = ["network", "likelihood", "prior", "hyperprior", "scale", "inference", "recipe"]
UNIT = ["dataset", *ENTRY]
CASE = ["dataset", "network", "likelihood", "prior", "inference", "recipe"]
PROVISIONAL_BELOW = BOOTSTRAP_FROM
"""Seeds below which a comparison is marked provisional."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` seeds with its 95% interval; `low` and `high` are NaN where one seed gives none."""

    mean: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0

    @classmethod
    def of(cls, values) -> "Estimate":
        """Of one value a seed; NaN values (a metric that does not apply) are left out."""
        values = np.asarray(values, dtype=float)
        values = values[np.isfinite(values)]
        if not len(values):
            return cls(math.nan)
        if len(values) == 1:
            return cls(float(values[0]), n=1)
        return cls(*map(float, mean_interval(values)), len(values))

    @property
    def has_interval(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def covers_zero(self) -> bool:
        """Whether zero is within the interval, rounding error allowed; False without an interval."""
        return self.has_interval and self.low <= 1e-12 and self.high >= -1e-12


def by_seed(results: Results, study: str, metric: str, split: str = "test") -> pd.DataFrame:
    """Values of a metric, one row for each data set and entry (index UNIT), one column a seed.

    Without those of chains that missed the reference's gate. A scale that is not a number is 0 in the index.
    """
    rows = converged(results.rows("metrics", study=study, metric=metric, split=split), results.references)
    wide = rows.assign(scale=rows.scale.fillna(0.0)).set_index([*UNIT, "seed"]).value.unstack("seed")
    return wide.sort_index()


def paired(left: pd.DataFrame, right: pd.DataFrame) -> tuple[Estimate, pd.Index]:
    """Mean of left - right over the rows, as an estimate over seeds (the columns); and the rows it is over.

    Every seed is a mean over the same rows (`statistics.balanced`).
    """
    complete = balanced(left - right)
    return Estimate.of(complete.mean(axis=0)), complete.index if complete.size else complete.index[:0]


def comparable(nll: pd.DataFrame, tuned: pd.DataFrame) -> pd.DataFrame:
    """Entries that are not one of several fixed scales: the tuned scale, the only one, a learned one, or none."""
    facts = nll.index.to_frame(index=False)
    merged = facts.merge(tuned[[*CASE, "scale"]].assign(tuned=True), how="left", on=[*CASE, "scale"])
    several = facts.groupby([*CASE, "hyperprior"]).scale.transform("nunique") > 1
    return nll[(merged.tuned.eq(True) | ~several).to_numpy(dtype=bool)]


def where(table: pd.DataFrame, keep: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    """Rows for which `keep` of the index, as a frame, is true."""
    return table[keep(table.index.to_frame(index=False)).to_numpy(dtype=bool)]


def without_controls(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of trained entries."""
    return where(table, lambda f: ~f.inference.isin(CONTROLS))


def pick(table: pd.DataFrame, **levels: str) -> pd.DataFrame:
    """Rows with these values of index levels."""
    for name, value in levels.items():
        table = table[table.index.get_level_values(name) == value]
    return table


def names_in(table: pd.DataFrame, level: str) -> list[str]:
    """Values of an index level, each once."""
    return list(dict.fromkeys(table.index.get_level_values(level)))


def by_method(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """((inference, recipe), its rows) of every method of a table."""
    levels = [table.index.get_level_values(name) for name in ("inference", "recipe")]
    for inference, recipe in sorted(set(zip(*levels, strict=True))):
        yield (inference, recipe), pick(table, inference=inference, recipe=recipe)


def value(estimate: Estimate, digits: int, factor: float = 1) -> str:
    """The mean of an estimate, as shown."""
    return prose.number(estimate.mean * factor, digits)


def interval(estimate: Estimate, digits: int, factor: float = 1, signed: bool = False) -> str:
    """The interval of an estimate as `[low, high]`; a dash where one seed gives none, "" where nothing is known."""
    if not estimate.n:
        return ""
    if not estimate.has_interval:
        return prose.NONE
    low, high = (prose.number(end * factor, digits, signed) for end in (estimate.low, estimate.high))
    return f"[{low}, {high}]"
