"""What a claim is, and how an effect with its interval becomes a verdict."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import product
from string import ascii_lowercase

import numpy as np
import pandas as pd

from bnnbench.base.statistics import BOOTSTRAP_FROM, Interval, balanced, mean_interval
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"
PARTS = (*ascii_lowercase, *map("".join, product(ascii_lowercase, repeat=2)))
DIRECTIONS = ("above", "at least", "below", "at most")


@dataclass(frozen=True)
class Measured:
    """One value a seed of what a claim is about, with what it should be read beside.

    `floor` is how small the value can be measured to be (NaN: none); `note` says what was measured.
    """

    by_seed: np.ndarray
    note: str = ""
    floor: float = math.nan

    @classmethod
    def over(cls, wide: pd.DataFrame, note: str = "", floor: float = math.nan) -> "Measured":
        """Of values with a row each thing averaged over and a column a seed; every seed averages the same rows, and the
        note names what is left out for that."""
        kept = balanced(wide)
        if left_out := [_words(row) for row in wide.index.difference(kept.index)]:
            note = f"{note} Left out, since a seed lacks it: {'; '.join(left_out)}.".strip()
        return cls(kept.mean(axis=0).to_numpy(), note, floor)


@dataclass(frozen=True)
class Statistic:
    """A number that a claim is judged by, with the margin that it has to pass, fixed beforehand.

    `measure` takes the results and the study, and raises NothingToDraw where they hold nothing to measure. A statistic
    `beside` the claim has a verdict of its own and no say in that of the claim. `figure` is a page of the report with
    the anchor of what shows it.
    """

    name: str
    direction: str
    margin: float
    measure: Callable[[Results, str], Measured]
    figure: str
    beside: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise ValueError(f"direction is '{self.direction}': choose one of {', '.join(DIRECTIONS)}")


@dataclass(frozen=True)
class Claim:
    """A sentence of a source document, in our words, with the statistics that test it."""

    id: str
    source: str
    statement: str
    statistics: tuple[Statistic, ...] = field(repr=False)


@dataclass(frozen=True)
class Verdict:
    """One statistic of a claim as the results have it: a row of claims.parquet.

    `effect` is a mean over seeds, `low` and `high` the ends of its 95% interval (NaN with one seed). `provisional`:
    there are too few seeds for the verdict to be final.
    """

    study: str
    id: str
    part: str
    source: str
    claim: str
    statistic: str
    direction: str
    margin: float
    unit: str
    effect: float
    low: float
    high: float
    floor: float
    n_seeds: int
    verdict: str
    provisional: bool
    beside: bool
    figure: str
    note: str


def _words(row) -> str:
    return ", ".join(str(part) for part in (row if isinstance(row, tuple) else (row,)))


def judge(interval: Interval, direction: str, margin: float) -> str:
    """The verdict on an effect that is claimed to lie above, at least at, below, or at most at a margin.

    Reproduced: the whole interval lies beyond the margin. Not reproduced: the whole interval lies short of it.
    Undecided: it holds the margin, or there is none.
    """
    low, high = interval.low, interval.high
    if math.isnan(low) or math.isnan(high):
        return UNDECIDED
    beyond, short = {
        "above": (low > margin, high <= margin),
        "at least": (low >= margin, high < margin),
        "below": (high < margin, low >= margin),
        "at most": (high <= margin, low > margin),
    }[direction]
    return REPRODUCED if beyond else NOT_REPRODUCED if short else UNDECIDED


def overall(verdicts: list[str]) -> str:
    """The verdict on a claim whose statistics must all hold: one that fails fails it."""
    if NOT_REPRODUCED in verdicts:
        return NOT_REPRODUCED
    return REPRODUCED if verdicts and set(verdicts) == {REPRODUCED} else UNDECIDED


def verdicts(claim: Claim, results: Results, study: str) -> list[Verdict]:
    """One verdict a statistic of a claim; statistics beside it that the results cannot give are left out."""
    found = []
    for part, statistic in zip(PARTS, claim.statistics, strict=False):
        try:
            measured = statistic.measure(results, study)
        except NothingToDraw as reason:
            if statistic.beside:
                continue
            measured = Measured(np.array([]), f"Not measured: {reason}.")
        found.append(_verdict(claim, part, statistic, measured, study))
    return found


def _verdict(claim: Claim, part: str, statistic: Statistic, measured: Measured, study: str) -> Verdict:
    values = measured.by_seed[np.isfinite(measured.by_seed)]
    interval, n = mean_interval(values), len(values)
    return Verdict(
        study=study, id=claim.id, part=part, source=claim.source, claim=claim.statement, statistic=statistic.name,
        direction=statistic.direction, margin=statistic.margin, unit=statistic.unit, effect=interval.mean,
        low=interval.low, high=interval.high, floor=measured.floor, n_seeds=n,
        verdict=judge(interval, statistic.direction, statistic.margin), provisional=n < BOOTSTRAP_FROM,
        beside=statistic.beside, figure=statistic.figure.format(study=study), note=_note(measured, values),
    )  # fmt: skip


def _note(measured: Measured, values: np.ndarray) -> str:
    notes = [measured.note]
    if len(values) == 1:
        notes.append("One seed gives no interval, so nothing is decided.")
    elif len(values) > 1 and np.ptp(values) == 0:
        notes.append("Every seed gives the same value, so the interval has no width; it is not that certain.")
    return " ".join(filter(None, notes))


def frame(found: list[Verdict]) -> pd.DataFrame:
    """Verdicts as a table, also where there are none."""
    names = list(Verdict.__dataclass_fields__)
    numbers = dict.fromkeys(("margin", "effect", "low", "high", "floor"), float)
    made = pd.DataFrame([asdict(v) for v in found], columns=names)
    return made.astype(numbers | {"n_seeds": "int64", "provisional": bool, "beside": bool})
