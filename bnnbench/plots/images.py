"""What one trained network gets wrong among the test images, and how much its draws disagree about them."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.metrics import auroc, chi_square, chi_square_label_values_of_votes, expected_error_rate
from bnnbench.metrics.classification.calibration import _bins
from bnnbench.plots.style import GREY, GROUPS, hide_spare, log_ticks, method_colours, panels, styled
from bnnbench.words.names import class_names, data_name, method_name, model_name


@dataclass(frozen=True, eq=False)
class Judged:
    """Test points of one cell with what it says of them: arrays (n,), and `mean_proba` and votes (n, classes)."""

    title: str
    classes: list[str]
    inference: str
    inputs: np.ndarray
    truth: np.ndarray
    mean_proba: np.ndarray
    argmax_votes: np.ndarray
    label_votes: np.ndarray
    total_variance: np.ndarray

    @classmethod
    def load(cls, results: Results, cell_id: str | None) -> "Judged":
        if cell_id is None:
            raise NothingToDraw("there is no such trained cell")
        row, predictions = results.row(cell_id), results.predictions(cell_id)
        inputs, truth = results.labels(cell_id)
        title = ", ".join(
            [data_name(row.dataset), row.network, model_name(row), method_name(row.inference, row.recipe)]
        )
        return cls(
            f"{title}, seed {row.seed}",
            class_names(row.dataset, predictions.mean_proba.shape[1]),
            row.inference,
            inputs,
            truth,
            predictions.mean_proba,
            predictions.argmax_votes,
            predictions.label_votes,
            predictions.total_variance,
        )

    @property
    def read(self) -> np.ndarray:
        """The predicted class: the most probable one on average over draws."""
        return self.mean_proba.argmax(1)

    @property
    def wrong(self) -> np.ndarray:
        return self.read != self.truth

    @property
    def error_rate(self) -> np.ndarray:
        """Expected error rate: the share of draws whose class differs from the modal one."""
        return expected_error_rate(self.argmax_votes)

    @property
    def is_point(self) -> bool:
        return not self.total_variance.any()

    def groups(self) -> dict[str, np.ndarray]:
        """Masks of the wrong, the right and all points."""
        return {"wrong": self.wrong, "right": ~self.wrong, "all": np.ones_like(self.wrong)}


def wrong_and_unanimous(results: Results, cell_id: str | None) -> np.ndarray:
    """Rows of the test set that are wrong although every draw agrees, surest first."""
    judged = Judged.load(results, cell_id)
    rows = np.flatnonzero(judged.wrong & (judged.error_rate == 0))
    return rows[np.argsort(-judged.mean_proba.max(1)[rows], kind="stable")]


def most_disputed(results: Results, cell_id: str | None, n: int = 8) -> np.ndarray:
    """Rows of the n test points with the highest expected error rate, highest first."""
    judged = Judged.load(results, cell_id)
    return np.argsort(-judged.error_rate, kind="stable")[:n]


def _varying(results: Results, cell_id: str | None) -> Judged:
    judged = Judged.load(results, cell_id)
    if judged.is_point:
        raise NothingToDraw(f"{method_name(judged.inference)} is a point estimate, whose draws are all the same")
    return judged


@styled
def confusion_matrix(results: Results, cell_id: str | None) -> Figure:
    """Test points by true and predicted class; colour shows the mistakes, the diagonal is grey."""
    judged = Judged.load(results, cell_id)
    n = judged.mean_proba.shape[1]
    counts = np.zeros((n, n), int)
    np.add.at(counts, (judged.truth, judged.read), 1)
    figure, axes = panels(1, 1, 4.2, width=5.4)
    ax, off = axes[0, 0], np.where(np.eye(n, dtype=bool), np.nan, counts)
    ax.set_facecolor("#e4e4e4")
    image = ax.imshow(off, cmap="Blues", vmin=0, vmax=max(np.nanmax(off), 1))
    for (i, j), count in np.ndenumerate(counts):
        colour = "white" if i != j and count > 0.6 * np.nanmax(off) else "black" if count else "#bbbbbb"
        ax.text(j, i, str(count), ha="center", va="center", fontsize=8, color=colour)
    _name_classes(ax, judged)
    ax.set_yticks(range(n), judged.classes)
    ax.tick_params(length=0)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")
    figure.colorbar(image, label="Mistakes (test points)", shrink=0.8, ticks=MaxNLocator(6, integer=True))
    figure.suptitle(judged.title, x=0.01, ha="left", fontsize=8.5)
    return figure


@styled
def class_variance(results: Results, cell_id: str | None) -> Figure:
    """Mean total variance of the probabilities over draws, by true class, for the wrong, the right and all points.

    The number of wrong points stands above each class.
    """
    judged = _varying(results, cell_id)
    figure, axes = panels(1, 1, 2.9)
    ax, n = axes[0, 0], judged.mean_proba.shape[1]
    markers = {"wrong": "X", "right": "o", "all": "_"}
    for name, mask in judged.groups().items():
        means = [judged.total_variance[mask & (judged.truth == c)] for c in range(n)]
        means = [m.mean() if m.size else np.nan for m in means]
        wide = {"ms": 14, "mew": 2} if name == "all" else {"ms": 6}
        ax.plot(range(n), means, markers[name], color=GROUPS[name], label=name, ls="", **wide)
    for c in range(n):
        count = int((judged.wrong & (judged.truth == c)).sum())
        ax.text(c, 1.01, str(count), ha="center", va="bottom", fontsize=7.5, transform=ax.get_xaxis_transform())
    ax.text(-0.01, 1.01, "wrong:", ha="right", va="bottom", fontsize=7.5, transform=ax.transAxes)
    ax.set_yscale("log")
    log_ticks(ax.yaxis)
    ax.grid(axis="y", color="#dddddd")
    _name_classes(ax, judged)
    ax.set_xlabel("True class")
    ax.set_ylabel("Mean total variance")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", title="Test points", markerscale=0.8)
    figure.suptitle(judged.title, x=0.01, ha="left", fontsize=8.5)
    return figure


@styled
def error_rate_histogram(results: Results, cell_id: str | None, n_bins: int = 20) -> Figure:
    """Number of test points by expected error rate, wrong and right ones; the first bar is unanimity."""
    judged = _varying(results, cell_id)
    figure, axes = panels(1, 1, 2.5)
    ax = axes[0, 0]
    top = max(float(judged.error_rate.max()), 0.1)
    width = top / n_bins
    edges = np.concatenate([[-width, 1e-9], np.linspace(width, top + 1e-9, n_bins)])
    _histogram(ax, judged, judged.error_rate, edges)
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.5)
    ax.set_ylabel("Test points")
    ax.set_xlabel("Expected error rate: share of draws that differ from the modal class (first bar: exactly 0)")
    ax.legend()
    figure.suptitle(judged.title, x=0.01, ha="left", fontsize=8.5)
    return figure


def _histogram(ax, judged: Judged, values: np.ndarray, edges: np.ndarray, share: bool = False) -> None:
    for name in ("right", "wrong"):
        group = values[judged.groups()[name] & np.isfinite(values)]
        weights = np.full(len(group), 1 / max(len(group), 1)) if share else None
        style = {"histtype": "stepfilled", "alpha": 0.35, "color": GROUPS[name]}
        ax.hist(group, edges, weights=weights, label=f"{name} ({judged.groups()[name].sum()})", **style)
        ax.hist(group, edges, weights=weights, histtype="step", lw=1.1, color=GROUPS[name])


@styled
def vote_chi_square(results: Results, cell_id: str | None) -> Figure:
    """Chi-square of the votes against even ones, divided by the number of draws, for wrong and right points.

    Votes are a label drawn from each draw's probabilities, or its most probable class. The third panel is the statistic
    of the label values, variance over mean, whose value depends on how classes are numbered.
    """
    judged = Judged.load(results, cell_id)
    draws = judged.argmax_votes[0].sum()
    statistics = {
        "Label votes: $\\chi^2$ per draw": chi_square(judged.label_votes) / draws,
        "Arg-max votes: $\\chi^2$ per draw": chi_square(judged.argmax_votes) / draws,
        "Label values: variance / mean": chi_square_label_values_of_votes(judged.label_votes) / draws,
    }
    figure, axes = panels(1, 3, 2.6, sharey=True)
    for ax, (name, values), sign in zip(axes[0], statistics.items(), (-1, -1, 1), strict=True):
        known = np.isfinite(values)
        _histogram(ax, judged, values, np.linspace(0, max(values[known].max(), 1e-3) * (1 + 1e-9), 25), share=True)
        area = auroc(sign * np.where(known, values, 0), judged.wrong)
        ax.set_title("no wrong points" if np.isnan(area) else f"AUROC of errors {area:.3f}")
        ax.set_xlabel(name)
        ax.set_yscale("log")
    axes[0, 0].set_ylabel("Share of group")
    axes[0, 0].legend(loc="upper left", handlelength=1)
    figure.suptitle(judged.title, x=0.01, ha="left", fontsize=8.5)
    return figure


@styled
def certain_errors(results: Results, cell_id: str | None, n: int = 10) -> Figure:
    """Images that are wrong although every draw agrees (expected error rate 0), at most n, surest first."""
    judged = _varying(results, cell_id)
    rows = wrong_and_unanimous(results, cell_id)
    if not rows.size:
        raise NothingToDraw("no test image is wrong with all draws agreeing")
    return _gallery(judged, rows[:n], f"{min(n, len(rows))} of {len(rows)} wrong with expected error rate 0")


@styled
def disputed_images(results: Results, cell_id: str | None, n: int = 10) -> Figure:
    """The n images with the highest expected error rate, right or wrong."""
    judged = _varying(results, cell_id)
    return _gallery(judged, most_disputed(results, cell_id, n), "highest expected error rates")


def _name_classes(ax: Axes, judged: Judged) -> None:
    """Classes along the x axis, aslant where they have names."""
    aslant = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(judged.classes)), judged.classes, **(aslant if max(map(len, judged.classes)) > 2 else {}))


def _gallery(judged: Judged, rows: np.ndarray, what: str, columns: int = 5) -> Figure:
    if judged.inputs.ndim != 4:
        raise NothingToDraw("the inputs are not images")
    figure, axes = panels(-(-len(rows) // columns), columns, 1.75)
    for ax, i in zip(axes.flat, rows, strict=False):
        ax.imshow(judged.inputs[i, 0], cmap="gray_r", interpolation="nearest")
        ax.set_gid(f"test-{i}")
        colour = GROUPS["wrong" if judged.wrong[i] else "right"]
        p = judged.mean_proba[i].max()
        names = [judged.classes[label[i]] for label in (judged.truth, judged.read)]
        between = ", " if max(map(len, names)) == 1 else ",\n"
        ax.set_title(f"true {names[0]}{between}read {names[1]}", color=colour, loc="center", fontsize=8)
        ax.set_xlabel(f"p = {p:.2f}, error rate {judged.error_rate[i]:.2f}", fontsize=7)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(True)
    hide_spare(axes, len(rows))
    figure.suptitle(f"{judged.title}\n{what}", x=0.01, ha="left", fontsize=8.5)
    return figure


@styled
def reliability_diagram(results: Results, cell_ids: list[str | None], n_bins: int = 15) -> Figure:
    """Accuracy against confidence in the equal-mass bins of the ECE, a panel a cell; bars are 95% Wilson intervals."""
    cell_ids = [i for i in cell_ids if i is not None]
    if not cell_ids:
        raise NothingToDraw("there is no such trained cell")
    figure, axes = panels(1, len(cell_ids), 3.0, min(7.0, 3.5 * len(cell_ids)), sharex=True, sharey=True)
    colours, bottom = method_colours(results.row(i).inference for i in cell_ids), 1.0
    for ax, cell_id in zip(axes[0], cell_ids, strict=True):
        judged = Judged.load(results, cell_id)
        x, y, low, high = reliability(judged.mean_proba.max(1), ~judged.wrong, n_bins)
        ax.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1)
        ax.errorbar(x, y, [y - low, high - y], fmt="o", ms=4, lw=1, color=colours[judged.inference])
        ax.set_title(judged.title.replace(", ", "\n", 1).replace(", seed", "\nseed"), fontsize=7.5)
        ax.set_xlabel("Confidence: highest mean probability")
        ax.set_aspect("equal")
        bottom = min(bottom, float(x.min()), float(low.min()))
    axes[0, 0].set(ylabel="Accuracy", xlim=(max(0, bottom - 0.03), 1.02), ylim=(max(0, bottom - 0.03), 1.02))
    return figure


def reliability(confidence: np.ndarray, right: np.ndarray, n_bins: int = 15) -> tuple[np.ndarray, ...]:
    """Mean confidence, accuracy and its 95% Wilson interval in each bin that holds points."""
    bins = _bins(confidence, n_bins)
    n = np.bincount(bins)
    n, mean, hits = (np.bincount(bins, w)[n > 0] for w in (None, confidence, right))
    share, z2 = hits / n, 1.96**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * share * (1 - share) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    return mean / n, share, np.minimum(centre - half, share), np.maximum(centre + half, share)
