"""Posterior probability and uncertainty over the plane, for data sets with two features."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bnnbench.datasets import DataSet, bayes_proba
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    NothingToDraw,
    best_models,
    cell_of,
    main_method,
    noisiest,
    one_thread,
    point_methods,
)
from bnnbench.metrics import mutual_information
from bnnbench.plots.style import CLASS_MAP, DARK_BLUE, DARK_ORANGE, GREY_MAP, class_colours, panels, styled
from bnnbench.words.names import data_name, method_name, model_name


class Shown(NamedTuple):
    """What a map shows: as the figure's title, and as the label of a colour bar."""

    title: str
    bar: str


QUANTITIES = {
    "probability": (
        Shown("Probability of class 1", "p(class 1)"),
        Shown("Most probable class and its probability", "highest probability"),
    ),
    "uncertainty": (
        Shown("sd over draws of the probability of class 1", "sd of p(class 1)"),
        Shown("Mutual information of class and draw (nats)", "mutual information (nats)"),
    ),
}
"""What is shown of two classes, and of more."""
OF_BOTH = {"probability": "Class probabilities", "uncertainty": "Uncertainty"}
"""The title of a figure that has data of both kinds."""


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


def proba_draws(results: Results, cell_id: str, points: np.ndarray, n_draws: int) -> np.ndarray:
    """Class probabilities of each posterior draw, (n_draws, points, classes)."""
    with one_thread():
        return results.trained(cell_id).sample_proba(points, n_draws)


@dataclass(frozen=True)
class Maps:
    """What a row of the figure shows of one data set.

    `truth` are the exact class probabilities where they are known, and `panels` pairs of values and title: of two
    classes the probability of class 1 (points,), or its sd; of more the probabilities (points, classes), or the mutual
    information (points,). `truth` is like the former.
    """

    data: DataSet
    plane: Plane
    truth: np.ndarray | None
    panels: list[tuple[np.ndarray, str]]

    @property
    def has_many_classes(self) -> bool:
        return self.data.n_classes > 2


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
    one, or "uncertainty", its standard deviation over draws. Of more than two classes the colour is that of the most
    probable one, the stronger the higher its probability, and the uncertainty is the mutual information of the class
    and the draw. The black line is the exact Bayes boundary. Data sets that are not in the plane are left out.
    """
    if quantity not in QUANTITIES:
        raise ValueError(f"quantity is '{quantity}': choose {' or '.join(QUANTITIES)}")
    inference = inference or main_method(results, study)
    if quantity == "uncertainty" and inference in point_methods(results, study):
        raise NothingToDraw("a point estimate has one draw, and so no spread over draws")
    rows = []
    for name, data in _in_plane(results, datasets or noisiest(results, study)).items():
        plane = Plane.around(data.test()[0], n_grid)
        truth = _truth(results, name, plane)
        shown = [(truth, "exact")] if quantity == "probability" and truth is not None else []
        n_shown = n_models - (quantity == "probability")
        for model in best_models(results, study, name, inference).head(n_shown).itertuples():
            cell = cell_of(results, study, model, dataset=name, inference=inference, network=model.network)
            draws = proba_draws(results, cell.id, plane.points, n_draws)
            shown.append((_mean(draws) if quantity == "probability" else _spread(draws), model_name(model)))
        rows.append(Maps(data, plane, truth, shown))
    figure, axes = _axes_for(rows)
    shown = [QUANTITIES[quantity][row.has_many_classes] for row in rows]
    for line, row, what in zip(axes, rows, shown, strict=True):
        bar = _draw_row(figure, line, row, quantity, _first_seed(results, study, row.data.name))
        if row.has_many_classes or len(set(shown)) > 1:
            bar.set_label(what.bar, fontsize=7)
    for ax in axes[-1]:
        ax.set_xlabel("$x_1$")
    title = shown[0].title if len(set(shown)) == 1 else OF_BOTH[quantity]
    figure.suptitle(f"{title}, {method_name(inference)}", x=0.01, ha="left")
    _add_legend(figure, axes[:, 0], rows)
    return figure


def _axes_for(rows: list[Maps]):
    columns = max(len(row.panels) for row in rows)
    width = 1.9 * columns if columns < 4 else 7.0
    legend = 0.35 if any(row.has_many_classes for row in rows) else 0.0  # inches below the maps
    return panels(len(rows), columns, 1.85 + legend / len(rows), width, sharex="row", sharey="row")


def _add_legend(figure: Figure, axes, rows: list[Maps]) -> None:
    """The classes: of two in the last of the axes, of more below the figure, those of the row that has most."""
    most = max(row.data.n_classes for row in rows)
    if most == 2:
        axes[-1].legend(loc="lower left", fontsize=6, handletextpad=0, borderpad=0.2, frameon=True, framealpha=0.8)
        return
    ax = next(ax for ax, row in zip(axes, rows, strict=True) if row.data.n_classes == most)
    options = {"ncols": min(most, 5), "markerscale": 2, "handletextpad": 0.1, "columnspacing": 1.0}
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", **options)


def _in_plane(results: Results, datasets: list[str]) -> dict[str, DataSet]:
    """Those of the data sets that have two features, by name."""
    found = {name: results.data(name) for name in datasets}
    in_plane = {name: data for name, data in found.items() if data.x_test.shape[1:] == (2,)}
    if not in_plane:
        raise NothingToDraw("the inputs are not points of the plane")
    return in_plane


def _truth(results: Results, dataset: str, plane: Plane) -> np.ndarray | None:
    """The exact probability of class 1 (points,), or of more than two classes those of all (points, classes)."""
    proba = bayes_proba(*options_of(results, dataset), plane.points)
    return proba[:, 1] if proba is not None and proba.shape[1] == 2 else proba


def _mean(draws: np.ndarray) -> np.ndarray:
    """The mean over draws: of two classes that of class 1 (points,), of more (points, classes)."""
    return draws[:, :, 1].mean(0) if draws.shape[2] == 2 else draws.mean(0)


def _spread(draws: np.ndarray) -> np.ndarray:
    """What draws disagree on, (points,): sd of the probability of class 1; of more classes the mutual information."""
    return draws[:, :, 1].std(0) if draws.shape[2] == 2 else mutual_information(draws)


def _first_seed(results: Results, study: str, dataset: str) -> int:
    cells = results.cells[(results.cells.study == study) & (results.cells.dataset == dataset)]
    return int(cells.seed.min())


def _draw_row(figure: Figure, axes, row: Maps, quantity: str, seed: int) -> Colorbar:
    """Draw the panels of one data set, its training points of a seed in each, and the colour bar that they share."""
    top = 1.0 if quantity == "probability" else max(z.max() for z, _ in row.panels)
    for ax, (values, title) in zip(axes, row.panels, strict=False):
        if values.ndim == 2:
            image = _draw_classes(ax, row.plane, values)
        else:
            image = _draw_map(ax, row.plane, values, CLASS_MAP if quantity == "probability" else "viridis", top)
        _draw_boundary(ax, row.plane, row.truth)
        _draw_points(ax, row.data, seed)
        ax.set_title(title, fontsize=8)
    for ax in axes[len(row.panels) :]:
        ax.axis("off")
    axes[0].set_ylabel(f"{data_name(row.data.name)}\n$x_2$")
    bar = figure.colorbar(image, ax=axes, shrink=0.9, aspect=15, pad=0.02)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5))
    return bar


def _draw_map(ax, plane: Plane, values: np.ndarray, colours, top: float):
    ax.set_aspect("equal")
    levels = np.linspace(0, max(top, 1e-9), 21)
    return ax.contourf(plane.x, plane.y, plane.shaped(values), levels=levels, cmap=colours)


def _draw_classes(ax, plane: Plane, proba: np.ndarray) -> ScalarMappable:
    """The colour of each point's most probable class, from white where all are as probable to full at probability 1.

    proba: (points, classes). Returns what a colour bar shows of the strength, in grey.
    """
    n_classes = proba.shape[1]
    colours = np.array([to_rgb(colour) for colour in class_colours(n_classes)])[proba.argmax(1)]
    strength = (proba.max(1, keepdims=True) * n_classes - 1) / (n_classes - 1)
    rgb = 1 - strength.clip(0, 1) * (1 - colours)
    half = (plane.x[1] - plane.x[0]) / 2, (plane.y[1] - plane.y[0]) / 2
    extent = (plane.x[0] - half[0], plane.x[-1] + half[0], plane.y[0] - half[1], plane.y[-1] + half[1])
    ax.imshow(rgb.reshape(len(plane.y), len(plane.x), 3), origin="lower", extent=extent, interpolation="nearest")
    ax.axis((plane.x[0], plane.x[-1], plane.y[0], plane.y[-1]))
    return ScalarMappable(Normalize(1 / n_classes, 1), GREY_MAP)


def _draw_boundary(ax, plane: Plane, truth: np.ndarray | None) -> None:
    """The lines where two classes are equally and most likely: dark, with a light edge to be seen on any colour."""
    if truth is None:
        return
    for values, level in _boundaries(truth):
        if not values.min() < level < values.max():
            continue  # the class is the most probable everywhere here, or nowhere
        for colour, width in (("white", 2.2), ("black", 1.1)):
            ax.contour(plane.x, plane.y, plane.shaped(values), levels=[level], colors=colour, linewidths=width)


def _boundaries(truth: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Functions on the plane (points,) with the level at which the most probable class changes."""
    if truth.ndim == 1:
        return [(truth, 0.5)]
    others = [np.delete(truth, c, axis=1).max(1) for c in range(truth.shape[1])]
    return [(truth[:, c] - other, 0.0) for c, other in enumerate(others)]


def _draw_points(ax, data: DataSet, seed: int, n: int = 250) -> None:
    x, y, *_ = data.split(seed)
    limits = ax.axis()
    for label, style in enumerate(_point_styles(data.n_classes)):
        of_class = x[:n][y[:n] == label]
        ax.scatter(*of_class.T, s=5, label=f"class {label}", **style)
    ax.axis(limits)


def _point_styles(n_classes: int) -> list[dict]:
    """How the points of each class are drawn: two darker than the map, more in its colours with a dark edge."""
    if n_classes == 2:
        return [{"c": c, "alpha": 0.55, "edgecolor": "white", "lw": 0.25} for c in (DARK_BLUE, DARK_ORANGE)]
    return [{"c": c, "alpha": 0.9, "edgecolor": "black", "lw": 0.35} for c in class_colours(n_classes)]
