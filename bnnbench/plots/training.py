"""How training went: the objective against the step."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, done, main_method, noisiest
from bnnbench.plots.style import choice_colours, hide_spare, legend_of_all, log_ticks, panels, styled
from bnnbench.words.names import data_name, method_name, model_name, name_of, ordered_choices, ordered_priors

OBJECTIVES = {
    "map": "Log joint",
    "mle": "Log likelihood",
    "mc_dropout": "Log joint under dropout",
    **dict.fromkeys(("mean_field", "full_rank", "pymc_advi", "pymc_fullrank"), "ELBO"),
}
"""What a method maximises, where that has a name of its own; of others it is called the objective."""


def shown_cells(results: Results, study: str, dataset: str, network: str | None, inference: str) -> pd.DataFrame:
    """Trained cells of a data set, network (default: the first) and the first likelihood, of fixed scales the tuned."""
    cells = done(results, study, dataset=dataset, network=network, inference=inference, recipe="")
    cells = cells[(cells.network == cells.network.iloc[0]) & (cells.likelihood == cells.likelihood.iloc[0])]
    tuned = results.tuned[(results.tuned.study == study) & (results.tuned.recipe == "")]
    tuned = tuned[
        (tuned.dataset == dataset)
        & (tuned.inference == inference)
        & (tuned.network == cells.network.iloc[0])
        & (tuned.likelihood == cells.likelihood.iloc[0])
    ]
    chosen = cells.prior.map(tuned.set_index("prior").scale)
    keep = (cells.hyperprior != "fixed") | chosen.isna() | np.isclose(cells.scale, chosen)
    return cells[keep]


@styled
def traces(
    results: Results,
    study: str,
    dataset: str | None = None,
    network: str | None = None,
    inference: str | None = None,
) -> Figure:
    """The objective that training maximises against the step, a panel a prior and a line a seed.

    Each panel's limits are those of the steps after the warm-up (without one: after a tenth of the steps). In the
    warm-up, grey, the ELBO's KL part counts less than once, so that the objective stands higher than the ELBO itself.
    """
    inference = inference or main_method(results, study)
    dataset = dataset or noisiest(results, study)[-1]
    cells = shown_cells(results, study, dataset, network, inference)
    priors, choices = ordered_priors(cells.prior), ordered_choices(cells.hyperprior)
    colours = choice_colours(choices)
    lines = {}
    for cell in cells.itertuples():
        try:
            stored = results.arrays(cell.id, "trace")
        except ValueError as error:
            raise NothingToDraw(f"{method_name(inference)} keeps no trace of its objective") from error
        lines.setdefault(cell.prior, []).append((cell.hyperprior, stored.step.values, stored.objective.values))
    warm_up = _warm_up_steps(results, cells.iloc[0])
    columns = min(3, len(priors))
    figure, axes = panels(-(-len(priors) // columns), columns, 2.1, sharex=True)
    for ax, prior in zip(axes.flat, priors, strict=False):
        if warm_up:
            ax.axvspan(0, warm_up, color="#eeeeee", lw=0, zorder=0)
        for choice, step, objective in lines[prior]:
            ax.plot(step, objective, color=colours[choice], lw=0.8, alpha=0.8)
        ax.set_title(f"{name_of(prior)} prior")
        late = [o[step > max(warm_up, step[-1] / 10)] for _, step, o in lines[prior]]
        low, high = min(np.nanmin(o) for o in late), max(np.nanmax(o) for o in late)
        ax.set_ylim(low - 0.15 * (high - low) - 1, high + 0.35 * (high - low) + 1)
        ax.ticklabel_format(axis="both", useOffset=False)
    hide_spare(axes, len(priors))
    for i, ax in enumerate(axes.flat[: len(priors)]):
        ax.tick_params(labelbottom=True)
        if i + columns >= len(priors):
            ax.set_xlabel("Step")
    objective = f"{OBJECTIVES.get(inference, 'Objective')} (nats)"
    for ax in axes[:, 0]:
        ax.set_ylabel(objective)
    handles = [axes[0, 0].plot([], [], color=colours[c], label=_choice_name(c, cells))[0] for c in choices]
    if warm_up:
        handles.append(Patch(color="#eeeeee", label="warm-up"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    title = f"{data_name(dataset)}, {cells.network.iloc[0]}, {method_name(inference)}; a line a seed"
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _warm_up_steps(results: Results, cell) -> float:
    from bnnbench.inference import make

    settings = next(c.settings for c in results.plan.cells if c.id == cell.id)
    return getattr(make(cell.inference, settings), "warm_up", 0.0) * cell.steps


def _choice_name(choice: str, cells: pd.DataFrame) -> str:
    if choice != "fixed":
        return name_of(choice)
    scales = cells[cells.hyperprior == "fixed"].scale.dropna().unique()
    return f"scale {scales[0]:g}" if len(scales) == 1 else "fixed (tuned)"


@styled
def learning_curves(results: Results, study: str, split: str = "test", **where) -> Figure:
    """Error on held-out data against the step, a panel a network and a line a model; bands are 95% over seeds."""
    cells = done(results, study, **where)
    found = []
    for cell in cells.itertuples():
        try:
            stored = results.arrays(cell.id, "curve")
        except (ValueError, KeyError):
            continue
        curve = pd.DataFrame({"step": stored.step.values, "value": 100 * stored[f"{split}_error"].values})
        found.append(curve.dropna().assign(**cell._asdict()))
    if not found:
        raise NothingToDraw(f"no trained cell of {study} was watched in training: give its method a 'curve'")
    table = pd.concat(found)
    networks = list(dict.fromkeys(table.network))
    figure, axes = panels(1, len(networks), 2.6, sharey=True)
    lines = ["inference", "recipe", "prior", "hyperprior", "scale"]
    labels = {}
    for ax, network in zip(axes[0], networks, strict=True):
        part = table[table.network == network]
        for _, line in part.groupby(lines, sort=False, dropna=False):
            row = line.iloc[0]
            label = f"{method_name(row.inference, row.recipe)}: {model_name(row)}"
            labels.setdefault(label, {"color": f"C{len(labels) % 10}", "ls": "-" if len(labels) < 10 else "--"})
            summary = [(step, *mean_interval(g.value)[:3]) for step, g in line.groupby("step")]
            step, mean, low, high = np.array(summary).T
            ax.plot(step, mean, lw=1.2, label=label, **labels[label])
            ax.fill_between(step, low, high, color=labels[label]["color"], alpha=0.15, lw=0)
        ax.set_title(network)
        ax.set_xlabel("Step")
        ax.set_yscale("log")
        log_ticks(ax.yaxis)
    axes[0, 0].set_ylabel(f"{split.capitalize()} error (%)")
    legend_of_all(figure, axes)
    return figure
