"""Posterior probability and uncertainty over the plane, for data sets with two features."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bnnbench.datasets import bayes_proba
from bnnbench.plots.select import best_models, cell_of, main_method, noisiest, one_thread
from bnnbench.plots.style import (
    CLASS_MAP,
    DARK_BLUE,
    DARK_ORANGE,
    NothingToDraw,
    data_name,
    method_name,
    model_name,
    panels,
    styled,
)
from bnnbench.results import Results
from bnnbench.statistics import POINTS

QUANTITIES = {
    "probability": "Probability of class 1",
    "uncertainty": "sd over draws of the probability of class 1",
}


@dataclass(frozen=True)
class Plane:
    """A square grid over nearly all inputs: x, y (n,) and `points` (n * n, 2)."""

    x: np.ndarray
    y: np.ndarray

    @classmethod
    def around(cls, inputs: np.ndarray, n: int, margin: float = 0.1) -> "Plane":
        low, high = np.quantile(inputs, [0.002, 0.998], axis=0)
        centre, half = (low + high) / 2, (high - low).max() * (1 + 2 * margin) / 2
        return cls(*np.linspace(centre - half, centre + half, n).T)

    @property
    def points(self) -> np.ndarray:
        return np.stack(np.meshgrid(self.x, self.y), -1).reshape(-1, 2)

    def shaped(self, values: np.ndarray) -> np.ndarray:
        return values.reshape(len(self.y), len(self.x))


def options_of(results: Results, dataset: str) -> tuple[str, dict]:
    """Family and options of a data set, as its generator takes them."""

    spec = results.plan.datasets[dataset]
    return spec.family, spec.options


def class_one_draws(results: Results, cell_id: str, points: np.ndarray, n_draws: int) -> np.ndarray:
    """Probability of class 1 in each posterior draw, (n_draws, points)."""
    with one_thread():
        return results.trained(cell_id).sample_proba(points, n_draws)[:, :, 1]


@styled
def plane_maps(
    results: Results,
    study: str,
    quantity: str = "probability",
    datasets: list[str] | None = None,
    inference: str | None = None,
    n_models: int = 4,
    n_grid: int = 100,
    n_draws: int = 100,
) -> Figure:
    """A row a data set, a column a prior at its best scale or hyperprior by validation NLL, at the lowest seed.

    `quantity` is "probability", the mean over draws of the probability of class 1, preceded by a column with the exact
    one, or "uncertainty", its standard deviation over draws. The black line is the exact Bayes boundary.
    """
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity is '{quantity}': choose {' or '.join(QUANTITIES)}")
    inference = inference or main_method(results, study)
    if quantity == "uncertainty" and inference in POINTS:
        raise NothingToDraw("a point estimate has one draw, and so no spread over draws")
    datasets = datasets or noisiest(results, study)
    exact = int(quantity == "probability")
    models = {d: list(best_models(results, study, d, inference).head(n_models - exact).itertuples()) for d in datasets}
    columns = exact + max(map(len, models.values()))
    values = {}
    for dataset in datasets:
        plane = Plane.around(results.data(dataset).test()[0], n_grid)
        truth = _truth(results, dataset, plane)
        maps = [(truth, "exact")] if exact and truth is not None else []
        for model in models[dataset]:
            cell = cell_of(results, study, model, dataset=dataset, inference=inference, network=model.network)
            draws = class_one_draws(results, cell.id, plane.points, n_draws)
            maps.append((draws.mean(0) if exact else draws.std(0), model_name(model)))
        values[dataset] = plane, truth, maps
    width = 1.9 * columns if columns < 4 else 7.0
    figure, axes = panels(len(datasets), columns, 1.85, width, sharex="row", sharey="row")
    for row, dataset in zip(axes, datasets, strict=True):
        plane, truth, maps = values[dataset]
        top = 1.0 if exact else max(z.max() for z, _ in maps)
        for ax, (z, title) in zip(row, maps, strict=False):
            image = _draw_map(ax, plane, z, CLASS_MAP if exact else "viridis", top)
            _draw_boundary(ax, plane, truth)
            _draw_points(ax, results, study, dataset)
            ax.set_title(title, fontsize=8)
        for ax in row[len(maps) :]:
            ax.axis("off")
        row[0].set_ylabel(f"{data_name(dataset)}\n$x_2$")
        bar = figure.colorbar(image, ax=row, shrink=0.9, aspect=15, pad=0.02)
        bar.ax.yaxis.set_major_locator(MaxNLocator(5))
    for ax in axes[-1]:
        ax.set_xlabel("$x_1$")
    figure.suptitle(f"{QUANTITIES[quantity]}, {method_name(inference)}", x=0.01, ha="left")
    axes[-1, 0].legend(loc="lower left", fontsize=6, handletextpad=0, borderpad=0.2, frameon=True, framealpha=0.8)
    return figure


def _truth(results: Results, dataset: str, plane: Plane) -> np.ndarray | None:
    proba = bayes_proba(*options_of(results, dataset), plane.points)
    return None if proba is None else proba[:, 1]


def _draw_map(ax, plane: Plane, values: np.ndarray, colours, top: float):
    ax.set_aspect("equal")
    return ax.contourf(plane.x, plane.y, plane.shaped(values), levels=np.linspace(0, top, 21), cmap=colours)


def _draw_boundary(ax, plane: Plane, truth: np.ndarray | None) -> None:
    """The line where both classes are equally likely: dark, with a light edge to be seen on any colour."""
    if truth is None:
        return
    for colour, width in (("white", 2.2), ("black", 1.1)):
        ax.contour(plane.x, plane.y, plane.shaped(truth), levels=[0.5], colors=colour, linewidths=width)


def _draw_points(ax, results: Results, study: str, dataset: str, n: int = 250) -> None:
    cells = results.cells[(results.cells.study == study) & (results.cells.dataset == dataset)]
    x, y, *_ = results.data(dataset).split(int(cells.seed.min()))
    limits = ax.axis()
    for label, colour in enumerate((DARK_BLUE, DARK_ORANGE)):
        of_class = x[:n][y[:n] == label]
        ax.scatter(*of_class.T, c=colour, s=5, alpha=0.55, edgecolor="white", lw=0.25, label=f"class {label}")
    ax.axis(limits)
