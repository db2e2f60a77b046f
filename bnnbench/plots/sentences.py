"""Sentences and small tables in Markdown, every number computed from the results."""

import numpy as np
import pandas as pd

from bnnbench import tasks
from bnnbench.base.statistics import balanced, mean_interval, paired_difference
from bnnbench.evaluation.reference import converged
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    MODEL,
    NothingToDraw,
    best_models,
    chosen_readings,
    control,
    converged_scores,
    done,
    main_method,
    of_fitted_controls,
    point_methods,
    spread_ratios,
    with_tuned_scales,
)
from bnnbench.metrics import auroc, describe, registered
from bnnbench.plots.images import Judged
from bnnbench.plots.weights import last_weights
from bnnbench.words import prose
from bnnbench.words.names import (
    data_name,
    method_name,
    metric_name,
    model_name,
    name_of,
    ordered_choices,
    ordered_priors,
)

SHORT = ("nll", "accuracy", "miou", "rmse", "crps", "coverage_90")
"""Metrics of a table of few columns, each where the task has it."""


def number(interval, digits: int = 3, sign: bool = False) -> str:
    """`0.336 [0.320, 0.352]`, or the mean alone where there is no interval; an unknown mean is a dash."""
    mean, low, high = interval[:3]
    if np.isnan(mean):
        return "–"
    mean, low, high = (round(v, digits) + 0.0 for v in (mean, low, high))  # no minus before a zero
    form = f"{'+' if sign else ''}.{digits}f"
    return f"{mean:{form}}" + ("" if np.isnan(low) else f" [{low:{form}}, {high:{form}}]")


def count(n: int, word: str) -> str:
    """`1 seed`, `5 seeds`."""
    return f"{n:,} {word}" + ("" if n == 1 else "s")


def _listing(words) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def markdown_table(rows: list[dict[str, str]]) -> str:
    """A row a dictionary; the head is of all their keys, and what a row lacks is a dash."""
    head = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row.get(name, "–") for name in head) + " |" for row in rows])


def study_in_words(results: Results, study: str) -> str:
    """Title and question of a study."""
    config = results.plan.study_configs[study]
    return f"# {prose.markdown(config.title)}\n\n{prose.markdown(config.question)}"


def run_in_words(results: Results, study: str) -> str:
    """What was trained: cells by state, data sets, networks, priors, methods and seeds."""
    cells = results.cells[results.cells.study == study]
    if cells.empty:
        known = _listing(sorted(results.cells.study.unique()))
        raise NothingToDraw(f"the results hold no study '{study}'; they hold {known}")
    states = cells.state.value_counts()
    words = {"done": "trained", "merged": "the same model as another", "skipped": "skipped", "failed": "failed"}
    parts = [
        f"{states[s]:,} {words.get(s, s)}" for s in [*words, *sorted(set(states.index) - set(words))] if s in states
    ]
    return (
        f"{count(len(cells), 'cell')}: {_listing(parts)}. "
        f"{count(cells.dataset.nunique(), 'data set')} ({_listing(cells.dataset.unique())}), "
        f"{count(cells.network.nunique(), 'network')} ({_listing(cells.network.unique())}), "
        f"{count(cells.prior.nunique(), 'prior')} ({_listing(map(name_of, ordered_priors(cells.prior)))}), "
        f"inference by {_listing(map(method_name, cells.inference.unique()))}, {count(cells.seed.nunique(), 'seed')}."
        + (" One seed gives no interval." if cells.seed.nunique() == 1 else "")
    )


def best_by_validation(results: Results, study: str) -> str:
    """For each data set and method the model with the lowest validation NLL, with its test metrics."""
    cells, rows = converged(done(results, study), results.references), []
    for dataset in cells.dataset.unique():
        task = tasks.find(results.plan.datasets[dataset].task)
        for inference in cells[cells.dataset == dataset].inference.unique():
            try:
                model = best_models(results, study, dataset, inference).iloc[0]
            except NothingToDraw:
                continue  # only variations of the method were run on these data
            where = {"dataset": dataset, "inference": inference, "network": model.network, "recipe": ""}
            where |= {"likelihood": model.likelihood}
            row = {"Data set": data_name(dataset), "Method": method_name(inference), "Model": model_name(model)}
            row |= {"Network": model.network} if cells.network.nunique() > 1 else {}
            for metric in [m for m in SHORT if m in registered(task.name)]:
                try:
                    table = converged_scores(
                        results, study, metric, prior=model.prior, hyperprior=model.hyperprior, **where
                    )
                except NothingToDraw:
                    continue  # tables of another version need not hold it
                table = table[table.scale.isna() if np.isnan(model.scale) else np.isclose(table.scale, model.scale)]
                row[metric_name(metric)] = number(mean_interval(table.value))
            rows.append(row | _bounds(results, dataset))
        rows += _fitted_controls(results, study, dataset)
    if not rows:
        raise NothingToDraw(f"only variations of the methods of {study} were run")
    return markdown_table(rows)


def _bounds(results: Results, dataset: str) -> dict[str, str]:
    """What bounds the NLL of a data set, by a column's name: the controls that nobody fits."""
    words = tasks.find(results.plan.datasets[dataset].task).controls
    found = {f"NLL of {words[name]}": control(results, dataset, name) for name in ("bayes_rule", "chance")}
    return {name: f"{value:.3f}" for name, value in found.items() if not np.isnan(value)}


def _fitted_controls(results: Results, study: str, dataset: str) -> list[dict[str, str]]:
    """Rows of `best_by_validation` of the controls that were fitted to a data set."""
    rows: dict[str, dict[str, str]] = {}
    for metric in SHORT:
        for found in of_fitted_controls(results, study, metric, dataset=dataset).itertuples():
            start = {"Data set": data_name(dataset), "Method": name_of(found.inference), "Model": "scikit-learn"}
            row = rows.setdefault(found.inference, start | _bounds(results, dataset))
            row[metric_name(metric)] = number((found.mean, found.low, found.high))
    return list(rows.values())


def hyperpriors_in_words(results: Results, study: str, inference: str | None = None) -> str:
    """Test NLL of each hyperprior minus that of the fixed scale, paired by data set, network and seed."""
    inference = inference or main_method(results, study)
    table = with_tuned_scales(results, study, inference=inference, recipe="", metric="nll")
    rows, won, compared = [], 0, 0
    learned = [c for c in ordered_choices(table.hyperprior) if c != "fixed"] if "fixed" in set(table.hyperprior) else []
    for prior in ordered_priors(table.prior):
        for choice in learned:
            sides = {"prior": prior, "hyperprior": choice}, {"prior": prior, "hyperprior": "fixed"}
            if not paired_difference(table, *sides, "nll").pairs:
                continue
            difference = paired_difference(table, *sides, "nll")
            places = table[["dataset", "network"]].drop_duplicates().itertuples(index=False)
            each = [paired_difference(table, *(s | p._asdict() for s in sides), "nll").mean for p in places]
            each = [d for d in each if not np.isnan(d)]
            won, compared = won + sum(d < 0 for d in each), compared + len(each)
            better = f"{sum(d < 0 for d in each)} of {len(each)}"
            row = {"Prior": name_of(prior), "Hyperprior": name_of(choice)}
            rows.append(row | {"NLL minus fixed (nats)": number(difference, 4, True), "Lower in": better})
    if not rows:
        raise NothingToDraw("no prior was trained both with a fixed scale and with a hyperprior")
    several = "data set, network" if table.network.nunique() > 1 else "data set"
    chosen = results.tuned[(results.tuned.study == study) & (results.tuned.inference == inference)]
    tuned = " tuned" if (chosen.recipe == "").any() else ""
    sentence = (
        f"With {method_name(inference)}, the hyperprior's mean test NLL is lower than the{tuned} fixed scale's in "
        f"{won} of {compared} comparisons ({several}, prior, hyperprior)."
    )
    return sentence + "\n\n" + markdown_table(rows)


def boundary_in_words(results: Results, study: str) -> str:
    """Rank correlation of the sd over draws with the distance to the Bayes boundary, over test points."""
    inference = main_method(results, study)
    table = with_tuned_scales(results, study, inference=inference, metric="spearman_sd_boundary").dropna(subset="value")
    if table.empty:
        raise NothingToDraw("no method with varying draws was run on data with a known Bayes rule")
    rows = []
    for dataset in results.cells.dataset[results.cells.dataset.isin(table.dataset)].unique():
        by_seed = table[table.dataset == dataset].groupby("seed").value.mean()
        rows.append({"Data set": data_name(dataset), "Rank correlation": number(mean_interval(by_seed), 2)})
    several = any(results.data(dataset).n_classes > 2 for dataset in table.dataset.unique())
    gap = " (of more than two classes: the gap between the two highest p*)" if several else ""
    return (
        f"Spearman's rank correlation, over test points, of the sd with the distance |p* − ½| from the boundary{gap}, "
        f"averaged over the {method_name(inference)} models:\n\n" + markdown_table(rows)
    )


def sparsity_in_words(results: Results, study: str, a: str = "laplace", b: str = "cauchy") -> str:
    """Share of last-layer weights whose 95% interval covers 0 under two priors, and the paired difference."""
    inference = main_method(results, study)
    if inference in point_methods(results, study):
        raise NothingToDraw("a point estimate has no intervals")
    rows = with_tuned_scales(results, study, inference=inference, recipe="", metric="nll", prior=[a, b])
    rows = rows.assign(value=[last_weights(results, cell_id).covers_zero.mean() for cell_id in rows.id])
    both = {p: rows[rows.prior == p] for p in (a, b)}
    if both[a].empty or both[b].empty:
        raise NothingToDraw(f"{name_of(a)} and {name_of(b)} priors were not both trained")
    shares = [
        f"{mean_interval(t.groupby('seed').value.mean()).mean:.2f} under the {name_of(p)} prior"
        for p, t in both.items()
    ]
    table = rows.groupby(["dataset", "network", "seed", "prior"], as_index=False).value.mean()
    table = table.assign(metric="share", split="test")
    difference = paired_difference(table, {"prior": a}, {"prior": b}, "share")
    return (
        f"The share of last-layer weights whose 95% posterior interval covers 0 is on average {' and '.join(shares)}: "
        f"a difference of {number(difference, 2, True)} over {count(difference.pairs, 'pair')} of data set, network "
        f"and seed, each averaged over the ways of setting the scale."
    )


def elbos_in_words(results: Results, study: str, network: str | None = None) -> str:
    """The ELBO that mean-field posteriors reached and what they predict: a row a network, model and recipe, the highest
    first.

    The ELBO is the mean over the last hundredth of the steps; a weight counts as kept where its posterior mean exceeds
    its sd. The modal label of a test point is the most frequent one of the labels drawn, one from each posterior draw.
    """
    cells = done(results, study, inference="mean_field", network=network)
    rows, networks = [], list(dict.fromkeys(cells.network))
    for (name, *_), group in cells.groupby(["network", *MODEL, "recipe"], sort=False, dropna=False):
        found = pd.DataFrame([_of_posterior(results, cell_id) for cell_id in group.id])
        head = {"Network": name} if cells.network.nunique() > 1 else {}
        head |= {"Model": model_name(group.iloc[0]), "Method": method_name("mean_field", group.recipe.iloc[0])}
        values = {
            "ELBO (nats)": number(mean_interval(found["elbo"]), 0),
            "Weights kept (%)": number(mean_interval(100 * found["kept"]), 2),
            "Test accuracy (%)": number(mean_interval(100 * found["accuracy"]), 2),
            "of the modal label (%)": number(mean_interval(100 * found["modal"]), 2),
        }
        rows.append((networks.index(name), -found["elbo"].mean(), head | values))
    return markdown_table([row for *_, row in sorted(rows, key=lambda r: r[:2])])


def _of_posterior(results: Results, cell_id: str) -> dict[str, float]:
    judged, weights = Judged.load(results, cell_id), results.arrays(cell_id, "weights")
    return {
        "elbo": float(results.arrays(cell_id, "trace").objective[-1]),
        "kept": float((abs(weights["mean"]) > weights["sd"]).mean()),
        "accuracy": 1 - judged.wrong.mean(),
        "modal": (judged.label_votes.argmax(1) == judged.truth).mean(),
    }


def spread_in_words(results: Results, study: str) -> str:
    """How much wider the 90% interval of each method is in the gap and outside than inside, and likewise the sds.

    Ratios by cell of the model that validation data chose, averaged over data sets.
    """
    asked = dict.fromkeys(results.rows("probes", ["inference"], study=study).inference)
    rows = []
    for inference in asked:
        try:
            table = chosen_readings(results, study, "regions", inference)
        except NothingToDraw:
            continue
        row = {"Method": method_name(inference)}
        for metric in ("width_90", "total_sd", "epistemic_sd"):
            for region in ("gap", "outside"):
                ratio = spread_ratios(table, metric, region)
                seeds = balanced(ratio).mean(axis=0) if len(ratio) else [np.nan]
                row[f"{describe(metric).label}, {region} / inside"] = number(mean_interval(seeds), 2)
        rows.append(row)
    if not rows:
        raise NothingToDraw("no cell was asked beyond its data: the probe 'regions' was not run")
    return markdown_table(rows)


def image_in_words(results: Results, cell_id: str | None) -> str:
    """How often one network is wrong on the test images, and how well its uncertainty points to the mistakes."""
    judged = Judged.load(results, cell_id)
    wrong, total = int(judged.wrong.sum()), len(judged.wrong)
    text = f"`{cell_id}` reads {wrong} of {total:,} test images wrongly, an accuracy of {1 - wrong / total:.2%}."
    if not wrong or judged.is_point:
        return text
    variance = pd.Series(judged.total_variance).groupby(judged.wrong).mean()
    certain = int((judged.wrong & (judged.error_rate == 0)).sum())
    by_variance = auroc(judged.total_variance, judged.wrong)
    by_confidence = auroc(1 - judged.mean_proba.max(1), judged.wrong)
    return text + (
        f" The total variance of its probabilities is on average {variance[True]:.3f} where it is wrong and "
        f"{variance[False]:.4f} where it is right, a ratio of {variance[True] / variance[False]:.1f}. Of one wrong and "
        f"one right image at random, the wrong one has the higher variance with chance {by_variance:.3f} (the AUROC), "
        f"and the lower confidence, the highest mean probability, with chance {by_confidence:.3f}. On "
        f"{count(certain, 'wrong image')} all draws agree."
    )
