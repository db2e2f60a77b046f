"""What the posterior of the weights and of their scales looks like."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    NothingToDraw,
    best_models,
    cell_of,
    main_method,
    noisiest,
    one_thread,
    parameters_of,
    point_methods,
)
from bnnbench.plots.style import (
    GREY,
    choice_colours,
    choice_markers,
    hide_spare,
    log_ticks,
    panels,
    prior_colours,
    styled,
)
from bnnbench.plots.training import shown_cells
from bnnbench.words.names import data_name, method_name, model_name, name_of, ordered_choices, ordered_priors

LINES = 40
"""At most so many densities in one panel; of more weights, every k-th by posterior mean is drawn."""


def last_weights(results: Results, cell_id: str) -> pd.DataFrame:
    """Stored summaries of the last layer's weights, without biases, with `covers_zero`: its 95% interval holds 0."""
    table = parameters_of(results, cell_id)
    last = [name for name in table.parameter.unique() if name.endswith("weight")][-1]
    table = table[table.parameter == last]
    return table.assign(covers_zero=(table.q025 <= 0) & (table.q975 >= 0))


@styled
def last_layer_densities(
    results: Results,
    study: str,
    dataset: str | None = None,
    priors: tuple[str, ...] = ("laplace", "cauchy"),
    inference: str | None = None,
    network: str | None = None,
    n_draws: int = 1000,
) -> Figure:
    """Posterior density of each weight of the last layer, a panel a prior at its best scale by validation NLL.

    In colour: weights whose stored 95% interval leaves out 0; grey: those that it covers. Drawn at the lowest seed.
    """
    inference = inference or main_method(results, study)
    if inference in point_methods(results, study):
        raise NothingToDraw("a point estimate gives weights a value and no density")
    dataset = dataset or noisiest(results, study)[-1]
    models = best_models(results, study, dataset, inference, network).set_index("prior", drop=False)
    missing = [name_of(p) for p in priors if p not in models.index]
    if missing:
        raise NothingToDraw(f"no trained cell has a {' or '.join(missing)} prior")
    draws = {}
    for prior in priors:
        model = models.loc[prior]
        cell = cell_of(results, study, model, dataset=dataset, inference=inference, network=model.network)
        with one_thread():
            trained = results.trained(cell.id)
            parameter = [p for p in trained.network.parameters if p.name.endswith("weight")][-1]
            draws[prior] = cell, trained.weight_draws(n_draws)[:, parameter.start : parameter.stop]
    ends = np.concatenate([np.abs(values.mean(0)) + 3.2 * values.std(0) for _, values in draws.values()])
    bound = min(ends.max(), 2 * float(np.quantile(ends, 0.9)))  # a few far weights may run out of the panel
    at = np.linspace(-bound, bound, 301)
    figure, axes = panels(1, len(priors), 2.7, sharex=True, sharey=True)
    colours, tops = prior_colours(priors), []
    for ax, (prior, (cell, values)) in zip(axes[0], draws.items(), strict=True):
        covers = last_weights(results, cell.id).covers_zero.to_numpy()
        order = np.argsort(values.mean(0))[:: -(-values.shape[1] // LINES)]
        for k in order[np.argsort(~covers[order])]:
            density = gaussian_kde(values[:, k])(at)
            tops.append(density.max())
            ax.plot(at, density, color=GREY if covers[k] else colours[prior], lw=1.1, alpha=0.9)
        ax.axvline(0, color="black", lw=0.6, zorder=0)
        ax.set_title(f"{model_name(cell)}\n0 in the 95% interval of {covers.sum()} of {len(covers)} weights")
        ax.set_xlabel("Weight of the last layer")
    axes[0, 0].set_ylabel("Posterior density")
    axes[0, 0].set_ylim(0, 1.08 * min(max(tops), 6 * float(np.median(tops))))
    figure.suptitle(f"{data_name(dataset)}, {cell.network}, {method_name(inference)}", x=0.01, ha="left")
    return figure


@styled
def layer_scales(
    results: Results,
    study: str,
    dataset: str | None = None,
    network: str | None = None,
    inference: str | None = None,
) -> Figure:
    """Learned prior scale of each weight matrix and bias vector, a panel a prior: posterior mean and 95% interval.

    The lowest seed is drawn whole; faint marks are the means of the other seeds.
    """
    inference = inference or main_method(results, study)
    dataset = dataset or noisiest(results, study)[-1]
    cells = shown_cells(results, study, dataset, network, inference)
    cells = cells[cells.hyperprior != "fixed"]
    if cells.empty:
        raise NothingToDraw("no trained cell learns its scales")
    priors, choices = ordered_priors(cells.prior), ordered_choices(cells.hyperprior)
    colours, markers = choice_colours(choices), choice_markers(choices)
    columns = min(2, len(priors))
    first = results.arrays(cells.id.iloc[0], "scales")
    names = list(first.parameter.values)
    height = 0.8 + 0.24 * len(names)
    figure, axes = panels(-(-len(priors) // columns), columns, height, sharex=True, sharey=True)
    for ax, prior in zip(axes.flat, priors, strict=False):
        for k, choice in enumerate(choices):
            offset = 0.22 * (k - (len(choices) - 1) / 2)
            rows = cells[(cells.prior == prior) & (cells.hyperprior == choice)].sort_values("seed")
            for i, cell_id in enumerate(rows.id):
                stored = results.arrays(cell_id, "scales")
                y = np.arange(len(names)) + offset
                style = {"color": colours[choice], "marker": markers[choice], "ls": ""}
                if i:
                    ax.plot(stored["mean"], y, ms=3, alpha=0.3, mew=0, **style)
                    continue
                ax.hlines(y, stored.q025, stored.q975, color=colours[choice], lw=1.2)
                ax.plot(stored["mean"], y, ms=4, **style)
        ax.set_title(f"{name_of(prior)} prior")
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
        ax.grid(axis="x", color="#dddddd")
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    hide_spare(axes, len(priors))
    for i, ax in enumerate(axes.flat[: len(priors)]):
        ax.tick_params(labelbottom=True)
        if i + columns >= len(priors):
            ax.set_xlabel("Prior scale s")
    handles = [Line2D([], [], color=colours[c], marker=markers[c], ms=4, label=name_of(c)) for c in choices]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    title = f"{data_name(dataset)}, {cells.network.iloc[0]}, {method_name(inference)}"
    figure.suptitle(title, x=0.01, ha="left")
    return figure
