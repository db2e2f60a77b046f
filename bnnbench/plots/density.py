"""Densities beside the truth, and where draws do not agree on them."""

import numpy as np
from matplotlib.figure import Figure

from bnnbench.evaluation.evaluate import ideal_of
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, cells_of, chosen_cells, datasets_of, one_thread, point_methods
from bnnbench.metrics.density._densities import Densities
from bnnbench.plots.style import BLUE, ORANGE, legend_of_all, method_title, panels, panels_of, styled
from bnnbench.plots.toy import Plane
from bnnbench.words.names import data_name, method_name

LEAST = 0.005
"""Share of the highest true density below which draws' disagreement is not shown: few points ever lie there."""


def densities_of(results: Results, study: str, dimensions: int) -> list[str]:
    """Data sets of a study whose points have so many numbers, and whose density is known."""
    found = [name for name in datasets_of(results, study) if results.plan.datasets[name].task == "density"]
    found = [name for name in found if results.data(name).x_test.shape[1:] == (dimensions,)]
    found = [name for name in found if _truth(results, name, results.data(name).x_test[:1]) is not None]
    if not found:
        raise NothingToDraw(f"no data set has points of {dimensions} numbers and a known density")
    return found


@styled
def density_maps(
    results: Results,
    study: str,
    dataset: str | None = None,
    inference: list[str] | None = None,
    n_grid: int = 80,
    n_draws: int = 30,
) -> Figure:
    """Above, the true density of points in the plane and each method's, in one scale of colours; below, training points
    and the sd over draws of each method's log density, where the truth is not all but 0.

    Each method with its best model by validation NLL at the lowest seed.
    """
    dataset = dataset or densities_of(results, study, 2)[0]
    cells = chosen_cells(results, study, dataset, inference)[:4]
    data, seed = results.data(dataset), int(cells[0].seed)
    plane = Plane.around(data.x_test, n_grid)
    truth = np.exp(_truth(results, dataset, plane.points))
    predicted = [_predicted(results, cell, plane.points, n_draws) for cell in cells]
    figure, axes = panels(2, 1 + len(cells), 2.0, sharex=True, sharey=True)
    top = max(truth.max(), *(np.exp(p.log_density).max() for p in predicted))
    levels = np.linspace(0, top, 21)
    shown = [truth, *(np.exp(p.log_density) for p in predicted)]
    for ax, values in zip(axes[0], shown, strict=True):
        image = ax.contourf(plane.x, plane.y, plane.shaped(values), levels=levels, cmap="viridis")
    figure.colorbar(image, ax=axes[0], shrink=0.9, aspect=15, pad=0.02, label="density", format="%.2g")
    axes[0, 0].set_title("Truth", fontsize=8.5)
    for ax, cell in zip(axes[0, 1:], cells, strict=True):
        method_title(ax, cell)
    axes[1, 0].scatter(*data.split(seed)[0][:1000].T, s=1.5, color=ORANGE, lw=0)
    axes[1, 0].set_title("Training points", fontsize=8.5)
    _draw_spreads(figure, axes[1, 1:], plane, predicted, truth < LEAST * truth.max())
    for ax in axes.flat:
        ax.set_aspect("equal")
        ax.tick_params(labelsize=6.5)
    figure.suptitle(f"{data_name(dataset)}, seed {seed}", x=0.01, ha="left")
    return figure


def _draw_spreads(figure: Figure, axes, plane: Plane, predicted: list[Densities], hidden: np.ndarray) -> None:
    """The sd over draws of log densities, with one bar of colours; nothing of point estimates, which have none."""
    spreads = [np.where(hidden, np.nan, p.spread) for p in predicted]
    top, image = max(np.nanmax(spread) for spread in spreads), None
    for ax, spread in zip(axes, spreads, strict=True):
        if np.nanmax(spread) > 0:
            image = ax.contourf(plane.x, plane.y, plane.shaped(spread), levels=np.linspace(0, top, 21), cmap="magma")
        else:
            ax.text(0.5, 0.5, "one draw", transform=ax.transAxes, ha="center", fontsize=7)
    if image is not None:
        figure.colorbar(image, ax=axes, shrink=0.9, aspect=15, pad=0.02, label="sd of log density", format="%.2g")


@styled
def density_curves(
    results: Results,
    study: str,
    dataset: str | None = None,
    inference: list[str] | None = None,
    n_grid: int = 400,
    n_draws: int = 30,
) -> Figure:
    """Density of points on a line, a panel a method, beside the true one, with a band of two sds of the log density
    over draws on either side.

    Each method with its best model by validation NLL at the lowest seed.
    """
    dataset = dataset or densities_of(results, study, 1)[0]
    cells = chosen_cells(results, study, dataset, inference)
    inputs = results.data(dataset).x_test[:, 0]
    low, high = np.quantile(inputs, [0.001, 0.999])
    margin = 0.1 * (high - low)
    x = np.linspace(low - margin, high + margin, n_grid)[:, None]
    with np.errstate(divide="ignore"):
        truth = np.exp(_truth(results, dataset, x))
    figure, axes = panels_of(len(cells), 2.1)
    for ax, cell in zip(axes.flat, cells, strict=False):
        found = _predicted(results, cell, x, n_draws)
        ends = [np.exp(found.mean_log_density + sign * 2 * found.spread) for sign in (-1, 1)]
        ax.fill_between(x[:, 0], *ends, color=BLUE, alpha=0.25, lw=0, label="two sds of the log density")
        ax.plot(x[:, 0], np.exp(found.log_density), color=BLUE, label="density, mean over draws")
        ax.plot(x[:, 0], truth, color="black", lw=1, ls="--", label="true density")
        method_title(ax, cell)
        ax.set_xlabel("x")
    axes[0, 0].set_ylim(0, 1.3 * np.quantile(truth, 0.99))
    for ax in axes[:, 0]:
        ax.set_ylabel("density")
    for ax in axes.flat[len(cells) :]:
        ax.axis("off")
    legend_of_all(figure, axes, columns=3)
    figure.suptitle(f"{data_name(dataset)}, seed {cells[0].seed}", x=0.01, ha="left")
    return figure


@styled
def spread_against_error(
    results: Results, study: str, dataset: str | None = None, inference: list[str] | None = None
) -> Figure:
    """Distance of each test point's log density from the true one against its sd over draws, means of twenty groups of
    points by their sd; a panel a method with draws. On the dotted line they are equal.

    Each method with its best model by validation NLL at the lowest seed.
    """
    dataset = dataset or densities_of(results, study, 2)[0]
    points = point_methods(results, study)
    cells = [cell for cell in chosen_cells(results, study, dataset, inference) if cell.inference not in points]
    if not cells:
        raise NothingToDraw("a point estimate has one draw, and so no spread over draws")
    x = results.data(dataset).test(int(cells[0].seed))[0]
    truth = _truth(results, dataset, x)
    figure, axes = panels_of(len(cells), 2.2)
    for ax, cell in zip(axes.flat, cells, strict=False):
        found = _predicted(results, cell, x, 30)
        groups = np.array_split(np.argsort(found.spread), 20)
        error = abs(found.log_density - truth)
        spread, error = (np.array([values[group].mean() for group in groups]) for values in (found.spread, error))
        ax.plot(spread, error, "o-", ms=3, color=BLUE)
        ax.axline((spread[0], spread[0]), slope=1, color="black", lw=0.8, ls=":")
        ax.set(xscale="log", yscale="log", xlabel="sd of log density")
        method_title(ax, cell)
    for ax in axes[:, 0]:
        ax.set_ylabel("distance from the true\nlog density")
    for ax in axes.flat[len(cells) :]:
        ax.axis("off")
    figure.suptitle(f"{data_name(dataset)}, seed {cells[0].seed}", x=0.01, ha="left")
    return figure


def divergences_in_words(results: Results, study: str) -> str:
    """A table of the KL from the truth to each method's density, nats, with its floor, the round trip error and the
    share of points outside a spline's domain: means over seeds, of the model that validation data chose."""
    metrics = {"kl_to_truth": "KL", "kl_floor": "floor", "log_density_sd": "sd of log density",
               "round_trip_error": "round trip", "outside_domain": "outside %"}  # fmt: skip
    lines = [f"| data | method | network | {' | '.join(metrics.values())} |", "|---|---|---|" + "---|" * len(metrics)]
    names = [name for dimensions in (1, 2) for name in _or_none(results, study, dimensions)]
    if not names:
        raise NothingToDraw("no data set has a known density")
    for dataset in names:
        for cell in chosen_cells(results, study, dataset):
            same = cells_of(results, study, cell, dataset=dataset, inference=cell.inference)
            rows = results.rows("metrics", id=list(same.id), split="test")
            means = rows.groupby("metric").value.mean()
            values = [means.get(name, np.nan) * (100 if name == "outside_domain" else 1) for name in metrics]
            words = " | ".join(f"{value:.2g}" for value in values)
            lines.append(f"| {data_name(dataset)} | {method_name(cell.inference)} | {cell.network} | {words} |")
    return "\n".join(lines)


def _or_none(results: Results, study: str, dimensions: int) -> list[str]:
    try:
        return densities_of(results, study, dimensions)
    except NothingToDraw:
        return []


def _truth(results: Results, dataset: str, x: np.ndarray) -> np.ndarray | None:
    """The true log density at x (n, D); None where it is not known."""
    found = ideal_of(results.plan.datasets[dataset], x)
    return None if found is None else found.log_density


def _predicted(results: Results, cell, x: np.ndarray, n_draws: int) -> Densities:
    """What a cell, a row of `cells`, says of x (n, D)."""
    with one_thread():
        return results.trained(cell.id).predictions(x, n_draws)
