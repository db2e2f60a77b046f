"""What the claims of several studies are computed with: tables with a column a seed, and differences between them."""

from collections.abc import Callable

import pandas as pd

from bnnbench.claims._base import Measured
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, scores, with_tuned_scales

UNITS = ["dataset", "network", "prior", "hyperprior", "scale"]

Measure = Callable[[Results, str], Measured]
"""A statistic of a study's results: called with them and the study's name."""


def wide(rows: pd.DataFrame, by: list[str] = UNITS) -> pd.DataFrame:
    """The column `value` with a row each combination of `by` and a column a seed; no scale is scale 0."""
    return rows.assign(scale=rows.scale.fillna(0.0)).set_index([*by, "seed"]).value.unstack("seed")


def accuracy(results: Results, study: str, **where) -> pd.DataFrame:
    """Test accuracy in points with a row each network and a column a seed; a fixed scale that is not named is tuned."""
    pick = scores if "scale" in where else with_tuned_scales
    return 100 * wide(pick(results, study, metric="accuracy", **where), ["dataset", "network"])


def difference(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """a - b where both have the data set, network and seed."""
    by = ["dataset", "network"]
    a, b = (side.groupby(level=by).mean() for side in (a, b))
    common, seeds = a.index.intersection(b.index), a.columns.intersection(b.columns)
    found = a.loc[common, seeds] - b.loc[common, seeds]
    if found.dropna(how="all").empty:
        raise NothingToDraw("no network and seed has both sides of the comparison")
    return found
