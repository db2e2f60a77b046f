"""How far each method is from the reference posterior and from the Bayes rule, and what it costs."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from matplotlib.transforms import Bbox

from bnnbench.base.statistics import balanced, intervals, mean_interval
from bnnbench.evaluation.reference import absence
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import MODEL, NothingToDraw, converged_scores, done, noisiest, scores
from bnnbench.plots.style import GREY, log_ticks, method_colours, panels, styled
from bnnbench.words.names import data_name, method_name, metric_name

METHOD = ["inference", "recipe"]
UNIT = ["dataset", "network", "likelihood", *MODEL]
SMALLEST = 1e-4
"""Where a log axis of a distance begins at the latest: no floor measured here is below it."""


def shared(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The rows whose combination of the columns `by` the most methods have: methods are compared on the same."""
    rows = rows.assign(scale=rows.scale.fillna(0.0))
    methods = rows.groupby(METHOD, sort=False).ngroup()
    n = rows.assign(method=methods).groupby(by).method.transform("nunique")
    return rows[n == n.max()]


def fidelity_table(results: Results, study: str) -> pd.DataFrame:
    """Distance to the references by method, the closest first, over the cells with a reference that most methods share.

    One row a method: inference, recipe, n_cells, n_units (pairs of data set and model), n_seeds, seconds (mean of its
    compared cells), and for total_variation and, of classes, agreement the mean over units with its interval over
    seeds (_low, _high) and the mean floor of the same cells (_floor). A method that lacks some of the shared cells
    has a smaller n_cells than the others, one that has none of them no row. Raises NothingToDraw where there is no
    reference.
    """
    if reason := absence(results.references, study):
        raise NothingToDraw(reason)
    known = set(scores(results, study, ["agreement", "total_variation"]).metric)
    # Methods that serve are compared with each other too, but on few cells: they are no rows of this table.
    compared = {m: scores(results, study, m) for m in sorted(known)}
    compared = {m: rows[~rows.id.isin(results.references.id)] for m, rows in compared.items()}
    tables = {m: shared(rows, [*UNIT, "seed"]) for m, rows in compared.items()}
    floors = {m: scores(results, study, f"{m}_floor").set_index("id").value for m in tables}
    seconds = results.cells.set_index("id").seconds
    rows = []
    for method, _ in tables["total_variation"].groupby(METHOD, sort=False):
        row = dict(zip(METHOD, method, strict=True))
        for metric, table in tables.items():
            part = table[(table[METHOD] == method).all(axis=1)].set_index([*UNIT, "seed"])
            wide = balanced(part.value.unstack("seed"))
            mean, low, high = mean_interval(wide.mean(axis=0))
            kept = part.id.unstack("seed").reindex_like(wide).to_numpy().ravel()
            floor = floors[metric].loc[kept].mean()
            row |= {metric: mean, f"{metric}_low": low, f"{metric}_high": high, f"{metric}_floor": floor}
            row |= {"n_cells": len(kept), "n_units": len(wide), "n_seeds": wide.shape[1]}
            row |= {"seconds": seconds.loc[kept].mean()}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("total_variation", kind="stable").reset_index(drop=True)


@styled
def cost_against_fidelity(results: Results, study: str) -> Figure:
    """Training seconds a cell against total variation to the reference, a mark a method, both on log axes.

    Means over the cells of `fidelity_table`; bars are 95% intervals over seeds. In grey the floor, the distance between
    the halves of the reference's own chains or populations.
    """
    table = fidelity_table(results, study)
    table["seconds"] = table.seconds.clip(lower=1e-3)
    most = table.n_cells.max()
    names = [method_name(r.inference, r.recipe) for r in table.itertuples()]
    few = [f" ({n} of {most} cells)" if n < most else "" for n in table.n_cells]
    table["label"] = [name + part for name, part in zip(names, few, strict=True)]
    references = results.references[(results.references.study == study) & results.references.serves]
    floor = max(float(references.total_variation_floor.mean()), SMALLEST)
    figure, axes = panels(1, 1, 4.8)
    ax = axes[0, 0]
    colours = method_colours(table.inference)
    for row in table.itertuples():
        colour, y = colours[row.inference], max(row.total_variation, SMALLEST)
        ends = np.clip([row.total_variation_low, row.total_variation_high], SMALLEST, None)
        ax.plot([row.seconds] * 2, ends, color=colour, lw=1.3)
        ax.plot(row.seconds, y, "o", ms=5.5, color=colour)
    cost = max(float(references.seconds.mean()), 1e-3)
    ax.plot(cost, floor, "D", ms=5.5, mfc="white", mec="black", label="reference")
    ax.set_xscale("log")
    ax.set_yscale("log")
    x = np.append(table.seconds, cost)
    ax.set_xlim(x.min() / 2.5, x.max() * 6)
    heights = np.append(np.fmax(table.total_variation_high, table.total_variation), floor)
    ax.set_ylim(min(floor, table.total_variation.clip(lower=SMALLEST).min()) / 2, heights.max() * 1.6)
    ax.axhspan(ax.get_ylim()[0], floor, color=GREY, alpha=0.2, lw=0)
    ax.axhline(floor, color=GREY, lw=1, ls="--")
    for axis in (ax.xaxis, ax.yaxis):
        log_ticks(axis)
    ax.xaxis.set_major_locator(LogLocator(subs=(1,)))
    ax.set_xlabel("Training seconds a cell: its share of its stack's time, compilation included")
    ax.set_ylabel("Total variation to the reference")
    ax.grid(color="#e4e4e4")
    ax.set_axisbelow(True)
    points = [(r.seconds, max(r.total_variation, SMALLEST), r.label) for r in table.itertuples()]
    _label(figure, ax, [*points, (cost, floor, "reference, half to half")], floor)
    return figure


def _label(figure: Figure, ax, points: list[tuple[float, float, str]], line: float) -> None:
    """A label beside each point, on the first side on which it covers no label, mark, edge, nor the line at `line`.

    Where all near sides are taken it stands farther off, with a leader.
    """
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    figure.draw_without_rendering()  # settles the layout, so that text can be measured
    marks = [Bbox.from_bounds(*(ax.transData.transform((x, y)) - 4), 8, 8) for x, y, _ in points]
    level = ax.transData.transform((1, line))[1]
    near = [(7, 0, "left", "center"), (-7, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top")]
    far = [(dx * 10, dy * r, "left" if dx > 0 else "right", "center")
           for r in (12, 22, 34, 48) for dy in (1, -1) for dx in (1, -1)]  # fmt: skip
    leader = {"arrowstyle": "-", "linewidth": 0.5, "color": "0.6", "shrinkA": 0, "shrinkB": 2}
    placed, frame = [], ax.get_window_extent(renderer)
    for x, y, label in points:
        tried = []
        for dx, dy, across, along in (*near, *far):
            text = ax.annotate(label, (x, y), (dx, dy), textcoords="offset points", ha=across, va=along, fontsize=7.5)
            box = text.get_window_extent(renderer)
            outside = box.x0 < frame.x0 or box.x1 > frame.x1 or box.y0 < frame.y0 or box.y1 > frame.y1
            cost = 3 * sum(box.overlaps(other) for other in placed) + 5 * outside
            cost += sum(box.overlaps(mark) for mark in marks) + 0.5 * (box.y0 < level < box.y1)
            tried.append((cost, len(tried), text, box))
            if cost == 0:
                break
        best = min(tried, key=lambda t: t[:2])
        for _, _, text, _ in tried:
            if text is not best[2]:
                text.remove()
        if best[1] >= len(near):
            ax.annotate("", (x, y), best[2].xyann, textcoords="offset points", arrowprops=leader)
        placed.append(best[3])


def excess_table(results: Results, study: str, dataset: str) -> pd.DataFrame:
    """Excess test NLL over the Bayes rule of each method's best model on a data set, with its interval over seeds.

    The model of a method is the one with the lowest mean validation NLL among those that most methods have, so that all
    choose from the same; a method that has none of these chooses from its own. Columns: inference, recipe, the model's,
    mean, low, high, n; best first.
    """
    by = [*METHOD, "network", "likelihood", *MODEL]
    excess = intervals(converged_scores(results, study, "excess_nll", dataset=dataset), by)
    rows = converged_scores(results, study, "nll", "validation", dataset=dataset)
    same = shared(rows, ["network", "likelihood", *MODEL]).index
    has_same = rows.assign(same=rows.index.isin(same)).groupby(METHOD).same.transform("any")
    tuning = intervals(rows[rows.index.isin(same) | ~has_same], by)
    tuning = tuning[tuning.n == tuning.groupby(METHOD).n.transform("max")]
    chosen = tuning.sort_values("mean", kind="stable").drop_duplicates(METHOD)
    return excess.merge(chosen[by], on=by).sort_values("mean", kind="stable").reset_index(drop=True)


@styled
def excess_by_method(results: Results, study: str) -> Figure:
    """Excess test NLL over the Bayes rule by method, on each family's noisiest data set; bars: 95% intervals.

    Each method with the model that validation data chose for it among the same models; none can be expected below 0.
    """
    done(results, study)
    known = set(scores(results, study, "excess_nll").dataset)
    datasets = [d for d in noisiest(results, study) if d in known]
    if not datasets:
        raise NothingToDraw("the Bayes rule of these data is not known")
    tables = {d: excess_table(results, study, d) for d in datasets}
    order = list(dict.fromkeys((r.inference, r.recipe) for t in tables.values() for r in t.itertuples()))
    colours = method_colours(i for i, _ in order)
    figure, axes = panels(1, len(datasets), 0.85 + 0.24 * len(order), sharey=True)
    for ax, (dataset, table) in zip(axes[0], tables.items(), strict=True):
        for row in table.itertuples():
            y, colour = order.index((row.inference, row.recipe)), colours[row.inference]
            ax.plot(np.clip([row.low, row.high], SMALLEST, None), [y, y], color=colour, lw=1.4)
            ax.plot(max(row.mean, SMALLEST), y, "o", ms=5, color=colour)
        ax.set_title(data_name(dataset))
        ax.set_xscale("log")
        low = max(SMALLEST, min(0.6 * table["mean"].min(), np.nanmax([table.low.min(), 0.1 * table["mean"].min()])))
        ax.set_xlim(low, 2 * max(table["mean"].max(), np.nanquantile(table.high.fillna(0), 0.8)))
        log_ticks(ax.xaxis)
        if np.diff(np.log10(ax.get_xlim()))[0] > 1.7:
            ax.xaxis.set_major_locator(LogLocator(subs=(1,)))
        ax.grid(axis="x", color="#dddddd")
        ax.set_xlabel(metric_name("excess_nll"))
    axes[0, 0].set_yticks(range(len(order)), [method_name(*method) for method in order])
    axes[0, 0].set_ylim(len(order) - 0.5, -0.5)
    return figure
