"""Densities of images that were not trained on, beside those of images that were."""

import numpy as np
from matplotlib.figure import Figure

from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    NothingToDraw,
    chosen_cells,
    chosen_readings,
    datasets_of,
    methods_of,
    one_thread,
)
from bnnbench.plots.style import BLUE, GREEN, ORANGE, PURPLE, method_title, panels, styled
from bnnbench.words.names import method_name

COLOURS = (ORANGE, GREEN, PURPLE)
SCORES = {"nll": "density", "spread": "sd of log density", "waic": "density and its variance"}
SHOWN = 8
"""Images of each kind in a figure."""


def sets_with_novel(results: Results, study: str) -> list[str]:
    """The data sets of a study whose images have no labels and that hold novel ones."""
    densities = [name for name in datasets_of(results, study) if results.plan.datasets[name].task == "density"]
    found = [name for name in densities if results.data(name).novel]
    if not found:
        raise NothingToDraw("no data set without labels holds novel inputs")
    return found


@styled
def density_histograms(results: Results, study: str, dataset: str, n: int = 300, n_draws: int = 30) -> Figure:
    """Log densities of known test images and of each kind of novel ones, a panel a method, above some of the images.

    Each method with its best model by validation NLL at the lowest seed.
    """
    data, cells = results.data(dataset), chosen_cells(results, study, dataset)[:3]
    kinds = {"known": data.x_test} | data.novel
    colours = dict(zip(kinds, (BLUE, *COLOURS), strict=False))
    figure, axes = panels(1, len(cells), 2.3, sharey=True)
    for ax, cell in zip(axes[0], cells, strict=True):
        with one_thread():
            trained = results.trained(cell.id)
            found = {kind: trained.predictions(x[:n], n_draws).log_density for kind, x in kinds.items()}
        low, high = np.quantile(np.concatenate(list(found.values())), [0.02, 1])
        for kind, values in found.items():
            bins = np.linspace(low, high, 30)
            ax.hist(values.clip(low), bins, density=True, color=colours[kind], alpha=0.5, label=kind)
        ax.set_xlabel("log density (nats)")
        method_title(ax, cell)
    axes[0, 0].set_ylabel("images")
    side = int(np.sqrt(data.x_test.shape[1]))
    if side * side == data.x_test.shape[1]:
        _draw_images(axes[0, -1], kinds, side)
    axes[0, 0].legend(fontsize=7, loc="upper left")
    return figure


def _draw_images(ax, kinds: dict[str, np.ndarray], side: int) -> None:
    """Some images of each kind to the right of a panel."""
    rows = [np.hstack([image.reshape(side, side) for image in x[:SHOWN]]) for x in kinds.values()]
    inset = ax.inset_axes((1.08, 0.0, 1.0, 1.0))
    inset.imshow(np.vstack(rows), cmap="gray_r", interpolation="nearest")
    inset.set_yticks([side * (i + 0.5) for i in range(len(kinds))], list(kinds), fontsize=7)
    inset.set_xticks([])
    inset.tick_params(length=0)


def density_novelty_in_words(results: Results, study: str, dataset: str) -> str:
    """A table of the AUROC of each score of novelty, a row a method and kind of novel inputs, means over seeds."""
    lines = []
    for method in methods_of(results, study, dataset):
        table = chosen_readings(results, study, "novelty", method)
        table = table[table.dataset == dataset]
        for kind in results.data(dataset).novel:
            values = []
            for score in SCORES:
                rows = table[(table.variable == f"{kind}/{score}") & (table.metric == "auroc")]
                values.append(f"{rows.value.mean():.3f}")
            lines.append(f"| {method_name(method)} | {kind} | {' | '.join(values)} |")
    head = f"| method | novel images | {' | '.join(SCORES.values())} |"
    return "\n".join([head, "|---|---|---|---|---|", *lines])
