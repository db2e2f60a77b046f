"""Calibration of predictive distributions of real targets: histograms of the PIT, and shares below each quantile."""

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binom

from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, chosen_cells, done
from bnnbench.metrics import Mixture, pit, pit_histogram
from bnnbench.plots.style import BLUE, GREY, hide_spare, method_colours, method_title, panels, panels_of, styled
from bnnbench.words.names import data_name, method_name

BINS = 10
LEVELS = np.arange(1, 100) / 100


def _tested(results: Results, cell) -> tuple[Mixture, np.ndarray]:
    """What a cell predicts of the test targets, and these."""
    predictions = results.predictions(cell.id)
    if not isinstance(predictions, Mixture):
        raise NothingToDraw("the predictions are of classes and have no quantiles")
    return predictions, results.labels(cell.id)[1]


@styled
def pit_histograms(
    results: Results, study: str, dataset: str | None = None, inference: list[str] | None = None
) -> Figure:
    """Histogram of the probability integral transform of the test targets, a panel a method, with the band in which 95%
    of bars lie where predictions are calibrated: a U is too narrow a prediction, a hump too wide a one.

    Each method with its best model by validation NLL at the lowest seed.
    """
    dataset = dataset or done(results, study).dataset.iloc[0]
    cells = chosen_cells(results, study, dataset, inference)
    figure, axes = panels_of(len(cells), 1.9)
    edges = np.linspace(0, 1, BINS + 1)
    for i, (ax, cell) in enumerate(zip(axes.flat, cells, strict=False)):
        mixture, y = _tested(results, cell)
        ax.axhspan(*binom.interval(0.95, len(y), 1 / BINS) / np.float64(len(y)), color=GREY, alpha=0.35, lw=0)
        ax.stairs(pit_histogram(mixture, y, BINS), edges, fill=True, color=BLUE, alpha=0.55)
        ax.axhline(1 / BINS, color="black", lw=0.9, ls="--")
        ax.set_xlim(0, 1)
        method_title(ax, cell)
        if i + axes.shape[1] >= len(cells):
            ax.set_xlabel("Predicted probability of a lower target")
            ax.xaxis.label.set_fontsize(7.5)
            ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel("Share of targets")
    hide_spare(axes, len(cells))
    figure.suptitle(
        f"{data_name(dataset)}, test set, seed {cells[0].seed}; grey: 95% of bars if calibrated", x=0.01, ha="left"
    )
    return figure


@styled
def quantile_calibration(
    results: Results, study: str, dataset: str | None = None, inference: list[str] | None = None
) -> Figure:
    """Share of test targets below each predicted quantile minus the quantile's level, a line a method; grey: where 95%
    of calibrated predictions would lie at each level.

    Each method with its best model by validation NLL at the lowest seed. Above 0 on the left and below 0 on the right
    are predictions that are too narrow.
    """
    dataset = dataset or done(results, study).dataset.iloc[0]
    cells = chosen_cells(results, study, dataset, inference)
    colours = method_colours(cell.inference for cell in cells)
    figure, axes = panels(1, 1, 3.2)
    ax = axes[0, 0]
    for i, cell in enumerate(cells):
        mixture, y = _tested(results, cell)
        share = np.searchsorted(np.sort(pit(mixture, y)), LEVELS, side="right") / len(y)
        line = ("-", "--", "-.", ":")[i % 4]
        ax.plot(LEVELS, share - LEVELS, color=colours[cell.inference], ls=line, label=method_name(cell.inference))
    low, high = (np.array(end) / len(y) - LEVELS for end in binom.interval(0.95, len(y), LEVELS))
    ax.fill_between(LEVELS, low, high, color=GREY, alpha=0.3, lw=0, zorder=0, label="calibrated, 95%")
    ax.axhline(0, color="black", lw=0.8)
    ax.set_xlim(0, 1)
    ax.set_xlabel("Level of the predicted quantile")
    ax.set_ylabel("Share of targets below it, minus level")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.suptitle(f"{data_name(dataset)}, test set, seed {cells[0].seed}", x=0.01, ha="left")
    return figure
