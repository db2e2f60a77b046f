"""The two uncertainties where the noise is known: against the size of the training set, along the input, against each
other and against the noise."""

from contextlib import suppress

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bnnbench.base.statistics import intervals
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, done, one_thread
from bnnbench.evaluation.sizes import PARTS, by_method, chosen_ids, facts, first_network, methods, true_noise
from bnnbench.plots.curves import Stretch, mark_regions
from bnnbench.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    hide_spare,
    legend_of_all,
    log_ticks,
    method_colours,
    panels,
    styled,
)
from bnnbench.words.names import data_name, method_name
from bnnbench.words.prose import upfirst

ERRORS = {"regression": "rmse_to_truth", "classification": "kl_to_bayes"}
"""What the epistemic uncertainty of a task should be as large as."""
AXES = {"regression": "{} sd (target units)", "classification": "{} (nats)"}
NAMES = {
    "regression": {"aleatoric": "Aleatoric", "epistemic": "Epistemic"},
    "classification": {"aleatoric": "Expected entropy", "epistemic": "Mutual information"},
}
METHODS = ("hmc", "mean_field")
"""Whose uncertainties along the input are shown by default, where they were run."""


def tasks_of(results: Results, study: str) -> list[str]:
    """Tasks of a study of which some curve was run with several sizes of training set."""
    sizes = facts(results, study).groupby(["task", "curve"], sort=False).n_train.nunique()
    found = [task for task in PARTS if task in sizes.index and sizes[task].max() > 1]
    if not found:
        raise NothingToDraw("no data set was run with training sets of several sizes")
    return found


@styled
def uncertainties_by_size(results: Results, study: str, task: str) -> Figure:
    """Both uncertainties against the number of training points, a colour a method, a row a data set; bars are 95%
    intervals over seeds. Black: the true noise. Thin and dotted: how far the mean prediction is from the true one,
    which the epistemic uncertainty should be as large as.

    Means over test points of each method's best model by validation NLL, geometric ones over seeds; of HMC the chains
    that passed the gate.
    """
    parts, known = PARTS[task], facts(results, study)
    tables = {"aleatoric": by_method(results, study, parts.aleatoric, task),
              "epistemic": by_method(results, study, parts.epistemic, task)}  # fmt: skip
    errors = by_method(results, study, ERRORS[task], task)
    several = known[known.task == task].groupby("curve", sort=False).n_train.nunique()
    curves = list(several.index[several > 1])
    if not curves:
        raise NothingToDraw("no data set of this task was run with training sets of several sizes")
    colours = method_colours(dict.fromkeys(tables["aleatoric"].inference))
    figure, axes = panels(len(curves), 2, 2.3, sharex=True)
    for row, curve in zip(axes, curves, strict=True):
        for ax, (part, table) in zip(row, tables.items(), strict=True):
            _draw_lines(ax, table[table.curve == curve], colours)
            ax.set_ylabel(AXES[task].format(NAMES[task][part]), fontsize=7.5)
        true = true_noise(results, study, parts.aleatoric, known[known.curve == curve])
        row[0].plot(true.n_train, true.value, color="black", ls="--", lw=1.2, label="true noise")
        for method, error in errors[errors.curve == curve].groupby("inference", sort=False):
            mean = error.groupby("n_train").value.mean()
            row[1].plot(mean.index, mean, color=colours[method], ls=":", lw=1, zorder=1)
        row[1].plot([], [], color=GREY, ls=":", lw=1, label="error of the mean prediction")
        row[0].set_title(data_name(curve))
    for ax in axes.flat:
        _log_axes(ax)
    for ax in axes[-1]:
        ax.set_xlabel("Training points")
    legend_of_all(figure, axes, columns=4)
    return figure


def _draw_lines(ax, table: pd.DataFrame, colours: dict[str, str], along: str = "n_train", is_log: bool = True) -> None:
    """A line a method through its means over seeds, with intervals; of logarithms where the axis is one of them."""
    if is_log:
        table = table[table.value > 0].assign(value=lambda t: np.log(t.value))
    shown = np.exp if is_log else np.asarray
    for method, part in table.groupby("inference", sort=False):
        line = intervals(part, [along]).sort_values(along)
        ax.plot(line[along], shown(line["mean"]), "o-", ms=3, color=colours[method], label=upfirst(method_name(method)))
        ax.vlines(line[along], shown(line.low), shown(line.high), color=colours[method], lw=1)
    if len(table) and is_log:  # an interval of few seeds may reach further than is worth showing
        ax.set_ylim(shown(table.value.min()) / 1.6, shown(table.value.max()) * 1.6)


def _log_axes(ax) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_ticks(ax.xaxis)
    log_ticks(ax.yaxis)


@styled
def uncertainties_at_sizes(
    results: Results, study: str, task: str, inference: list[str] | None = None, n_grid: int = 150, n_draws: int = 200
) -> Figure:
    """Both uncertainties along the input, a column a size of the training set, a row a method, beside the true noise;
    grey: the gap between the training inputs, and ticks below: the inputs.

    The best model by validation NLL at the lowest seed. By default of HMC, where its chains passed the gate, and of
    mean field, on the data set of default options that has most sizes.
    """
    known = facts(results, study)
    known = known[(known.task == task) & known.plain].sort_values("n_train")
    if known.empty:
        raise NothingToDraw("no data set of this task has the default options")
    chosen = _few(list(known.dataset[known.curve == known.curve.value_counts().idxmax()]))
    rows = [m for m in inference or METHODS if m in methods(results, study, dataset=chosen)]
    rows = rows or methods(results, study, dataset=chosen)[:2]
    cells = {(m, d): _cell(results, study, d, m) for m in rows for d in chosen}
    rows = [m for m in rows if any(cells[m, d] is not None for d in chosen)]
    if not rows:
        raise NothingToDraw("no method has a trained cell on these data sets")
    figure, axes = panels(len(rows), len(chosen), 1.8, sharex=True, sharey=True)
    top = 0.0
    for line, method in zip(axes, rows, strict=True):
        for ax, dataset in zip(line, chosen, strict=True):
            cell = cells[method, dataset]
            if cell is None:
                ax.text(0.5, 0.5, "no cell that\npassed the gate", ha="center", transform=ax.transAxes, fontsize=7)
                continue
            top = max(top, _draw_along(ax, results, cell, task, n_grid, n_draws))
        line[0].set_ylabel(f"{upfirst(method_name(method))}\n{'sd' if task == 'regression' else 'nats'}")
    for ax, dataset in zip(axes[0], chosen, strict=True):
        ax.set_title(f"{known.n_train[known.dataset == dataset].iloc[0]:,} points")
    for ax in axes[-1]:
        ax.set_xlabel("Input x")
    axes[0, 0].set_ylim(-0.06 * top, top)
    figure.suptitle(data_name(known.curve[known.dataset == chosen[0]].iloc[0]), x=0.01, ha="left")
    legend_of_all(figure, axes, columns=4)
    return figure


def _few(names: list[str], most: int = 4) -> list[str]:
    """At most so many of them, at even distances, the first and the last among them."""
    return [names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))]


def _cell(results: Results, study: str, dataset: str, method: str):
    """The cell at the lowest seed of a method's chosen model, of chains that passed the gate; None without one."""
    with suppress(NothingToDraw):
        chosen = chosen_ids(results, study, method, first_network(results, study))
        cells = done(results, study, dataset=dataset, id=list(chosen))
        return cells.sort_values("seed").iloc[0]
    return None


def _draw_along(ax, results: Results, cell, task: str, n_grid: int, n_draws: int) -> float:
    """Draw one cell; how far up the panel should reach."""
    stretch = Stretch.of(results, cell.dataset, int(cell.seed), n_grid)
    with one_thread():
        predictions = results.trained(cell.id).predictions(stretch.x.astype(np.float32), n_draws)
    if task == "regression":
        true, found = stretch.law.total_variance**0.5, predictions.aleatoric_variance**0.5
        other = predictions.epistemic_variance**0.5
    else:
        true = -np.sum(stretch.law * np.log(stretch.law), axis=1)
        found, other = predictions.expected_entropy, predictions.mutual_information
    x = stretch.x[:, 0]
    ax.plot(x, found, color=ORANGE, label=NAMES[task]["aleatoric"].lower())
    ax.plot(x, other, color=BLUE, ls="--", label=NAMES[task]["epistemic"].lower())
    ax.plot(x, true, color="black", lw=1, ls=":", label="true noise")
    mark_regions(ax, stretch)
    points = stretch.points[0]
    ax.plot(points, np.full(len(points), 0.02), "|", transform=ax.get_xaxis_transform(), color=GREY, ms=3, alpha=0.5)
    return 1.2 * max(true.max(), np.quantile(found, 0.8), np.quantile(other, 0.8))


@styled
def correlation_by_size(results: Results, study: str) -> Figure:
    """Rank correlation, over test points, of the aleatoric with the epistemic uncertainty, against the number of
    training points: near 1 they say the same. A panel a data set, a colour a method; bars are 95% intervals over seeds.
    """
    tables = []
    for task in tasks_of(results, study):
        with suppress(NothingToDraw):
            tables.append(by_method(results, study, "uncertainties_rank_correlation", task))
    if not tables:
        raise NothingToDraw("no method has two uncertainties")
    table = pd.concat(tables).dropna(subset=["value"])
    several = table.groupby("curve", sort=False).n_train.nunique()
    curves = list(several.index[several > 1])
    if not curves:
        raise NothingToDraw("no method with two uncertainties was run with several sizes of training set")
    colours = method_colours(dict.fromkeys(table.inference))
    columns = min(2, len(curves))
    figure, axes = panels(-(-len(curves) // columns), columns, 2.1, sharex=True, sharey=True)
    for ax, curve in zip(axes.flat, curves, strict=False):
        _draw_lines(ax, table[table.curve == curve], colours, is_log=False)
        ax.axhline(0.5, color=GREY, lw=0.8, ls="--", zorder=0)
        ax.axhline(0, color=GREY, lw=0.5, zorder=0)
        ax.set_title(data_name(curve))
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
        ax.set_ylim(-1.05, 1.05)
    hide_spare(axes, len(curves))
    for ax in axes[:, 0]:
        ax.set_ylabel("Rank correlation")
    for ax in axes[-1]:
        ax.set_xlabel("Training points")
    legend_of_all(figure, axes, columns=5)
    return figure


@styled
def uncertainties_by_noise(results: Results, study: str) -> Figure:
    """Both uncertainties against the noise of the data, the number of training points being the same: a panel a task
    and uncertainty, a colour a method. Black: the true noise.

    Of the size of training set that was run with most noises.
    """
    known, found = facts(results, study), []
    for task in PARTS:
        noises = known[known.task == task].groupby("quietened", sort=False).noise.nunique()
        if len(noises) and noises.max() > 1:
            found.append((task, noises.index[noises == noises.max()][-1]))
    if not found:
        raise NothingToDraw("no data set was run with several noises")
    figure, axes = panels(len(found), 2, 2.2)
    colours = method_colours(methods(results, study))
    for row, (task, group) in zip(axes, found, strict=True):
        parts = PARTS[task]
        for ax, part in zip(row, ("aleatoric", "epistemic"), strict=True):
            table = by_method(results, study, getattr(parts, part), task)
            _draw_lines(ax, table[table.quietened == group], colours, "noise")
            _log_axes(ax)
            ax.set_ylabel(AXES[task].format(NAMES[task][part]), fontsize=7.5)
            ax.set_xlabel("Noise of the data")
        true = true_noise(results, study, parts.aleatoric, known[known.quietened == group]).sort_values("noise")
        row[0].plot(true.noise, true.value, color="black", ls="--", lw=1.2, label="true noise")
        row[0].set_title(data_name(group))
    legend_of_all(figure, axes, columns=5)
    return figure
