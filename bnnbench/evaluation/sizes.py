"""Results of data sets that differ in one option alone: the size of the training set, or the noise."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from bnnbench import datasets
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import MODEL, NothingToDraw, converged_scores, done, scores
from bnnbench.study.cells import DatasetSpec


@dataclass(frozen=True)
class Parts:
    """The metrics that are the two uncertainties of a task, and what they are checked against.

    power: to which the epistemic one is taken before slopes are: mutual information goes as a variance does, so that
    its root is compared with an sd.
    """

    aleatoric: str
    epistemic: str
    power: float
    aleatoric_ratio: str
    epistemic_ratio: str


PARTS = {
    "regression": Parts("aleatoric_sd", "epistemic_sd", 1.0, "aleatoric_sd_ratio", "epistemic_error_ratio"),
    "classification": Parts(
        "expected_entropy", "mutual_information", 0.5, "aleatoric_entropy_ratio", "information_excess_ratio"
    ),
}
"""By task."""


def first_network(results: Results, study: str) -> str:
    """The network that a study names first; others are controls beside it."""
    return next(iter(results.plan.study_configs[study].networks))


def curve_of(spec: DatasetSpec) -> str:
    """A data set's name without the size of its training set."""
    return spec.name.removesuffix(f"-n-{options_of(spec).get('n_train')}")


def options_of(spec: DatasetSpec) -> dict:
    """Its options, with the defaults of those that are not given."""
    return datasets.known_options(spec.family) | spec.options


def facts(results: Results, study: str) -> pd.DataFrame:
    """One row a data set with trained cells: dataset, task, n_train, noise, and what it shares with others.

    `curve` is its name without the size, `quietened` its name with the default noise, and `plain` whether all options
    but the sizes are the defaults.
    """
    names = dict.fromkeys(done(results, study).dataset)
    return pd.DataFrame([_facts_of(results.plan.datasets[name]) for name in names])


@cache
def _facts_of(spec: DatasetSpec) -> dict:
    options, usual = options_of(spec), datasets.known_options(spec.family)
    rest = {key: value for key, value in options.items() if not key.startswith("n_")}
    noise = {"noise": usual["noise"]} if usual.get("noise", ...) is not ... else {}
    return {
        "dataset": spec.name, "task": spec.task, "n_train": options.get("n_train", np.nan),
        "noise": options.get("noise", np.nan), "curve": curve_of(spec),
        "plain": all(usual.get(key) == value for key, value in rest.items()),
        "quietened": datasets.dataset_name(spec.family, spec.options | noise),
    }  # fmt: skip


def chosen_ids(results: Results, study: str, inference: str, network: str) -> set[str]:
    """Ids of a method's cells of the model with the lowest mean validation NLL over seeds on each data set.

    Of chains that passed the gate; models that lack a seed that another has do not compete. Raises NothingToDraw where
    no cell is left.
    """
    where = {"inference": inference, "network": network, "recipe": ""}
    rows = converged_scores(results, study, "nll", "validation", **where)
    by = ["dataset", "likelihood", *MODEL]
    means = rows.groupby(by, dropna=False, sort=False).value.agg(["mean", "size"]).reset_index()
    means = means[means["size"] == means.groupby("dataset")["size"].transform("max")]
    best = means.sort_values("mean", kind="stable").drop_duplicates("dataset")[by]
    return set(rows.merge(best, on=by).id)


def chosen_scores(
    results: Results, study: str, metric: str, inference: str, task: str, network: str | None = None
) -> pd.DataFrame:
    """A test metric of a method on every data set of a task, of the model that validation data chose there.

    One row a data set and seed: value, seed and the columns of `facts`; of chains those that passed the gate. network:
    default: the one that the study names first. Raises NothingToDraw where no row is left.
    """
    network = network or first_network(results, study)
    known = facts(results, study)
    of_task = list(known.dataset[known.task == task])
    where = {"inference": inference, "network": network, "recipe": "", "dataset": of_task}
    rows = scores(results, study, metric, **where)
    found = rows[rows.id.isin(chosen_ids(results, study, inference, network))]
    if found.empty:
        raise NothingToDraw(f"no cell of {inference} and {network} has the metric {metric}")
    return found[["dataset", "seed", "value"]].merge(known, on="dataset")


def methods(results: Results, study: str, **where) -> list[str]:
    """Methods that were run as they are on the study's first network, in its order."""
    found = set(done(results, study, recipe="", network=first_network(results, study), **where).inference)
    return [name for name in results.plan.study_configs[study].inference if name in found]


def by_method(results: Results, study: str, metric: str, task: str) -> pd.DataFrame:
    """`chosen_scores` of every method, with the column inference; methods without a row are left out."""
    kept = []
    for method in methods(results, study):
        with suppress(NothingToDraw):
            kept.append(chosen_scores(results, study, metric, method, task).assign(inference=method))
    if not kept:
        raise NothingToDraw(f"the results hold no {metric}")
    return pd.concat(kept)


def true_noise(results: Results, study: str, metric: str, known: pd.DataFrame) -> pd.DataFrame:
    """What the true law has of a metric, of known data sets: one value each."""
    rows = results.rows("metrics", study=study, inference="bayes_rule", metric=metric, split="test")
    return rows.drop_duplicates("dataset")[["dataset", "value"]].merge(known, on="dataset")


def slopes(rows: pd.DataFrame, along: str, by: str) -> pd.DataFrame:
    """Log-log slopes of `value` against the column `along`, by least squares; a row a value of `by`, a column a seed.

    Of values above 0, at what of `along` every seed of the row has; NothingToDraw unless some row has two.
    """
    found = {}
    for name, part in rows[rows.value > 0].groupby(by, sort=False):
        table = part.pivot_table("value", along, "seed").dropna()
        if len(table) > 1:
            gradient = np.polyfit(np.log(table.index.to_numpy(float)), np.log(table.to_numpy()), 1)[0]
            found[name] = pd.Series(gradient, table.columns)
    if not found:
        raise NothingToDraw(f"no data set was run with two values of {along} or more")
    return pd.DataFrame(found).T
