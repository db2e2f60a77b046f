"""Evidences of models and what Gaussians miss of their posteriors, as tables that figures and claims share."""

import pandas as pd

from bnnbench.evaluation.reference import serving_ids
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import MODEL, NothingToDraw, scores

FEWEST = 3
"""Models that can be ranked."""
PLACE = ["dataset", "network", "likelihood", *MODEL, "seed"]


def evidences(results: Results, study: str) -> pd.DataFrame:
    """The log evidence of each model whose reference passed its gate, a row each data set, model and seed.

    Columns: those of PLACE, `log_evidence` with its standard error `se`, and `nll`, the test NLL of the reference that
    serves there. Raises NothingToDraw where no reference has an evidence.
    """
    rows, passed = scores(results, study, ["log_evidence", "log_evidence_se"]), results.references
    rows = _filled(rows[rows.id.isin(passed.id[passed.passed])])
    if rows.empty:
        raise NothingToDraw(f"no reference of {study} that passed its gate has an evidence")
    # Laplace's estimate is of no reference; of references only those by populations have one.
    wide = rows.pivot_table(index=PLACE, columns="metric", values="value", aggfunc="first").reset_index()
    known = _filled(scores(results, study, "nll"))
    known = known[known.id.isin(serving_ids(passed))][[*PLACE, "value"]].rename(columns={"value": "nll"})
    return wide.merge(known, on=PLACE).rename(columns={"log_evidence_se": "se"}).rename_axis(columns=None)


def divergences(results: Results, study: str) -> pd.DataFrame:
    """KL to the posterior of each Gaussian whose model has an evidence, a row a cell.

    Columns: those of PLACE, inference, recipe, `kl`, `se`, `less_symmetry`, `elbo`, `total_variation` to the reference.
    Raises NothingToDraw where there is none.
    """
    names = {
        "kl_to_posterior": "kl", "kl_to_posterior_se": "se", "kl_less_symmetry": "less_symmetry", "elbo": "elbo",
        "total_variation": "total_variation",
    }  # fmt: skip
    rows = _filled(scores(results, study, list(names)))
    by = [*PLACE, "inference", "recipe"]
    wide = rows.pivot_table(index=by, columns="metric", values="value", aggfunc="first").reindex(columns=list(names))
    wide = wide.rename(columns=names).rename_axis(columns=None).dropna(subset="kl").reset_index()
    if wide.empty:
        raise NothingToDraw(f"no method of {study} has a known KL to the posterior")
    return wide


def elbos(results: Results, study: str, inference: str) -> pd.DataFrame:
    """The evidence beside the ELBO of a method, a row each data set, model and seed that has both: PLACE,
    log_evidence, se, nll, elbo."""
    rows = _filled(scores(results, study, "elbo", inference=inference, recipe=""))
    both = evidences(results, study).merge(rows[[*PLACE, "value"]].rename(columns={"value": "elbo"}), on=PLACE)
    if both.empty:
        raise NothingToDraw(f"no model of {study} has an evidence and an ELBO of {inference}")
    return both


def rank_correlations(table: pd.DataFrame, a: str, b: str, fewest: int = FEWEST) -> pd.DataFrame:
    """Spearman's rank correlation of two columns over models, a row each data set, network and likelihood, a column a
    seed; places with fewer models than `fewest` are left out."""
    by = ["dataset", "network", "likelihood"]
    sizes = table.groupby([*by, "seed"])[a].transform("size")
    groups = table[sizes >= fewest].groupby([*by, "seed"])
    found = groups[[a, b]].apply(lambda rows: rows[a].corr(rows[b], method="spearman"))
    if found.empty:
        raise NothingToDraw(f"no data set has {fewest} models to rank")
    return found.unstack("seed")


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """No scale as scale 0, so that rows can be joined by it."""
    return rows.assign(scale=rows.scale.fillna(0.0))
