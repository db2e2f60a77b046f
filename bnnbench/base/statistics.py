"""Means with intervals over seeds, and differences between methods that share data and initial values."""

import difflib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.api.types import is_list_like
from scipy import stats

BOOTSTRAP_FROM = 10
"""From this many values on, intervals are bootstrapped; below, a bootstrap undercovers and Student's t is used."""
RESAMPLES = 4000
SHOWN = 40
"""So many of a column's values are named where one that it lacks was asked for."""
POINTS = ("map", "mle")
"""Methods whose draws are all the same: scores of disagreement say nothing of them."""
MODEL = ["likelihood", "prior", "hyperprior", "scale", "inference", "recipe"]
"""The columns that say what was trained; data set, network and seed say on what."""


class Interval(NamedTuple):
    """A mean with the ends of its interval; `low` and `high` are NaN where there are fewer than two values."""

    mean: float
    low: float
    high: float


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """(mean, low, high) of independent values, one a seed; NaN are left out.

    Below 10 values a t interval; from 10 on the bootstrap's expanded percentiles (Hesterberg 2015, section 4.3), which
    are as wide as the t interval where the values are normal. The same values give the same interval.
    """
    x = np.sort(np.asarray(values, dtype=float).ravel())  # sorted, so that their order does not matter
    x = x[~np.isnan(x)]
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a probability such as 0.95")
    if not x.size:
        return Interval(np.nan, np.nan, np.nan)
    mean, n = float(x.mean()), len(x)
    if n == 1 or not np.isfinite(x).all():
        return Interval(mean, np.nan, np.nan)
    t = stats.t.ppf((1 + level) / 2, n - 1)
    if n < BOOTSTRAP_FROM:
        half = float(t * x.std(ddof=1) / np.sqrt(n))
        return Interval(mean, mean - half, mean + half)
    means = np.random.default_rng(0).choice(x, (RESAMPLES, n)).mean(1)
    tail = stats.norm.cdf(-t * np.sqrt(n / (n - 1)))
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def resampled_interval(values: ArrayLike, share: float, level: float = 0.95) -> Interval:
    """(mean, low, high) of values of random splits of one table into training and test rows; NaN are left out.

    Splits share rows, so their values are not independent: the variance of the mean is s² (1 / n + share), `share`
    being test rows over training rows of a split (Nadeau & Bengio 2003, Inference for the generalization error).
    """
    x = np.asarray(values, dtype=float).ravel()
    x = x[~np.isnan(x)]
    if len(x) < 2 or not np.isfinite(x).all():
        return mean_interval(x, level)
    half = stats.t.ppf((1 + level) / 2, len(x) - 1) * x.std(ddof=1) * np.sqrt(1 / len(x) + share)
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half))


def intervals(table: pd.DataFrame, by: str | Iterable[str], value: str = "value", level: float = 0.95) -> pd.DataFrame:
    """Mean, low, high and n (seeds) of `value` for each combination of the columns `by`, NaN among them counting.

    `by` is one column or several. `table` is the tidy metrics table, cut down so that a combination holds one row a
    seed: ValueError otherwise, and for columns that the table lacks.
    """
    by = [by] if isinstance(by, str) else list(by)
    if not by:
        raise ValueError("by names no column: name at least one, such as 'dataset'")
    for column, name in (*((c, "by") for c in by), (value, "value"), ("seed", "an interval over seeds")):
        _check_column(table, column, name)
    rows = []
    for key, group in table.groupby(by, dropna=False, sort=False):
        if group.seed.duplicated().any():
            varying = [c for c in group.columns if c not in (*by, value, "id", "seed") and group[c].nunique() > 1]
            raise ValueError(f"{dict(zip(by, key, strict=True))} has several rows a seed; they differ in {varying}")
        rows.append([*key, *mean_interval(group[value], level), len(group)])
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "n"])


def plain_method(methods: Iterable[str]) -> str:
    """What trained the plain network, of the methods run under the flat prior: maximum likelihood, else MAP."""
    return "mle" if "mle" in set(methods) else "map"


def balanced(wide: pd.DataFrame) -> pd.DataFrame:
    """The part of a table, with a column a seed, in which every seed has every row.

    Rows that lack a seed are left out, so that every seed's mean is over the same rows; where no row is complete,
    the rows and seeds that lack most, one by one.
    """
    wide = wide.dropna(how="all").dropna(axis=1, how="all")
    if len(complete := wide.dropna(axis=0)):
        return complete
    while (gaps := wide.isna()).to_numpy().any():
        of_rows, of_seeds = gaps.mean(axis=1), gaps.mean(axis=0)
        if of_rows.max() > of_seeds.max():
            wide = wide.drop(index=of_rows.idxmax())
        else:
            wide = wide.drop(columns=of_seeds.idxmax())
    return wide


class Difference(NamedTuple):
    """Mean of a - b with its interval over seeds; `pairs` counts (data set, network, seed), `seeds` seeds."""

    mean: float
    low: float
    high: float
    pairs: int
    seeds: int


def paired_difference(
    table: pd.DataFrame,
    a: Mapping[str, object],
    b: Mapping[str, object],
    metric: str,
    split: str = "test",
    level: float = 0.95,
) -> Difference:
    """Mean difference a - b of a metric, paired by (dataset, network, seed), with its interval over seeds.

    `table` is the tidy metrics table; `a` and `b` give columns their values, e.g. {"prior": "laplace", "hyperprior":
    "half_cauchy", "inference": "mean_field"}, a list standing for any of its values. A pair lacking either side or
    holding NaN is left out: where none is whole the mean is NaN, of 0 pairs. ValueError where a or b picks several rows
    of one pair, and for a metric, a split or a value that no row of the table has, which would be a misspelling.

    Data sets and networks are fixed and seeds are drawn, so differences are averaged within a seed before the interval
    is taken, over the same data sets in every seed (`balanced`).
    """
    for column, wanted in (("metric", metric), ("split", split)):
        _check_value(table, column, wanted, "the table")
    for side, name in ((a, "a"), (b, "b")):
        for column, wanted in side.items():
            _check_column(table, column, name)
            for one in wanted if is_list_like(wanted) else [wanted]:
                _check_value(table, column, one, name)
    rows = table[(table.metric == metric) & (table.split == split)]
    sides = [_one_side(rows, side, name) for side, name in ((a, "a"), (b, "b"))]
    differences = balanced((sides[0] - sides[1]).unstack("seed"))
    seeds = differences.shape[1] if differences.size else 0
    return Difference(*mean_interval(differences.mean(axis=0), level), differences.size, seeds)


def _one_side(rows: pd.DataFrame, side: Mapping[str, object], name: str) -> pd.Series:
    for column, wanted in side.items():
        if isinstance(wanted, float) and np.isnan(wanted):
            rows = rows[rows[column].isna()]
        elif is_list_like(wanted):
            rows = rows[rows[column].isin(wanted)]
        else:
            rows = rows[rows[column] == wanted]
    keyed = rows.set_index(["dataset", "network", "seed"]).value
    if keyed.index.duplicated().any():
        first = keyed.index[keyed.index.duplicated()][0]
        varying = [c for c in (*MODEL, "study") if c in rows and rows[c].nunique(dropna=False) > 1]
        raise ValueError(f"{name} picks several rows of {first}: they differ in {', '.join(varying)}; set these too")
    return keyed


def _check_column(table: pd.DataFrame, column: object, name: str) -> None:
    if column not in table.columns:
        raise ValueError(f"{name} names the column '{column}', which the table lacks: it has {list(table)}")


def _check_value(table: pd.DataFrame, column: str, wanted: object, name: str) -> None:
    """ValueError where no row at all has the value. A table without rows, and NaN, are never misspelt."""
    if table.empty or pd.isna(wanted) or (table[column] == wanted).any():
        return
    known = sorted(table[column].dropna().unique(), key=str)
    near = difflib.get_close_matches(str(wanted), map(str, known), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    shown = ", ".join(map(str, known[:SHOWN])) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
    raise ValueError(f"{name} has no row whose {column} is {wanted!r}: {hint}there are {shown}")


RANKED_FROM = 8
"""From this many data sets on, methods are compared across data sets; with fewer, no difference could be seen."""


def holm(p_values: ArrayLike) -> np.ndarray:
    """p-values adjusted for their number by Holm's step-down method (Holm 1979), in the order given."""
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be a list of probabilities, got {p_values}")
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(p) else steps
    return adjusted


def wilcoxon_holm(scores: pd.DataFrame, against: str) -> pd.DataFrame:
    """Each method against one of them over data sets: Wilcoxon's signed-rank test, Holm's correction over methods.

    `scores` has a row a data set and a column a method, one mean over seeds each (Demšar 2006). Returns, by method,
    the median difference to `against`, the number of data sets that have both, p and p after correction. Methods that
    share fewer than RANKED_FROM data sets with it are left out; two that agree everywhere have p = 1.
    """
    if against not in scores:
        raise ValueError(f"against is '{against}': choose one of {', '.join(map(str, scores))}")
    rows = []
    for method in scores.columns.drop(against):
        difference = (scores[method] - scores[against]).dropna()
        if len(difference) >= RANKED_FROM:
            p = stats.wilcoxon(difference).pvalue if difference.any() else 1.0
            rows.append((method, float(difference.median()), len(difference), float(p)))
    made = pd.DataFrame(rows, columns=["method", "median", "n", "p"]).set_index("method")
    return made.assign(p_holm=holm(made.p))
