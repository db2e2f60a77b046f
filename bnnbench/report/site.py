"""What the templates are given: one dictionary for the whole site, and one a study."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bnnbench import tasks
from bnnbench.base import gate
from bnnbench.evaluation.results import Results
from bnnbench.report import across, claims, facts, findings, leaderboard
from bnnbench.report.estimates import PROVISIONAL_BELOW
from bnnbench.report.figures import Figures
from bnnbench.report.findings import Finding
from bnnbench.report.headlines import headlines
from bnnbench.report.leaderboard import Board
from bnnbench.study import failures
from bnnbench.study.grid import Plan
from bnnbench.words import prose
from bnnbench.words.names import ordered_choices

CHOICES = {"tuned": "tuned", "fixed": "fixed", "learned": "learned", "none": "no scale"}


@dataclass(frozen=True)
class Study:
    """A study as its page shows it."""

    name: str
    title: str
    question: str
    page: str
    boards: list[Board]
    findings: list[Finding]
    counts: dict[str, int]
    datasets: list[facts.DatasetFacts]
    config: Any
    methods: dict[tuple[str, str], str]
    claims: list[claims.Card]
    fidelity: claims.Fidelity
    across: list[across.Row]
    controls: dict[str, str]
    """What the two controls are called, by what they are."""
    chance_knows: str = ""
    """What the one that stands for chance knows, a few words."""
    has_excess: bool = True
    """Whether its scores have an excess over those of the other."""
    scales: list[float] = field(default_factory=list)
    hyperpriors: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)
    notebook: str = ""

    @property
    def headlines(self) -> list[Finding]:
        """What the overview says of it."""
        return headlines(self.findings)

    @property
    def comparisons(self) -> dict[str, list[Finding]]:
        """Findings by topic, parts included."""
        topics = dict.fromkeys(f.topic for f in self.findings)
        return {topic: [f for f in self.findings if f.topic == topic] for topic in topics}

    @property
    def networks(self) -> list[str]:
        return list(self.config.networks)

    @property
    def priors(self) -> list[str]:
        return self._distinct("prior")

    @property
    def methods_shown(self) -> list[str]:
        return self._distinct("method")

    @property
    def choices(self) -> dict[str, str]:
        used = {row.choice for row in self._models()}
        return {choice: label for choice, label in CHOICES.items() if choice in used}

    @property
    def one_seed(self) -> bool:
        return max((row.seeds for row in self._models()), default=0) == 1

    @property
    def has_bayes(self) -> bool:
        return any(board.reference("bayes_rule") for board in self.boards)

    @property
    def has_fitted(self) -> bool:
        """Whether controls were fitted to any of its data sets."""
        return any(board.best_fitted for board in self.boards)

    @property
    def shows_distance(self) -> bool:
        """Whether a distance to the true posterior or to the Bayes rule is a matter of this study."""
        return bool(self.fidelity.n_references) or (self.has_bayes and self.has_excess)

    @property
    def networks_shown(self) -> list[str]:
        """Networks of the entries, each with its likelihood where that is not the default."""
        return self._distinct("network")

    @property
    def shows_networks(self) -> bool:
        return len(self.networks) > 1 or len(self.networks_shown) > 1

    @property
    def has_classes(self) -> bool:
        """Whether all its data sets, as far as they are there, have classes to predict."""
        return not any(data.targets for data in self.datasets)

    def _models(self):
        return [row for board in self.boards for row in board.rows if row.kind in ("model", "plain")]

    def _distinct(self, name: str) -> list[str]:
        return sorted({getattr(row, name) for row in self._models()}, key=str.casefold)


def study(
    plan: Plan, results: Results, name: str, figures: Figures, notebook: str, anchors: frozenset[str] = frozenset()
) -> Study:
    """Everything that a study's page shows. `anchors` are places outside that page which claims may link to."""
    page = f"study-{name}.html"
    anchors = anchors | {f"{page}#{anchor}" for anchor in figures.anchors}
    config, methods = plan.study_configs[name], leaderboard.method_names(plan, name)
    boards = leaderboard.boards(plan, results, name)
    cells = results.cells[results.cells.study == name]
    fixed = cells.hyperprior == "fixed"
    task = tasks.find(next(c.dataset.task for c in plan.cells if c.study == name))
    controls = task.controls
    return Study(
        name=name, title=config.title, question=config.question, page=page, boards=boards,
        findings=findings.of_study(results, name, methods, controls["bayes_rule"]),
        counts=facts.counts(cells), scales=sorted(cells.scale[fixed].dropna().unique()),
        hyperpriors=ordered_choices(cells.hyperprior[cells.hyperprior != "fixed"]),
        datasets=facts.dataset_facts(plan, name), config=config, methods=methods, figures=figures, notebook=notebook,
        claims=claims.cards(results, name, anchors), fidelity=claims.fidelity(results, name, methods),
        across=across.against_point(results, name, methods), controls=controls, chance_knows=task.chance_knows,
        has_excess=not results.rows("metrics", ["value"], study=name, metric="excess_nll").empty,
    )  # fmt: skip


def site(plan: Plan, results: Results, studies: list[Study]) -> dict[str, Any]:
    """What every page and the PDF may show."""
    methods = {s.name: s.methods for s in studies}
    n = facts.counts(results.cells)
    return {
        "studies": studies,
        "claims": [card for s in studies for card in s.claims],
        "tally": claims.tally,
        "gate": {name.lower(): value for name, value in vars(gate).items() if name.isupper()},
        "counts": n,
        "n_cells": len(results.cells),
        "broken_notebooks": failures.notebook_faults(plan),
        "broken_figures": broken_figures(studies),
        "n_bad": sum(n.get(state, 0) for state in facts.BAD),
        "seeds": plan.config.seeds,
        "provisional_below": PROVISIONAL_BELOW,
        "timing": facts.timing(results, methods),
        "not_done": facts.groups(results.cells, ("failed", "missing", "skipped"), methods),
        "merged": facts.merged_groups(results.cells, methods),
        "provenance": facts.provenance(results),
        "machine": facts.machine(),
        "config": facts.resolved_config(plan),
        "datasets": facts.dataset_facts(plan),
        "definitions": facts.definitions(plan),
        "metrics": facts.metrics(results),
        "words": prose,
    }


def broken_figures(studies: Iterable["Study"]) -> dict[str, str]:
    """What was raised in figures that failed, by study and figure."""
    return {f"{s.name}, {name}": fault for s in studies for name, fault in s.figures.faults.items()}
