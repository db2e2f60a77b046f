"""Claims in the report: one card a claim, a row a statistic; and distances to the reference."""

from dataclasses import dataclass

import pandas as pd

from bnnbench.claims import UNDECIDED, overall
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.report.estimates import Estimate
from bnnbench.words import prose
from bnnbench.words.names import data_name, model_name


@dataclass(frozen=True)
class Row:
    """One statistic of a claim; `link` is "" where the report does not hold what shows it."""

    statistic: str
    margin: str
    effect: Estimate
    unit: str
    floor: float
    n_seeds: int
    verdict: str
    label: str
    beside: bool
    note: str
    link: str


@dataclass(frozen=True)
class Card:
    """A claim with its verdict, which its statistics decide together; those beside it have no say."""

    id: str
    study: str
    source: str
    statement: str
    verdict: str
    provisional: bool
    rows: list[Row]

    @property
    def kind(self) -> str:
        """The verdict as the name of a style."""
        return self.verdict.replace(" ", "-")

    @property
    def deciding(self) -> list[Row]:
        return [row for row in self.rows if not row.beside]

    @property
    def n_seeds(self) -> int:
        """Seeds of the statistic that has fewest."""
        return min(row.n_seeds for row in self.deciding)

    @property
    def link(self) -> str:
        return next((row.link for row in self.rows if row.link), "")

    @property
    def summary(self) -> str:
        """Effects and margins of the deciding statistics in one line."""
        return "; ".join(f"{r.statistic} {_amount(r)}, claimed {r.margin}" for r in self.deciding)


def _amount(row: Row) -> str:
    if not row.n_seeds:
        return "not measured"
    digits = decimals(row.effect)
    text = prose.number(row.effect.mean, digits)
    if not row.effect.has_interval:
        return f"{text} (one seed, no interval)"
    return f"{text} [{prose.number(row.effect.low, digits)}, {prose.number(row.effect.high, digits)}]"


def decimals(effect: Estimate) -> int:
    """Decimals that show an effect and its interval."""
    size = max([abs(v) for v in (effect.mean, effect.low, effect.high) if v == v], default=1.0)
    return 2 if size >= 10 else 3 if size >= 0.02 else 4


def cards(results: Results, study: str, anchors: set[str]) -> list[Card]:
    """The claims of a study in their order; `anchors` are the places in the report that a link may lead to."""
    table = results.claims[results.claims.study == study]
    found = []
    for claim_id, part in table.groupby("id", sort=False):
        first, deciding = part.iloc[0], part[~part.beside]
        rows = [_row(r, anchors) for r in part.itertuples()]
        verdict = overall(list(deciding.verdict))
        found.append(Card(claim_id, study, first.source, first.claim, verdict, bool(deciding.provisional.any()), rows))
    return found


def _row(r, anchors: set[str]) -> Row:
    margin = f"{r.direction} {prose.number(r.margin, 2)}"
    label = r.verdict
    if r.verdict == UNDECIDED and r.n_seeds < 2:
        label = "undecided: one seed" if r.n_seeds else "undecided: no data"
    effect = Estimate(r.effect, r.low, r.high, int(r.n_seeds))
    page = r.figure.partition("#")[0]
    link = r.figure if r.figure in anchors else page if page in anchors else ""
    return Row(
        r.statistic, margin, effect, r.unit, r.floor, int(r.n_seeds), r.verdict, label, bool(r.beside), r.note, link
    )


@dataclass(frozen=True)
class Fidelity:
    """Distance of each method to the references of a study, and which references there are.

    `missing` says why there is none; `faults` are the cells that may not serve as references: (name, reason).
    """

    table: list[dict]
    missing: str
    n_passed: int
    n_references: int
    seconds: float
    faults: list[tuple[str, str, str]]
    n_faults: int

    @property
    def has_agreement(self) -> bool:
        """Whether its predictions are of classes, on which two can agree."""
        return any("agreement" in row for row in self.table)


def fidelity(results: Results, study: str, methods: dict[tuple[str, str], str]) -> Fidelity:
    """What a study's page says of the distance to the true posterior."""
    from bnnbench.plots.fidelity import fidelity_table

    references = results.references[results.references.study == study]
    rows, missing = [], ""
    try:
        for r in fidelity_table(results, study).itertuples():
            name = methods.get((r.inference, r.recipe)) or prose.method(r.inference, r.recipe)
            rows.append({
                "method": name, "n_cells": r.n_cells, "n_units": r.n_units, "n_seeds": r.n_seeds, "seconds": r.seconds,
                "total_variation_floor": r.total_variation_floor,
                "total_variation": Estimate(
                    r.total_variation, r.total_variation_low, r.total_variation_high, r.n_seeds),
            })  # fmt: skip
            if hasattr(r, "agreement"):
                agreement = Estimate(r.agreement, r.agreement_low, r.agreement_high, r.n_seeds)
                rows[-1] |= {"agreement": agreement, "agreement_floor": r.agreement_floor}
    except NothingToDraw as reason:
        missing = str(reason)
    faulty = references[~references.passed]
    faults = [
        (f"{data_name(g.dataset.iloc[0])}: {model_name(g.iloc[0])}", prose.ranges(g.seed), reason)
        for (_, _, _, _, _, reason), g in faulty.groupby(
            ["dataset", "network", "prior", "hyperprior", "scale", "reason"], sort=False, dropna=False
        )
    ]
    seconds = float(references.seconds.mean()) if len(references) else float("nan")
    return Fidelity(rows, missing, int(references.passed.sum()), len(references), seconds, faults, len(faulty))


def tally(found: list[Card]) -> str:
    """`2 reproduced, 1 not reproduced and 1 undecided`, of the verdicts that there are."""
    counts = pd.Series([card.verdict for card in found]).value_counts()
    order = [v for v in ("reproduced", "not reproduced", UNDECIDED) if v in counts]
    return prose.listing(f"{counts[v]} {v}" for v in order)
