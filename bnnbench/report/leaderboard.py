"""Leaderboards: one a study and data set, entries ranked by test NLL, every value with its interval over seeds."""

from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from bnnbench import tasks
from bnnbench.base.statistics import plain_method
from bnnbench.evaluation.controls import SECONDS
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import CONTROLS, FITTED
from bnnbench.metrics import registered
from bnnbench.report.estimates import CASE, ENTRY, UNIT, Estimate, by_seed, names_in, pick
from bnnbench.study.grid import Plan
from bnnbench.words import prose
from bnnbench.words.names import data_name, likelihood_name, name_of

ORDER = ("nll", "accuracy", "ece", "ece_floor", "brier", "rmse", "crps", "coverage_90")
"""The first columns; the other metrics that have a column follow in the order of all metrics."""
PRINTED = ("accuracy", "ece", "ece_floor", "auroc_predictive_entropy", "rmse", "crps", "coverage_90")
"""Those on paper, beside the NLL."""


class Column(NamedTuple):
    """A metric of the leaderboard: decimals shown, factor shown with (100 for per cent), and a hint.

    `is_floor`: it is what another metric is to be compared with, and has no interval of its own.
    """

    metric: str
    label: str
    digits: int
    factor: float
    hint: str
    is_floor: bool


def columns() -> list[Column]:
    """The metrics that are registered with a column."""
    known = registered().values()
    floors = {found.floor for found in known}
    shown = [Column(found.name, *found.column, found.name in floors) for found in known if found.column]
    return sorted(shown, key=lambda c: ORDER.index(c.metric) if c.metric in ORDER else len(ORDER))


@dataclass(frozen=True)
class Row:
    """One entry. `kind` is model, plain (flat prior), or the name of a control; `choice` says how its scale came
    about: tuned, fixed, learned or none. `rank` is None for controls and for entries that lack a seed."""

    kind: str
    choice: str
    network: str
    prior: str
    scale: str
    scale_value: float
    method: str
    values: dict[str, Estimate]
    seconds: float
    seeds: int
    wanted: int
    rank: int | None = None
    tied: bool | None = None
    key: tuple = ()

    @property
    def is_control(self) -> bool:
        return self.kind in CONTROLS

    @property
    def is_fitted(self) -> bool:
        """Whether it is a control that was fitted to the training data."""
        return self.kind in FITTED

    @property
    def name(self) -> str:
        """The entry in words, such as `Laplace prior, tuned scale 0.3, mean-field VI`."""
        if self.is_control:
            return self.prior
        scale = {
            "tuned": f", tuned scale {self.scale_value:g}",
            "fixed": f", scale {self.scale_value:g}",
            "learned": f" with {self.scale} scale",
            "none": "",
        }[self.choice]
        return f"{self.prior} prior{scale}, {self.method}"


@dataclass(frozen=True)
class Board:
    """The leaderboard of one data set; `columns` are those of which it holds a value."""

    study: str
    dataset: str
    title: str
    columns: list[Column] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def printed(self) -> list[Column]:
        """The columns beside the NLL that fit on paper."""
        return [column for column in self.columns if column.metric in PRINTED]

    @property
    def best(self) -> Row | None:
        return next((row for row in self.rows if row.rank == 1), None)

    @property
    def ranked(self) -> list[Row]:
        return [row for row in self.rows if row.rank]

    @property
    def tied(self) -> list[Row]:
        """Entries other than the best whose paired interval to it covers zero."""
        return [row for row in self.ranked if row.tied and row.rank > 1]

    def reference(self, kind: str) -> Row | None:
        """The row of a control, or the plain network of the best entry's kind."""
        rows = [row for row in self.rows if row.kind == kind]
        same = [row for row in rows if self.best and row.network == self.best.network]
        return next(iter([*same, *rows]), None)

    @property
    def best_fitted(self) -> Row | None:
        """The fitted control with the lowest NLL."""
        return next((row for row in self.rows if row.is_fitted), None)

    def top(self, n: int) -> list[Row]:
        """The first n ranked entries and every control, in order."""
        return [row for row in self.rows if row.kind != "model" or (row.rank and row.rank <= n)]


def method_names(plan: Plan, study: str) -> dict[tuple[str, str], str]:
    """What each (inference, recipe) of a study is called, with its temperature where that is not 1."""
    return {
        (c.inference, c.recipe): prose.method(c.inference, c.recipe, float(c.settings.get("temperature", 1.0)))
        for c in plan.cells
        if c.study == study
    }


def boards(plan: Plan, results: Results, study: str) -> list[Board]:
    """Leaderboards of a study, in the order of its data sets; chains that missed the reference's gate have no place."""
    wide = {metric: by_seed(results, study, metric) for metric in (*(c.metric for c in columns()), SECONDS)}
    seconds = _seconds(results.cells, study)
    tuned = _tuned(results.tuned, study)
    methods = method_names(plan, study)
    names = dict.fromkeys(cell.dataset.name for cell in plan.cells if cell.study == study)
    found = []
    for name in names:
        board = Board(study, name, data_name(name))
        if name in wide["nll"].index.get_level_values("dataset"):
            tables = {m: pick(t, dataset=name) for m, t in wide.items()}
            board.columns.extend(c for c in columns() if tables[c.metric].notna().any(axis=None))
            facts = seconds, tuned, methods, len(plan.config.seeds), plain_method(names_in(tables["nll"], "inference"))
            facts = *facts, tasks.find(plan.datasets[name].task).controls
            rows = [_row(key, tables, *facts) for key in tables["nll"].index]
            rows = [row for row in rows if row.seeds]
            board.rows.extend(_ranked(rows, tables["nll"]))
        found.append(board)
    return found


def _row(
    key: tuple,
    tables: dict,
    seconds: pd.Series,
    tuned: dict,
    methods: dict,
    wanted: int,
    plain: str,
    controls: dict[str, str],
) -> Row:
    fact = dict(zip(UNIT, key, strict=True))
    inference, prior = fact["inference"], fact["prior"]
    seeds = int(tables["nll"].loc[key].notna().sum())
    values = {m: Estimate.of(t.loc[key]) if key in t.index else Estimate(float("nan")) for m, t in tables.items()}
    common = {"values": values, "seeds": seeds, "wanted": wanted, "key": key}
    if inference in CONTROLS:
        name = prose.upfirst(controls.get(inference) or name_of(inference))
        taken = Estimate.of(tables[SECONDS].loc[key]).mean if key in tables[SECONDS].index else float("nan")
        return Row(inference, "none", "", name, "", float("nan"), "", seconds=taken, **common)
    method = methods.get((inference, fact["recipe"])) or prose.method(inference, fact["recipe"])
    choice, scale = scale_choice(fact, tuned)
    network = ", ".join(filter(None, [fact["network"], likelihood_name(fact["likelihood"])]))
    return Row(
        kind="plain" if prior == "flat" and inference == plain else "model", choice=choice, network=network,
        prior=name_of(prior), scale=scale, scale_value=fact["scale"] or float("nan"), method=method,
        seconds=float(seconds.get(key, float("nan"))), **common,
    )  # fmt: skip


def scale_choice(fact: dict, tuned: dict[tuple, float]) -> tuple[str, str]:
    """How the scale of an entry came about, and its label."""
    if fact["hyperprior"] != "fixed":
        return "learned", name_of(fact["hyperprior"])
    if fact["scale"] == 0:
        return "none", prose.NONE
    is_tuned = tuned.get(_case(fact)) == fact["scale"]
    return ("tuned", f"tuned ({fact['scale']:g})") if is_tuned else ("fixed", f"{fact['scale']:g}")


def _case(fact: dict) -> tuple:
    return tuple(fact[name] for name in CASE)


def _tuned(table: pd.DataFrame, study: str) -> dict[tuple, float]:
    rows = table[table.study == study].to_dict("records")
    return {_case(row): row["scale"] for row in rows}


def _seconds(cells: pd.DataFrame, study: str) -> pd.Series:
    done = cells[(cells.study == study) & (cells.state == "done")]
    return done.assign(scale=done.scale.fillna(0.0)).groupby(["dataset", *ENTRY]).seconds.mean()


def _ranked(rows: list[Row], nll: pd.DataFrame) -> list[Row]:
    """Rows by mean NLL; ranks for complete models, and which of them cannot be told from the best."""
    rows = sorted(rows, key=lambda r: (r.values["nll"].mean, r.key))
    rank, best, found = 0, None, []
    for row in rows:
        changes = {}
        if not row.is_control and row.seeds == row.wanted:
            rank += 1
            best = best or row
            difference = Estimate.of(nll.loc[row.key] - nll.loc[best.key])
            tied = True if row is best else difference.covers_zero if difference.has_interval else None
            changes = {"rank": rank, "tied": tied}
        found.append(Row(**{**row.__dict__, **changes}))
    return found
