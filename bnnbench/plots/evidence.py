"""The evidence of models, and what Gaussians miss of their posteriors, in nats."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.evidences import divergences, evidences, rank_correlations
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import MODEL, scores
from bnnbench.plots.sentences import markdown_table, number
from bnnbench.plots.style import (
    GREY,
    choice_markers,
    hide_spare,
    legend_of_all,
    log_ticks,
    method_colours,
    panels,
    prior_colours,
    styled,
)
from bnnbench.words.names import data_name, method_name, model_name

Z = 1.96
METHOD = ["inference", "recipe"]


@styled
def evidence_of_models(results: Results, study: str) -> Figure:
    """Log evidence of each model, a panel a data set, the best first by the mean over data sets.

    Differences from the best model of the data set, so that 0 is the best; means over the seeds that most models have,
    bars of 1.96 standard errors of the estimate itself.
    """
    table = _compared(evidences(results, study))
    table["behind"] = table.log_evidence - table.groupby(["dataset", "seed"]).log_evidence.transform("max")
    datasets = list(dict.fromkeys(table.dataset))
    means, looks = table.groupby(MODEL, sort=False).behind.mean().sort_values(ascending=False), _looks(table)
    rows = -(-len(datasets) // 3)
    figure, axes = panels(rows, min(3, len(datasets)), 0.8 + 0.18 * len(means), sharey=True, sharex=True)
    for ax, dataset in zip(axes.flat, datasets, strict=False):
        rows = table[table.dataset == dataset].groupby(MODEL).agg(behind=("behind", "mean"), se=("se", _of_mean))
        for model, row in rows.iterrows():
            y, (colour, marker) = means.index.get_loc(model), looks[model]
            ax.plot([row.behind - Z * row.se, row.behind + Z * row.se], [y, y], color=colour, lw=1.2)
            ax.plot(row.behind, y, marker, ms=4.5, color=colour)
        ax.set_title(data_name(dataset))
        ax.grid(axis="x", color="#dddddd")
        ax.axvline(0, color=GREY, lw=0.8)
    names = list(map(_name, means.index))
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    for ax in axes[-1]:
        ax.set_xlabel("Log evidence − best (nats)")
    hide_spare(axes, len(datasets))
    return figure


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Of each data set the seeds with the most models: other seeds are other data, whose evidences do not compare."""
    n = table.groupby(["dataset", "seed"]).prior.transform("size")
    return table[n == n.groupby(table.dataset).transform("max")]


def _name(model: tuple) -> str:
    """A model's name, given its prior, hyperprior and scale, 0 for none."""
    prior, hyperprior, scale = model
    return model_name(pd.Series({"prior": prior, "hyperprior": hyperprior, "scale": scale or np.nan}))


def _looks(table: pd.DataFrame) -> dict[tuple, tuple[str, str]]:
    """Colour and marker of each model: its prior's, and those of how its scale is set."""
    colours, markers = prior_colours(table.prior), choice_markers(table.hyperprior)
    models = table[MODEL].drop_duplicates().itertuples(index=False, name=None)
    return {model: (colours[model[0]], markers[model[1]]) for model in models}


def _of_mean(se: pd.Series) -> float:
    """Standard error of the mean of estimates with these standard errors."""
    return float(np.sqrt((se**2).sum()) / len(se))


@styled
def evidence_against_nll(results: Results, study: str) -> Figure:
    """Test NLL of each model's reference against its log evidence, a panel a data set, a mark a model.

    Means over the seeds that most models have. Were the evidence a guide to the test set, marks would fall from upper
    left to lower right.
    """
    table = _compared(evidences(results, study))
    correlation = rank_correlations(table.assign(fit=-table.nll), "log_evidence", "fit").mean(axis=1)
    datasets, looks = list(dict.fromkeys(table.dataset)), _looks(table)
    figure, axes = panels(-(-len(datasets) // 3), min(3, len(datasets)), 2.5)
    for ax, dataset in zip(axes.flat, datasets, strict=False):
        rows = table[table.dataset == dataset].groupby(MODEL)[["log_evidence", "nll"]].mean()
        for model, row in rows.iterrows():
            colour, marker = looks[model]
            ax.plot(row.log_evidence, row.nll, marker, ms=5, color=colour, label=_name(model))
        known = correlation[correlation.index.get_level_values("dataset") == dataset]
        words = f"\nrank correlation with −NLL: {known.iloc[0]:.2f}".replace("-", "−") if len(known) else ""
        ax.set_title(data_name(dataset) + words)
        ax.set_xlabel("Log evidence (nats)")
        ax.grid(color="#e4e4e4")
    for ax in axes[:, 0]:
        ax.set_ylabel("Test NLL (nats)")
    hide_spare(axes, len(datasets))
    legend_of_all(figure, axes, 4)
    return figure


@styled
def divergence_by_method(results: Results, study: str) -> Figure:
    """KL to the posterior by model and method, means over data sets and seeds, on a log axis.

    The dashed line is the log number of symmetries of the network: so much is missed of equal copies alone.
    """
    table = divergences(results, study)
    models = table.groupby(MODEL).kl.min().sort_values()
    methods = list(dict.fromkeys(map(tuple, table.sort_values("kl")[METHOD].to_numpy())))
    colours = method_colours(i for i, _ in methods)
    figure, axes = panels(1, 1, 1.2 + 0.22 * len(models))
    ax = axes[0, 0]
    for number_, method in enumerate(methods):
        rows = table[(table[METHOD] == method).all(axis=1)].groupby(MODEL).kl.mean()
        places = [models.index.get_loc(model) for model in rows.index]
        marker = "os^vDPX"[number_ % 7]
        ax.plot(rows, places, marker, ms=5, color=colours[method[0]], label=method_name(*method))
    copies = (table.kl - table.less_symmetry).median()
    if np.isfinite(copies) and copies > 0:
        ax.axvline(copies, color=GREY, lw=1, ls="--", label="log number of symmetries")
    names = list(map(_name, models.index))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xscale("log")
    log_ticks(ax.xaxis)
    ax.set_xlabel("KL to the posterior (nats)")
    ax.grid(axis="x", color="#dddddd")
    legend_of_all(figure, axes, 4)
    return figure


@styled
def divergence_against_distance(results: Results, study: str) -> Figure:
    """Total variation to the reference against KL to the posterior, a mark a cell, both on log axes.

    Were a smaller gap of the ELBO a better prediction, marks of one method would rise to the right.
    """
    table = divergences(results, study).dropna(subset="total_variation")
    methods = list(dict.fromkeys(map(tuple, table.sort_values("kl")[METHOD].to_numpy())))
    colours = method_colours(i for i, _ in methods)
    figure, axes = panels(1, 1, 3.6)
    ax = axes[0, 0]
    for number_, method in enumerate(methods):
        rows = table[(table[METHOD] == method).all(axis=1)]
        label = method_name(*method)
        if len(rows) > 2:
            label += f" (rank correlation {rows.kl.corr(rows.total_variation, method='spearman'):.2f})"
        options = {"ms": 4, "alpha": 0.7, "color": colours[method[0]], "label": label.replace("-0.", "−0.")}
        ax.plot(rows.kl, rows.total_variation, "os^vDPX"[number_ % 7], **options)
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_ticks(ax.xaxis)
    log_ticks(ax.yaxis)
    ax.set_xlabel("KL to the posterior (nats)")
    ax.set_ylabel("Total variation to the reference")
    ax.grid(color="#e4e4e4")
    legend_of_all(figure, axes, 2)
    return figure


def divergences_table(results: Results, study: str) -> str:
    """KL to the posterior by method in nats, with the ELBO's gap less the symmetries: means over the cells that have
    an evidence, with 95% intervals over seeds where there are several."""
    table, rows = divergences(results, study), []
    laplace = _laplace_gap(results, study)
    for method, part in table.groupby(METHOD, sort=False):
        by_seed = part.groupby("seed")[["kl", "less_symmetry"]].mean()
        rows.append({
            "Method": method_name(*method),
            "Cells": str(len(part)),
            "KL to the posterior (nats)": number(mean_interval(by_seed.kl), 1),
            "Less the symmetries": number(mean_interval(by_seed.less_symmetry), 1),
            "Its own estimate of the evidence, off by": laplace if method[0] == "laplace_approximation" else "",
        })  # fmt: skip
    rows.sort(key=lambda row: float(row["KL to the posterior (nats)"].split()[0].replace("−", "-")))
    return markdown_table(rows)


def _laplace_gap(results: Results, study: str) -> str:
    """Mean difference of Laplace's estimate of the evidence to the evidence, and the largest, in words."""
    known = evidences(results, study)
    rows = scores(results, study, "log_evidence")
    rows = rows[(rows.inference == "laplace_approximation") & (rows.recipe == "")].assign(
        scale=lambda t: t.scale.fillna(0.0)
    )
    place = ["dataset", "network", "likelihood", *MODEL, "seed"]
    both = known.merge(rows[[*place, "value"]], on=place)
    if both.empty:
        return ""
    gap = both.value - both.log_evidence
    return f"{gap.mean():.1f} (between {gap.min():.1f} and {gap.max():.1f})".replace("-", "−")
