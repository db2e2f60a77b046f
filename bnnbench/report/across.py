"""Methods compared across data sets, where there are enough of them for a test to see anything."""

from dataclasses import dataclass

import pandas as pd

from bnnbench.reference import converged
from bnnbench.report import estimates
from bnnbench.report.estimates import by_seed
from bnnbench.report.findings import POINT
from bnnbench.results import Results
from bnnbench.statistics import RANKED_FROM, wilcoxon_holm


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

    A method's score on a data set is its mean test NLL over seeds and over the models that MAP has too. Wilcoxon's
    signed-rank test with Holm's correction over methods; nothing below `RANKED_FROM` data sets.
    """
    nll = estimates.without_controls(by_seed(converged(results.metrics, results.references), study, "nll"))
    if nll.empty or nll.index.get_level_values("dataset").nunique() < RANKED_FROM:
        return []
    mean = estimates.comparable(nll, results.tuned[results.tuned.study == study]).droplevel("scale").mean(axis=1)
    wide = mean.unstack(["inference", "recipe"])
    if (POINT, "") not in wide:
        return []
    found = []
    differences = wide.sub(wide[POINT, ""], axis=0).groupby(level="dataset").mean()
    scores = pd.DataFrame({column: differences[column] for column in wide.columns})
    scores.columns = pd.Index([names.get(column, column[0]) for column in wide.columns])
    for row in wilcoxon_holm(scores, names.get((POINT, ""), POINT)).itertuples():
        found.append(Row(row.Index, row.median, row.n, row.p, row.p_holm))
    return sorted(found, key=lambda r: r.median)
