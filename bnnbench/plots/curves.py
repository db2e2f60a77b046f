"""Predictive bands and the two uncertainties along the input, for regression in one dimension whose law is known."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from bnnbench import datasets
from bnnbench.evaluation.evaluate import ideal_of
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    NothingToDraw,
    best_models,
    chosen_cell,
    chosen_cells,
    done,
    methods_of,
    one_thread,
    point_methods,
)
from bnnbench.metrics import Mixture
from bnnbench.plots.style import BLUE, GREY, ORANGE, hide_spare, legend_of_all, method_title, panels, panels_of, styled
from bnnbench.tasks import default_likelihood
from bnnbench.words.names import data_name, likelihood_name, method_name

BANDS = {"central 90%": (0.05, 0.95, 0.18), "central 50%": (0.25, 0.75, 0.42)}
"""Bands of the predictive distribution by their label: levels of its quantiles at either end, and opacity."""


@dataclass(frozen=True)
class Stretch:
    """What is known of a data set along its input: the inputs shown (n, 1), its regions, its law there, its points of
    the training split of one seed."""

    name: str
    x: np.ndarray
    regions: dict[str, list[tuple[float, float]]]
    law: Mixture
    points: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, results: Results, dataset: str, seed: int, n_grid: int) -> "Stretch":
        spec = results.plan.datasets[dataset]
        regions = datasets.regions(spec.family, spec.options)
        ends = np.array([interval for intervals in regions.values() for interval in intervals])
        x = np.linspace(ends.min(), ends.max(), n_grid)[:, None]
        points, targets, *_ = results.data(dataset).split(seed)
        return cls(dataset, x, regions, ideal_of(spec, x), (points[:, 0], targets))

    @property
    def limits(self) -> tuple[float, float]:
        """What of the targets a panel shows: the law and the points, with room for wider bands."""
        low, high = self.law.central_interval(0.9)
        low, high = (min(low.min(), self.points[1].min()), max(high.max(), self.points[1].max()))
        return low - 0.25 * (high - low), high + 0.25 * (high - low)


def curves_of(results: Results, study: str) -> list[str]:
    """Curves with regions, of a study, with trained cells; first those that most methods were run on."""
    cells = done(results, study)
    specs = (results.plan.datasets[name] for name in dict.fromkeys(cells.dataset))
    specs = (spec for spec in specs if spec.task == "regression")
    known = [spec.name for spec in specs if datasets.regions(spec.family, spec.options) is not None]
    if not known:
        raise NothingToDraw("the data are no curves: they are not of one dimension with a known law")
    n_methods = cells.groupby("dataset").inference.nunique()
    return sorted(known, key=lambda name: -n_methods[name])


def along(results: Results, cell, x: np.ndarray, n_draws: int) -> Mixture:
    """What a cell, a row of `cells`, predicts at x (n, 1)."""
    with one_thread():
        return results.trained(cell.id).predictions(x, n_draws)


@styled
def predictive_bands(
    results: Results,
    study: str,
    dataset: str | None = None,
    inference: list[str] | None = None,
    n_grid: int = 200,
    n_draws: int = 100,
) -> Figure:
    """Predictive median with its central 50% and 90% bands along the input, a panel a method, beside the training
    points and the true mean with its own 90% band; grey: the gap between the training inputs.

    Each method with its best model by validation NLL at the lowest seed, HMC where it passed its gate. Vertical dotted
    lines: beyond them no data were seen.
    """
    dataset = dataset or curves_of(results, study)[0]
    cells = chosen_cells(results, study, dataset, inference)
    stretch = Stretch.of(results, dataset, int(cells[0].seed), n_grid)
    figure, axes = panels_of(len(cells), 2.2)
    for ax, cell in zip(axes.flat, cells, strict=False):
        _draw_band(ax, stretch, along(results, cell, stretch.x, n_draws))
        method_title(ax, cell)
    _finish(figure, axes, len(cells), "Target y")
    figure.suptitle(f"{data_name(dataset)}, seed {cells[0].seed}", x=0.01, ha="left")
    return figure


@styled
def bands_by_noise(
    results: Results, study: str, inference: str | None = None, n_grid: int = 200, n_draws: int = 100
) -> Figure:
    """Predictive bands under noise of one sd and under noise that grows along the input, small and large: a column a
    data set, a row a likelihood.

    Of the family with most variants, and by default of the method with draws whose validation NLL is lowest there; each
    likelihood with its best model by validation NLL at the lowest seed.
    """
    names = _variants(results, study)
    inference = inference or _sharpest(results, study, names)
    cells = done(results, study, inference=inference, recipe="", dataset=names)
    likelihoods = list(dict.fromkeys(cells.likelihood))
    figure, axes = panels(len(likelihoods), len(names), 1.95, sharex="col", sharey="col")
    for column, name in zip(axes.T, names, strict=True):
        for ax, likelihood in zip(column, likelihoods, strict=True):
            try:
                cell = chosen_cell(results, study, name, inference, likelihood)
            except NothingToDraw:
                ax.axis("off")
                continue
            stretch = Stretch.of(results, name, int(cell.seed), n_grid)
            _draw_band(ax, stretch, along(results, cell, stretch.x, n_draws))
        column[0].set_title(data_name(name).replace(", ", "\n", 1), fontsize=8)
        column[-1].set_xlabel("Input x")
    for ax, likelihood in zip(axes[:, 0], likelihoods, strict=True):
        name = likelihood_name(likelihood or default_likelihood(results.plan.datasets[names[0]].task))
        ax.set_ylabel(name.replace(" ", "\n") + "\nTarget y")
    legend_of_all(figure, axes, columns=4)
    figure.suptitle(f"{method_name(inference)[:1].upper()}{method_name(inference)[1:]}", x=0.01, ha="left")
    return figure


def _variants(results: Results, study: str) -> list[str]:
    """Data sets of the family that has most of them."""
    cells = done(results, study, recipe="", dataset=curves_of(results, study))
    names = list(max(cells.groupby("family", sort=False).dataset.unique(), key=len))
    if len(names) < 2:
        raise NothingToDraw("no data set was run with noise of several kinds")
    return names[:4]


def _sharpest(results: Results, study: str, names: list[str]) -> str:
    """The method with the lowest mean validation NLL over data sets, of those that were run on all and have draws."""
    on_all = set.intersection(*(set(methods_of(results, study, name)) for name in names))
    means = {}
    for method in sorted(on_all - point_methods(results, study)) or sorted(on_all):
        with suppress(NothingToDraw):  # chains that missed the gate
            means[method] = np.mean([best_models(results, study, name, method)["mean"].iloc[0] for name in names])
    if not means:
        raise NothingToDraw("no method was run on all of these data sets")
    return min(means, key=means.get)


@styled
def uncertainties_along(
    results: Results,
    study: str,
    dataset: str | None = None,
    inference: list[str] | None = None,
    n_grid: int = 200,
    n_draws: int = 100,
) -> Figure:
    """Aleatoric and epistemic sd along the input, a panel a method, beside the sd of the true noise; grey: the gap
    between the training inputs.

    Each method with its best model by validation NLL at the lowest seed. A point estimate has no epistemic sd.
    """
    dataset = dataset or curves_of(results, study)[0]
    cells = chosen_cells(results, study, dataset, inference)
    stretch = Stretch.of(results, dataset, int(cells[0].seed), n_grid)
    figure, axes = panels_of(len(cells), 2.1)
    true = np.sqrt(stretch.law.total_variance)
    top = 1.2 * true.max()
    for ax, cell in zip(axes.flat, cells, strict=False):
        mixture = along(results, cell, stretch.x, n_draws)
        parts = {"aleatoric": mixture.aleatoric_variance, "epistemic": mixture.epistemic_variance}
        for (name, variance), colour, line in zip(parts.items(), (ORANGE, BLUE), ("-", "--"), strict=True):
            ax.plot(stretch.x[:, 0], np.sqrt(variance), color=colour, ls=line, label=f"{name} sd")
            top = max(top, 1.1 * np.quantile(np.sqrt(variance), 0.9))
        ax.plot(stretch.x[:, 0], true, color="black", lw=1, ls=":", label="sd of the true noise")
        mark_regions(ax, stretch)
        method_title(ax, cell)
    axes[0, 0].set_ylim(0, top)
    _finish(figure, axes, len(cells), "sd (target units)")
    figure.suptitle(f"{data_name(dataset)}, seed {cells[0].seed}", x=0.01, ha="left")
    return figure


def _draw_band(ax, stretch: Stretch, mixture: Mixture) -> None:
    x = stretch.x[:, 0]
    mark_regions(ax, stretch)
    for label, (low, high, opacity) in BANDS.items():
        ends = mixture.quantile([low, high]).T
        ax.fill_between(x, *ends, color=BLUE, alpha=opacity, lw=0, label=label)
    ax.plot(x, mixture.quantile([0.5])[:, 0], color=BLUE, label="median")
    ax.plot(x, stretch.law.mean, color="black", lw=1, ls="--", label="true mean")
    for i, end in enumerate(stretch.law.central_interval(0.9)):
        ax.plot(x, end, color="black", lw=0.7, ls=":", label="true central 90%" if i == 0 else None)
    ax.scatter(*stretch.points, s=5, color=ORANGE, edgecolor="black", lw=0.25, zorder=3, label="training point")
    low, high = ax.get_ylim() if ax.get_autoscaley_on() is False else stretch.limits
    ax.set_ylim(min(low, stretch.limits[0]), max(high, stretch.limits[1]))
    ax.set_xlim(x[0], x[-1])


def mark_regions(ax, stretch: Stretch) -> None:
    """Grey gaps, and dotted lines where the training inputs end."""
    for i, (low, high) in enumerate(stretch.regions["gap"]):
        ax.axvspan(low, high, color=GREY, alpha=0.16, lw=0, zorder=0, label="gap" if i == 0 else None)
    inside = np.array(stretch.regions["inside"])
    for end in (inside.min(), inside.max()):
        ax.axvline(end, color=GREY, lw=0.8, ls=":", zorder=0)
    ax.set_xlim(stretch.x[0, 0], stretch.x[-1, 0])


def _finish(figure: Figure, axes, used: int, label: str) -> None:
    """Labels at the edges of a grid of panels, and one legend."""
    hide_spare(axes, used)
    columns = axes.shape[1]
    for i, ax in enumerate(axes.flat[:used]):
        if i + columns >= used:
            ax.set_xlabel("Input x")
            ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel(label)
    legend_of_all(figure, axes, columns=4)
