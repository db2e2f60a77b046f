"""Priors, hyperpriors and fixed scales compared by a metric."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator

from bnnbench import tasks
from bnnbench.base.statistics import intervals
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    FITTED,
    MODEL,
    WHERE,
    NothingToDraw,
    compared,
    control,
    done,
    main_method,
    of_fitted_controls,
    scores,
)
from bnnbench.metrics import describe
from bnnbench.plots.sentences import count
from bnnbench.plots.style import choice_colours, choice_markers, hide_spare, method_colours, panels, styled
from bnnbench.words.names import (
    data_name,
    likelihood_name,
    method_name,
    metric_name,
    model_name,
    name_of,
    ordered_choices,
    ordered_priors,
)


def heat_table(
    results: Results, study: str, dataset: str, network: str, inference: str, metric="nll", likelihood: str = ""
) -> pd.DataFrame:
    """Mean test metric over seeds, a row a prior and a column for the fixed scale and each hyperprior.

    Priors and choices are those that the study asks of the method on any network. Column `fixed` holds the tuned scale
    where several were tried. NaN where no cell is done.
    """
    where = {"dataset": dataset, "network": network, "likelihood": likelihood, "inference": inference, "recipe": ""}
    table = compared(results, study, metric, **where).pivot(index="prior", columns="hyperprior", values="mean")
    cells = results.cells[(results.cells.study == study) & (results.cells.inference == inference)]
    return table.reindex(index=ordered_priors(cells.prior), columns=ordered_choices(cells.hyperprior))


@styled
def prior_heat_map(results: Results, study: str, metric: str = "nll", inference: str | None = None) -> Figure:
    """Mean test metric of each prior with each way of setting its scale; a panel a data set, network and likelihood.

    Colour shows the distance from the panel's best, which is in bold. Hatched: the same model as the one named,
    as a flat prior has no scale to learn.
    """
    inference = inference or main_method(results, study)
    cells = done(results, study, inference=inference)
    places = list(cells[["dataset", "network", "likelihood"]].drop_duplicates().itertuples(index=False))
    tables = [heat_table(results, study, p.dataset, p.network, inference, metric, p.likelihood) for p in places]
    if max((t.count().sum() for t in tables), default=0) < 2:
        raise NothingToDraw(f"{method_name(inference)} has less than two models of a network to compare")
    higher = describe(metric).direction == "higher"
    loss = [t.max().max() - t if higher else t - t.min().min() for t in tables]
    pooled = np.concatenate([values.to_numpy().ravel() for values in loss])
    # one diverging model must not take the whole range of colours
    top = max(float(np.nanquantile(pooled, 0.9)), 1e-9)
    digits = int(np.clip(np.ceil(-np.log10(top)) + 1, 3, 5))  # enough to tell the cells of a panel apart
    columns = min(2, len(places))
    height = max(0.85 + 0.27 * len(tables[0]), 1.9)
    figure, axes = panels(-(-len(places) // columns), columns, height)
    tuned = set(results.tuned[results.tuned.study == study].prior)
    for ax, place, table, distance in zip(axes.flat, places, tables, loss, strict=False):
        image = ax.imshow(distance, cmap="cividis_r", vmin=0, vmax=top, aspect="auto")
        merged = _merged(results, study, place.dataset, place.network, inference)
        for (i, j), value in np.ndenumerate(table.to_numpy()):
            prior, choice = table.index[i], table.columns[j]
            if np.isnan(value):
                text = f"= {name_of(merged[prior, choice])}" if (prior, choice) in merged else "none"
                patch = {"hatch": "////" if (prior, choice) in merged else None, "edgecolor": "#bbbbbb", "lw": 0}
                ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor="#eeeeee", **patch))
                ax.text(j, i, text, ha="center", va="center", fontsize=7, color="#555555")
                continue
            best = distance.iat[i, j] == 0
            colour = "white" if distance.iat[i, j] > 0.55 * top else "black"
            weight = "bold" if best else "normal"
            ax.text(j, i, f"{value:.{digits}f}", ha="center", va="center", fontsize=7.5, color=colour, weight=weight)
        fixed = "fixed\n(tuned)" if tuned & set(table.index) else "fixed"
        labels = [fixed if c == "fixed" else name_of(c).replace("-", "-\n") for c in table.columns]
        ax.set_xticks(range(len(labels)), labels)
        ax.set_yticks(range(len(table)), [name_of(p) for p in table.index])
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        ax.set_title(_place_title(place, places))
    hide_spare(axes, len(places))
    about = describe(metric)
    place = {"higher": "Below the panel's best", "lower": "Above the panel's best"}
    label = place.get(about.direction, "Above the panel's lowest") + (f" ({about.unit})" if about.unit else "")
    look = {"extend": "max", "location": "bottom", "aspect": 40, "shrink": 0.6, "ticks": MaxNLocator(4)}
    figure.colorbar(image, ax=axes, label=label, **look)
    figure.suptitle(f"{metric_name(metric)}, {method_name(inference)}", x=0.01, ha="left")
    return figure


def _merged(results: Results, study: str, dataset: str, network: str, inference: str) -> dict[tuple[str, str], str]:
    """The model that each merged pair of prior and hyperprior is the same as."""
    c = results.cells
    rows = c[(c.study == study) & (c.dataset == dataset) & (c.network == network) & (c.inference == inference)]
    rows = rows[rows.state == "merged"]
    return {(r.prior, r.hyperprior): r.reason.removeprefix("into ").partition(":")[0] for r in rows.itertuples()}


def _place_title(place, places) -> str:
    """The data set, the network where there are several, and a likelihood that is not the default."""
    several_sets, several_networks = (len({p[i] for p in places}) > 1 for i in (0, 1))
    return ", ".join(
        [data_name(place.dataset)] * (several_sets or not several_networks)
        + [place.network] * several_networks
        + [likelihood_name(place.likelihood)] * bool(place.likelihood)
    )


@styled
def fixed_against_hyperpriors(
    results: Results,
    study: str,
    datasets: list[str] | None = None,
    inference: str | None = None,
    metric: str = "nll",
    likelihood: str | None = None,
) -> Figure:
    """A metric against the fixed scale, and beside it the hyperpriors, which have none; a column a data set, a row a
    prior. Bars and band are 95% intervals over seeds, the dotted line is the Bayes rule where it is known.

    Under one likelihood, by default the first that the method was run with.
    """
    inference = inference or main_method(results, study)
    rows = scores(results, study, metric, inference=inference, recipe="")
    likelihood = rows.likelihood.iloc[0] if likelihood is None else likelihood
    table = intervals(rows[rows.likelihood == likelihood], [*WHERE, *MODEL])
    grid = table[(table.hyperprior == "fixed") & table.scale.notna()]
    several = grid.groupby("prior").scale.nunique().loc[lambda n: n > 1].index
    priors = ordered_priors(several)
    if not priors:
        raise NothingToDraw("no prior was tried at several fixed scales")
    datasets = [d for d in results.cells.dataset.unique() if d in set(datasets or table.dataset)]
    if not datasets:
        raise NothingToDraw("none of these data sets has results")
    table = table[table.prior.isin(priors) & table.dataset.isin(datasets)]
    choices = [c for c in ordered_choices(table.hyperprior) if c != "fixed"]
    colours, markers = choice_colours(["fixed", *choices]), choice_markers(["fixed", *choices])
    figure, axes = panels(len(priors), len(datasets), max(1.45, 2.4 / len(priors)), sharex=True, sharey="col")
    scales = np.sort(grid.scale.unique())
    step = (scales[-1] / scales[0]) ** (1 / (len(scales) - 1))
    for row, prior in zip(axes, priors, strict=True):
        for ax, dataset in zip(row, datasets, strict=True):
            here = table[(table.prior == prior) & (table.dataset == dataset)]
            fixed = here[here.hyperprior == "fixed"].sort_values("scale")
            ax.plot(fixed.scale, fixed["mean"], "o-", ms=3.5, color=colours["fixed"], label="fixed scale")
            ax.fill_between(fixed.scale, fixed.low, fixed.high, color=colours["fixed"], alpha=0.15, lw=0)
            learned = (
                here[here.hyperprior != "fixed"].set_index("hyperprior", drop=False).reindex(choices).dropna(how="all")
            )
            for row_ in learned.itertuples():
                place = 0.8 + 0.45 * choices.index(row_.hyperprior)
                x, colour = scales[-1] * step**place, colours[row_.hyperprior]
                ax.plot([scales[0], x], [row_.mean] * 2, color=colour, lw=0.8, alpha=0.7)
                error = [[row_.mean - row_.low], [row_.high - row_.mean]]
                marker = markers[row_.hyperprior]
                label = name_of(row_.hyperprior)
                ax.errorbar(x, row_.mean, np.nan_to_num(error), fmt=marker, ms=4, color=colour, lw=1, label=label)
            bayes = control(results, dataset, "bayes_rule", metric)
            if not np.isnan(bayes):
                ax.axhline(bayes, color="black", ls=":", lw=1, label=_ideal(results, dataset))
            ax.set_xscale("log")
            ax.set_xticks(scales, [f"{s:g}" for s in scales])
            ax.xaxis.set_minor_locator(NullLocator())
    for ax, dataset in zip(axes[0], datasets, strict=True):
        ax.set_title(data_name(dataset))
        _limit(ax, table[table.dataset == dataset], control(results, dataset, "bayes_rule", metric))
    for ax, prior in zip(axes[:, 0], priors, strict=True):
        ax.set_ylabel(f"{name_of(prior)} prior\n{describe(metric).label}")
    for ax in axes[-1]:
        ax.set_xlabel("Fixed prior scale")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    words = [metric_name(metric), method_name(inference), *filter(None, [likelihood_name(likelihood)])]
    figure.suptitle(", ".join(words), x=0.01, ha="left")
    return figure


def _controls(results: Results, dataset: str) -> dict[str, str]:
    """What the controls of a data set's task are called."""
    return tasks.find(results.plan.datasets[dataset].task).controls


def _ideal(results: Results, dataset: str) -> str:
    return _controls(results, dataset)["bayes_rule"]


def _limit(ax, table: pd.DataFrame, bayes: float) -> None:
    """Limits that show where models differ; the few far worse ones run out of the panel."""
    low = np.nanmin([table["mean"].min(), bayes])
    high = float(table["mean"].quantile(0.85))
    ax.set_ylim(low - 0.1 * (high - low), low + 1.35 * max(high - low, 1e-6))


@styled
def leaderboard(
    results: Results,
    study: str,
    dataset: str,
    network: str | None = None,
    metric: str = "nll",
    inference: str | list[str] | None = None,
    top: int | None = 20,
) -> Figure:
    """Models of one data set by mean test metric, best first, with 95% intervals over seeds; colour is the method.

    Fixed scales are represented by the tuned one. Controls that were fitted stand among them, hollow and black. Dotted
    lines: the Bayes rule, and chance where it is in view.
    """
    table = compared(results, study, metric, dataset=dataset, network=network, inference=inference)
    rising = describe(metric).direction != "higher"
    table = table.sort_values("mean", ascending=rising, kind="stable")
    total, table = len(table), table.head(top) if top else table
    n_shown = len(table)
    fitted = of_fitted_controls(results, study, metric, dataset=dataset)
    if len(fitted):
        table = pd.concat([table, fitted], ignore_index=True).sort_values("mean", ascending=rising, kind="stable")
    colours = method_colours(name for name in table.inference if name not in FITTED)
    figure, axes = panels(1, 1, 0.75 + 0.19 * len(table))
    ax = axes[0, 0]
    names = []
    for y, row in enumerate(table.itertuples()):
        control_ = row.inference in FITTED
        colour = "black" if control_ else colours[row.inference]
        ax.plot([row.low, row.high], [y, y], color=colour, lw=1.4, solid_capstyle="butt")
        ax.plot(row.mean, y, "o", ms=4.5, color=colour, mfc="white" if control_ else colour)
        if control_:
            names.append(name_of(row.inference))
            continue
        words = [model_name(row) + (" (tuned)" if row.tuned else "")]
        words += [row.network] * (network is None and table.network.nunique() > 1)
        if row.n < table.n.max():
            words.append(count(row.n, "seed"))
        names.append(", ".join([*words, method_name(row.inference, row.recipe)]))
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.9)
    ax.grid(axis="x", color="#dddddd")
    ends = [table.low.quantile(0.1), table["mean"].min(), control(results, dataset, "bayes_rule", metric)]
    low, high = np.nanmin(ends), np.nanmax([table.high.quantile(0.9), table["mean"].max()])  # the widest bars run out
    ax.set_xlim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    known = {name: control(results, dataset, name, metric) for name in ("bayes_rule", "chance")}
    left, right = ax.get_xlim()
    lines = {name: at for name, at in known.items() if left <= at <= right}
    for i, (name, at) in enumerate(lines.items()):
        ax.axvline(at, color="black", ls=":", lw=1.1)
        close = abs(known["chance"] - known["bayes_rule"]) < 0.3 * (right - left)  # so that one stands above the other
        text = f" {_controls(results, dataset)[name]}" + "\n" * int(close and i > 0)
        ax.text(at, -0.95, text, fontsize=7.5, ha="left", va="bottom")
    ax.set_xlabel(metric_name(metric))
    shown = f", best {n_shown} of {total} models" if n_shown < total else ""
    figure.suptitle(f"{data_name(dataset)}{shown}; bars: 95% intervals over seeds", x=0.01, ha="left", fontsize=9)
    return figure
