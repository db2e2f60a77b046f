"""Methods compared across data sets, where there are enough of them for a test to see anything."""

from dataclasses import dataclass

import pandas as pd

from bnnbench.base.statistics import RANKED_FROM, balanced, wilcoxon_holm
from bnnbench.evaluation.results import Results
from bnnbench.report import estimates
from bnnbench.report.estimates import by_seed
from bnnbench.report.findings import POINT


@dataclass(frozen=True)
class Row:
    """A method against MAP over data sets: the median difference in test NLL, and p before and after correction."""

    method: str
    median: float
    n: int
    p: float
    p_holm: float


def against_point(results: Results, study: str, names: dict[tuple[str, str], str]) -> list[Row]:
    """Each method against MAP over the data sets of a study, tuned scales being each method's own.

    A method's score on a data set is its test NLL minus MAP's, a mean over the models and seeds that both have.
    Wilcoxon's signed-rank test with Holm's correction over methods; nothing below `RANKED_FROM` data sets.
    """
    nll = estimates.without_controls(by_seed(results, study, "nll"))
    if nll.empty or nll.index.get_level_values("dataset").nunique() < RANKED_FROM:
        return []
    chosen = estimates.comparable(nll, results.tuned[results.tuned.study == study]).droplevel("scale")
    point = estimates.pick(chosen, inference=POINT, recipe="").droplevel(["inference", "recipe"])
    if point.empty:
        return []
    scores = {}
    for method, rows in estimates.by_method(chosen):
        rows = rows.droplevel(["inference", "recipe"])
        difference = balanced(rows - point.reindex(rows.index))
        scores[names.get(method, method[0])] = difference.mean(axis=1).groupby(level="dataset").mean()
    found = []
    for row in wilcoxon_holm(pd.DataFrame(scores), names.get((POINT, ""), POINT)).itertuples():
        found.append(Row(row.Index, row.median, row.n, row.p, row.p_holm))
    return sorted(found, key=lambda r: r.median)
