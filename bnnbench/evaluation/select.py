"""Which rows and cells a figure shows."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd

from bnnbench.base.statistics import POINTS, intervals
from bnnbench.evaluation.reference import converged
from bnnbench.evaluation.results import Results
from bnnbench.source.plugins import known


class NothingToDraw(ValueError):
    """The results hold nothing that the figure could show; the message says what is missing."""


WHERE = ["dataset", "network", "likelihood", "inference", "recipe"]
MODEL = ["prior", "hyperprior", "scale"]
FITTED = tuple(known("control"))
"""Controls that are fitted, where a data set has them."""
CONTROLS = ("chance", "bayes_rule", *FITTED)


def scores(results: Results, study: str, metric: str = "nll", split: str = "test", **where) -> pd.DataFrame:
    """Rows of the metrics table of trained cells of a study, one a cell. `where` narrows columns: a value or a list.

    Raises NothingToDraw where no row is left.
    """
    table = results.rows("metrics", study=study, metric=metric, split=split)
    return _narrow(table[~table.inference.isin(CONTROLS)], where, f"{metric} of {study}")


def converged_scores(results: Results, study: str, metric: str, split: str = "test", **where) -> pd.DataFrame:
    """`scores` without those of chains that missed the gate."""
    table = converged(scores(results, study, metric, split, **where), results.references)
    return _narrow(table, {}, f"{metric} of {study} of chains that passed the gate")


def done(results: Results, study: str, **where) -> pd.DataFrame:
    """Rows of the cells of a study that are trained. Raises NothingToDraw where no row is left."""
    table = results.cells
    return _narrow(table[(table.study == study) & (table.state == "done")], where, f"trained cell of {study}")


def _narrow(table: pd.DataFrame, where: dict, what: str) -> pd.DataFrame:
    for column, wanted in where.items():
        if wanted is not None:
            table = table[table[column].isin(wanted if isinstance(wanted, list | tuple) else [wanted])]
    if table.empty:
        listed = {k: " or ".join(map(str, v)) if isinstance(v, list | tuple) else v for k, v in where.items()}
        asked = ", ".join(f"{k} {v}" for k, v in listed.items() if v not in (None, ""))
        raise NothingToDraw(f"the results hold no {what}" + (f" with {asked}" if asked else ""))
    return table


def control(results: Results, dataset: str, name: str, metric: str = "nll") -> float:
    """Mean over seeds of a test metric of a control, such as `chance`; NaN where there is none."""
    rows = results.rows("metrics", dataset=dataset, inference=name, metric=metric, split="test")
    return float(rows.drop_duplicates("seed").value.mean()) if len(rows) else np.nan


def of_fitted_controls(results: Results, study: str, metric: str = "nll", **where) -> pd.DataFrame:
    """Test metric with its interval over seeds of the fitted controls of a study's data sets, a row each.

    Columns dataset, inference, mean, low, high, n; without rows where no data set has any.
    """
    rows = results.rows("metrics", study=study, metric=metric, split="test")
    rows = rows[rows.inference.isin(FITTED)]
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    return intervals(rows, ["dataset", "inference"]) if len(rows) else rows.assign(mean=[], low=[], high=[], n=[])


def compared(results: Results, study: str, metric: str = "nll", **where) -> pd.DataFrame:
    """Test metric with its interval over seeds of every model, the fixed scales cut down to the tuned one.

    One row per model, data set, network and method, with mean, low, high, n and `tuned`, which is True where the fixed
    scale was chosen among several. Fixed scales of priors that have only one are kept.
    """
    table = intervals(converged_scores(results, study, metric, **where), [*WHERE, *MODEL])
    chosen = results.tuned[results.tuned.study == study][[*WHERE, "prior", "scale"]]
    table = table.merge(chosen.rename(columns={"scale": "chosen"}), on=[*WHERE, "prior"], how="left")
    tuned = (table.hyperprior == "fixed") & table.chosen.notna()
    keep = ~tuned | np.isclose(table.scale, table.chosen)
    return table.assign(tuned=tuned).drop(columns="chosen")[keep].reset_index(drop=True)


def best_models(
    results: Results,
    study: str,
    dataset: str,
    inference: str,
    network: str | None = None,
    likelihood: str | None = None,
) -> pd.DataFrame:
    """The model of each prior with the lowest mean validation NLL over seeds, best prior first.

    Columns network, likelihood, prior, hyperprior, scale, mean. Models that lack a seed that another has do not
    compete.
    """
    where = {"dataset": dataset, "inference": inference, "network": network, "likelihood": likelihood, "recipe": ""}
    table = intervals(converged_scores(results, study, "nll", "validation", **where), ["network", "likelihood", *MODEL])
    table = table[table.n == table.n.max()].sort_values("mean", kind="stable")
    return table.drop_duplicates("prior").reset_index(drop=True)


def cells_of(results: Results, study: str, model, **where) -> pd.DataFrame:
    """The trained cells of a model (prior, hyperprior, scale, and network and likelihood where it names them).

    Raises NothingToDraw where there is none.
    """
    where = {name: getattr(model, name) for name in ("network", "likelihood") if hasattr(model, name)} | where
    rows = done(results, study, prior=model.prior, hyperprior=model.hyperprior, recipe="", **where)
    rows = rows[rows.scale.isna() if np.isnan(model.scale) else np.isclose(rows.scale, model.scale)]
    if rows.empty:
        raise NothingToDraw(f"no trained cell of {study} has prior {model.prior} with scale {model.scale:g}")
    return rows


def cell_of(results: Results, study: str, model, **where) -> pd.Series:
    """The trained cell of a model with the lowest seed; arguments and faults as `cells_of`."""
    return cells_of(results, study, model, **where).sort_values("seed").iloc[0]


def methods_of(results: Results, study: str, dataset: str) -> list[str]:
    """Methods that were run on a data set as they are, in the study's order."""
    found = set(done(results, study, dataset=dataset, recipe="").inference)
    return [name for name in results.plan.study_configs[study].inference if name in found]


def chosen_cell(results: Results, study: str, dataset: str, inference: str, likelihood: str | None = None) -> pd.Series:
    """The cell, at the lowest seed, of a method's model with the lowest mean validation NLL; of chains that passed."""
    models = best_models(results, study, dataset, inference, likelihood=likelihood)
    cells = cells_of(results, study, models.iloc[0], dataset=dataset, inference=inference)
    return converged(cells, results.references).sort_values("seed").iloc[0]


def chosen_cells(results: Results, study: str, dataset: str, inference: list[str] | None = None) -> list[pd.Series]:
    """`chosen_cell` of each method; methods without one, whose chains missed the gate, are left out."""
    cells = []
    for method in inference or methods_of(results, study, dataset):
        try:
            cells.append(chosen_cell(results, study, dataset, method))
        except NothingToDraw:
            continue
    if not cells:
        raise NothingToDraw(f"no method has a trained cell on {dataset}")
    return cells


def best_cell(
    results: Results, study: str, inference: str | None = None, dataset: str | None = None, like: str | None = None
) -> str:
    """Id of a trained cell of the model with the lowest mean validation NLL, at the lowest seed.

    Without `inference`, of the study's `main_method`. With a cell's id as `like`, of that
    cell's data set and network.
    """
    network = None
    if like is not None:
        dataset, network = results.row(like).dataset, results.row(like).network
    cells = done(results, study, dataset=dataset)
    dataset = dataset or cells.dataset.iloc[0]
    inference = inference or main_method(results, study)
    model = best_models(results, study, dataset, inference, network).iloc[0]
    return cell_of(results, study, model, dataset=dataset, inference=inference, network=model.network).id


def with_tuned_scales(results: Results, study: str, **where) -> pd.DataFrame:
    """The test rows of the metrics table of a study's models, the fixed scales cut down to the tuned one."""
    metric = {"metric": where["metric"]} if where.get("metric") else {}
    table = results.rows("metrics", study=study, split="test", **metric)
    table = table[~table.inference.isin(CONTROLS)]
    return only_tuned_scales(results, _narrow(table, where, f"test result of {study}"))


def only_tuned_scales(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of metrics or of readings, the fixed scales cut down to the tuned one."""
    chosen = results.tuned[[*WHERE, "study", "prior", "scale"]].rename(columns={"scale": "chosen"})
    rows = rows.merge(chosen, on=["study", *WHERE, "prior"], how="left")
    keep = (rows.hyperprior != "fixed") | rows.chosen.isna() | np.isclose(rows.scale, rows.chosen)
    return rows[keep].drop(columns="chosen")


def probed(results: Results, study: str, probe: str, **where) -> pd.DataFrame:
    """Rows of a probe's readings of a study, the fixed scales cut down to the tuned one.

    `where` narrows columns: a value or a list. Raises NothingToDraw where no row is left.
    """
    what = f"reading of the probe '{probe}' of {study}"
    table = results.rows("probes", study=study, probe=probe)
    if table.empty:
        raise NothingToDraw(f"no cell of {study} was put to the probe '{probe}'")
    return _narrow(only_tuned_scales(results, _narrow(table, where, what)), {}, f"{what} of the scale that was chosen")


def chosen_readings(results: Results, study: str, probe: str, inference: str) -> pd.DataFrame:
    """A probe's readings of a method's cells of the model that validation data chose on each data set."""
    table = probed(results, study, probe, inference=inference, recipe="")
    kept = []
    for dataset in dict.fromkeys(table.dataset):
        try:
            model = best_models(results, study, dataset, inference).iloc[0]
        except NothingToDraw:
            continue  # its chains missed the gate there
        cells = cells_of(results, study, model, dataset=dataset, inference=inference)
        kept.append(table[table.id.isin(cells.id)])
    if not kept or pd.concat(kept).empty:
        raise NothingToDraw(f"no cell of {inference} with the chosen model was probed")
    return pd.concat(kept)


def spread_ratios(readings: pd.DataFrame, metric: str, region: str) -> pd.DataFrame:
    """A spread in a region over that inside, of readings of the probe `regions`; a row a data set, a column a seed.

    Without rows where nothing spreads inside, as of a point estimate's draws, or where no data set has the region.
    """
    table = readings[readings.metric == metric].pivot_table("value", ["dataset", "seed"], "variable")
    table = table.reindex(columns=["inside", region]).dropna()
    table = table[table.inside > 0]
    return (table[region] / table.inside).unstack("seed")


def point_methods(results: Results, study: str) -> set[str]:
    """Methods of a study whose draws are all the same: the known ones, and those whose predictions never vary."""
    rows = results.rows("metrics", ["inference", "value"], study=study, metric="total_variance")
    rows = rows[~rows.inference.isin(CONTROLS)]
    largest = rows.groupby("inference").value.max()
    return {*POINTS, *largest.index[largest == 0]}


def main_method(results: Results, study: str) -> str:
    """The method that figures show where they show one: mean_field, else another that has draws, else MAP."""
    known = list(done(results, study).inference.unique())
    others = sorted(point_methods(results, study) - set(POINTS))
    last = ("prior_only", *POINTS, *others)
    return min(known, key=lambda m: (last.index(m) + 1 if m in last else 0, m != "mean_field"))


def datasets_of(results: Results, study: str) -> list[str]:
    """Data sets of a study with trained cells, in its order."""
    return list(dict.fromkeys(done(results, study).dataset))


def noisiest(results: Results, study: str) -> list[str]:
    """For each family of data sets with trained cells, the one with the most noise."""
    cells = done(results, study).sort_values("noise", ascending=False, kind="stable")
    return list(cells.drop_duplicates("family").sort_index().dataset)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: the arrays are small, and threads that wait for each other cost more than they give."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def parameters_of(results: Results, cell_id: str) -> pd.DataFrame:
    """Stored weight summaries of one cell: parameter, mean, sd, q025, q50, q975, one row a weight."""
    stored = results.arrays(cell_id, "weights")
    frame = {k: stored[k].values for k in ("mean", "sd", "q025", "q50", "q975")}
    return pd.DataFrame({"parameter": stored.parameter.values, **frame})
