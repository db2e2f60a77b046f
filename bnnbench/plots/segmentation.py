"""Maps beside images: what a network with a class a pixel says, how sure it is, and where it is wrong."""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.evaluate import ideal_of
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, chosen_cell, done, main_method, methods_of, point_methods
from bnnbench.metrics import Maps
from bnnbench.metrics.segmentation.wrong_pixels import SCORES, accuracy_kept
from bnnbench.plots.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    class_colours,
    hide_spare,
    legend_of_all,
    panels,
    panels_of,
    styled,
)
from bnnbench.words.names import data_name, method_name, model_name

SOURCE = "mc_dropout"
"""The method of the source, which is shown where it was run."""
VOID_COLOUR = "#000000"
SCORE_STYLES = {
    "predictive_entropy": {"color": BLUE},
    "mutual_information": {"color": GREEN},
    "total_variance": {"color": ORANGE},
    "max_probability": {"color": "#222222", "ls": "--"},
}


@dataclass(frozen=True, eq=False)
class Shown:
    """Test images of one cell: images (n, rows, columns, 3) in [0, 1], labels (n, rows, columns) below 0 where void,
    what the cell says of them, and the true probabilities (n, K, rows, columns) where they are known."""

    title: str
    classes: list[str]
    images: np.ndarray
    labels: np.ndarray
    maps: Maps
    ideal: np.ndarray | None

    @classmethod
    def of(cls, results: Results, cell) -> "Shown":
        data, (x, labels), maps = results.data(cell.dataset), results.labels(cell.id), results.predictions(cell.id)
        images = np.moveaxis(x, 1, -1)
        images = images[..., :3] if images.shape[-1] >= 3 else images[..., :1].repeat(3, -1)
        classes = list(data.class_names) or [str(c) for c in range(data.n_classes)]
        title = f"{data_name(cell.dataset)}, {method_name(cell.inference)}, {model_name(cell)}, seed {cell.seed}"
        return cls(title, classes, images, labels, maps, ideal_of(results.plan.datasets[cell.dataset], x))

    @property
    def wrong(self) -> np.ndarray:
        return (self.maps.predicted != self.labels) & (self.labels >= 0)

    def worst(self, n: int) -> np.ndarray:
        """Rows of n images: evenly along their shares of wrong pixels, from the most, without the best half."""
        order = np.argsort(-self.wrong.mean((1, 2)), kind="stable")
        return order[np.linspace(0, (len(order) - 1) // 2, min(n, len(order))).round().astype(int)]


def mapped(results: Results, study: str) -> list[str]:
    """Data sets of a study with trained cells whose targets are maps."""
    names = dict.fromkeys(done(results, study).dataset)
    found = [name for name in names if results.plan.datasets[name].task == "segmentation"]
    if not found:
        raise NothingToDraw("no data set has a class a pixel")
    return found


def shown_cell(results: Results, study: str, dataset: str, inference: str | None = None):
    """The cell, a row of `cells`, of a method (default: the source's, else the study's main one) that validation data
    choose, at the lowest seed."""
    known = methods_of(results, study, dataset)
    return chosen_cell(
        results, study, dataset, inference or (SOURCE if SOURCE in known else main_method(results, study))
    )


@styled
def scenes(
    results: Results, study: str, dataset: str | None = None, inference: str | None = None, n: int = 4
) -> Figure:
    """Test images with their true classes, the predicted ones, the softmax's confidence, and the aleatoric and the
    epistemic part of the entropy, a row an image; where the truth is known, the true entropy.

    Of MC dropout where it was run, with the model that validation data choose. Images are spread over the worse half,
    the worst first. Black pixels are void. Dark is certain; the scale of a column is its own, in nats for entropies.
    """
    dataset = dataset or mapped(results, study)[0]
    shown = Shown.of(results, shown_cell(results, study, dataset, inference))
    rows, maps, k = shown.worst(n), shown.maps, len(shown.classes)
    columns = {
        "Confidence": (maps.confidence, 1 / k, 1.0),
        "Aleatoric": (maps.expected_entropy, 0.0, None),
        "Epistemic": (maps.mutual_information, 0.0, None),
    }
    if shown.ideal is not None:
        columns["True entropy"] = Maps.certain(shown.ideal).predictive_entropy, 0.0, None
    tall = shown.images.shape[1] / shown.images.shape[2]
    figure, axes = panels(len(rows), 3 + len(columns), 0.16 + 7.0 / (3 + len(columns)) * tall)
    for line, i in zip(axes, rows, strict=True):
        line[0].imshow(shown.images[i], interpolation="nearest")
        _draw_classes(line[1], shown.labels[i], k)
        _draw_classes(line[2], np.where(shown.labels[i] < 0, -1, maps.predicted[i]), k)
        right = 1 - shown.wrong[i].sum() / max((shown.labels[i] >= 0).sum(), 1)
        line[2].set_xlabel(f"{100 * right:.1f}% right", fontsize=7)
        for ax, (values, low, high) in zip(line[3:], columns.values(), strict=True):
            top = high or max(float(values[rows].max()), 1e-6)
            reverse = "_r" if high else ""
            ax.imshow(values[i], cmap=f"magma{reverse}", vmin=low, vmax=top, interpolation="nearest")
            ax.set_xlabel(f"mean {values[i].mean():.3f}", fontsize=7)
        line[0].set_xlabel(f"image {i}", fontsize=7)
    for ax, name in zip(axes[0], ("Input", "Truth", "Prediction", *columns), strict=True):
        ax.set_title(name, fontsize=8)
    _bare(axes)
    _class_legend(figure, shown.classes)
    figure.suptitle(shown.title, x=0.01, ha="left", fontsize=8.5)
    return figure


@styled
def class_variances(
    results: Results, study: str, dataset: str | None = None, inference: str | None = None, n: int = 2
) -> Figure:
    """Standard deviation over draws of each class's probability as maps, a column a class and a row an image.

    Of the same network and the worst of the images as above. Dark is certain; one scale for all.
    """
    dataset = dataset or mapped(results, study)[0]
    cell = shown_cell(results, study, dataset, inference)
    shown = Shown.of(results, cell)
    if not shown.maps.class_sd.any():
        raise NothingToDraw(f"{method_name(cell.inference)} is a point estimate, whose draws are all the same")
    rows, k = shown.worst(n), len(shown.classes)
    top = float(shown.maps.class_sd[rows].max())
    tall = shown.images.shape[1] / shown.images.shape[2]
    figure, axes = panels(len(rows), 1 + k, 0.1 + 7.0 / (1 + k) * tall)
    for line, i in zip(axes, rows, strict=True):
        line[0].imshow(shown.images[i], interpolation="nearest")
        for c, ax in enumerate(line[1:]):
            image = ax.imshow(shown.maps.class_sd[i, c], cmap="magma", vmin=0, vmax=top, interpolation="nearest")
    for ax, name in zip(axes[0], ("Input", *shown.classes), strict=True):
        ax.set_title(name, fontsize=7.5)
    _bare(axes)
    figure.colorbar(image, ax=axes, label="Sd over draws", shrink=0.8)
    figure.suptitle(shown.title, x=0.01, ha="left", fontsize=8.5)
    return figure


@styled
def pixels_kept(results: Results, study: str, dataset: str | None = None) -> Figure:
    """Accuracy of the pixels that are kept where the most uncertain ones are set aside, by each score of uncertainty, a
    panel a method; the higher the better.

    Each method with the model that validation data choose. Bands are 95% intervals over seeds.
    """
    dataset = dataset or mapped(results, study)[0]
    methods, points = methods_of(results, study, dataset), point_methods(results, study)
    shares = np.linspace(0.1, 1, 19)
    figure, axes = panels_of(len(methods), 2.3)
    for ax, method in zip(axes.flat, methods, strict=False):
        cell = chosen_cell(results, study, dataset, method)
        same = {name: getattr(cell, name) for name in ("network", "likelihood", "prior", "hyperprior")}
        cells = done(results, study, dataset=dataset, inference=method, recipe="", **same)
        cells = cells[cells.scale.isna() | np.isclose(cells.scale, cell.scale)]
        given = [results.predictions(i).given(results.labels(i)[1]) for i in cells.id]
        for name, score in SCORES.items():
            if method in points and name in ("mutual_information", "total_variance"):
                continue  # it has none
            curves = [[accuracy_kept(score(g["pixels"]), g["wrong"], s) for s in shares] for g in given]
            mean, low, high = np.array([mean_interval(np.array(v))[:3] for v in zip(*curves, strict=True)]).T
            ax.plot(shares, mean, label=name.replace("_", " "), **SCORE_STYLES[name])
            ax.fill_between(shares, low, high, color=SCORE_STYLES[name]["color"], alpha=0.15, lw=0)
        ax.axhline(float(np.mean([1 - g["wrong"].mean() for g in given])), color=GREY, ls=":", lw=1)
        ax.set_title(f"{method_name(method)}\n{model_name(cell)}", fontsize=8)
        ax.set_xlabel("Share of pixels kept")
    for ax in axes[:, 0]:
        ax.set_ylabel("Accuracy of these")
    hide_spare(axes, len(methods))
    legend_of_all(figure, axes, columns=4)
    figure.suptitle(data_name(dataset), x=0.01, ha="left")
    return figure


def _draw_classes(ax, labels: np.ndarray, k: int) -> None:
    ax.imshow(labels, cmap=ListedColormap([VOID_COLOUR, *class_colours(k)]), vmin=-1.5, vmax=k - 0.5,
              interpolation="nearest")  # fmt: skip


def _class_legend(figure: Figure, classes: list[str]) -> None:
    names = dict(zip(classes, class_colours(len(classes)), strict=True)) | {"void": VOID_COLOUR}
    patches = [Patch(color=colour, label=name) for name, colour in names.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), 6), fontsize=7.5)


def _bare(axes) -> None:
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
