"""What probes read off trained cells: under shift, and as digits are turned."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, one_thread, probed
from bnnbench.plots.style import log_ticks, method_colours, panels, styled
from bnnbench.words.names import data_name, method_name, metric_name, model_name, name_of

SHIFT_UNITS = {"rotation": "degrees", "translation": "pixels", "blur": "sd in pixels", "noise": "sd in grey levels"}
LINES = ["inference", "recipe", "prior", "hyperprior", "scale"]
DASHES = ("-", "--", ":", "-.")


def readings(results: Results, study: str, probe: str, network: str | None = None, **where) -> pd.DataFrame:
    """Rows of `probed` on one network of a study (default: the first). NothingToDraw where there is none."""
    table = probed(results, study, probe, network=network, **where)
    return table[table.network == table.network.iloc[0]]


def probed_networks(results: Results, study: str, probe: str) -> list[str]:
    """Networks of a study of which cells were put to a probe."""
    table = results.probes
    return list(dict.fromkeys(table[(table.study == study) & (table.probe == probe)].network))


@styled
def shift_curves(results: Results, study: str, network: str | None = None) -> Figure:
    """Test accuracy, NLL and ECE against the strength of each kind of shift, a line a model; bands over seeds.

    Below the ECE a thin line is its floor: what as many images would show of a network whose confidence is right.
    """
    table = readings(results, study, "shift", network)
    kinds, metrics = list(dict.fromkeys(table.variable)), ("accuracy", "nll", "ece")
    figure, axes = panels(len(metrics), len(kinds), 1.7, sharex="col", sharey="row")
    styles = line_styles(table)
    for row, metric in zip(axes, metrics, strict=True):
        for ax, kind in zip(row, kinds, strict=True):
            part = table[(table.metric == metric) & (table.variable == kind)]
            for key, line in part.groupby(LINES, sort=False, dropna=False):
                _band(ax, line, **styles[line_key(key)])
            if metric == "ece":
                _floors(ax, table[(table.metric == "ece_floor") & (table.variable == kind)], styles)
            ax.set_xticks(sorted(part.level.unique()))
        row[0].set_ylabel(metric_name(metric))
    for ax, kind in zip(axes[0], kinds, strict=True):
        ax.set_title(name_of(kind))
    for ax, kind in zip(axes[-1], kinds, strict=True):
        ax.set_xlabel(SHIFT_UNITS.get(kind, "strength"))
    for ax in axes[1]:
        ax.set_yscale("log")
        log_ticks(ax.yaxis)
    _legend(figure, axes[0, 0], styles)
    _title(figure, table)
    return figure


@styled
def rotation_curves(results: Results, study: str, network: str | None = None) -> Figure:
    """Share of misread digits, predictive entropy and mutual information against the angle, a line a model."""
    table = readings(results, study, "rotation", network)
    figure, axes = panels(1, 3, 2.3, sharex=True)
    styles = line_styles(table)
    names = {"misread": "Share misread", "predictive_entropy": "Predictive entropy (nats)",
             "mutual_information": "Mutual information (nats)"}  # fmt: skip
    for ax, (metric, label) in zip(axes[0], names.items(), strict=True):
        for key, line in table[table.metric == metric].groupby(LINES, sort=False, dropna=False):
            by_seed = line.groupby(["seed", "level"], as_index=False).value.mean()
            _band(ax, by_seed, **styles[line_key(key)])
        ax.set_title(label)
        ax.set_xlabel("Angle (degrees)")
        ax.set_xticks([0, 45, 90, 135, 180])
        ax.set_ylim(bottom=0)
    _legend(figure, axes[0, 0], styles)
    _title(figure, table)
    return figure


@styled
def turned_digit(results: Results, cell_id: str | None, digit: int = 1, n_draws: int = 100) -> Figure:
    """Softmax inputs and outputs of posterior draws for one test image of a digit, turned step by step."""
    from bnnbench.probes.rotation import turned

    if cell_id is None:
        raise NothingToDraw("no cell was trained")
    data = results.data(results.row(cell_id).dataset)
    image = data.x_test[np.flatnonzero(data.y_test == digit)[0]]
    angles = np.arange(0, 181, 15)
    with one_thread():
        logits = results.trained(cell_id).sample_logits(np.stack([turned(image, a) for a in angles]), n_draws)
    proba = np.exp(logits - logits.max(2, keepdims=True))
    proba /= proba.sum(2, keepdims=True)
    shown = np.sort(np.argsort(-proba.mean(0).max(0))[:4])
    colours = method_colours([str(c) for c in shown])
    figure, axes = panels(2, 1, 2.0, sharex=True)
    jitter = np.linspace(-4, 4, n_draws)
    for c in shown:
        for ax, values in zip(axes[:, 0], (logits, proba), strict=True):
            for k, angle in enumerate(angles):
                label = f"class {c}" if k == 0 else None
                ax.plot(angle + jitter, values[:, k, c], ".", ms=2, alpha=0.5, color=colours[str(c)], label=label)
    axes[0, 0].set_ylabel("Softmax input")
    axes[1, 0].set_ylabel("Softmax output")
    axes[1, 0].set_xlabel("Angle (degrees)")
    axes[1, 0].set_xticks(angles)
    for angle in angles:
        inset = axes[0, 0].inset_axes([angle - 6, 1.02, 12, 0.24], transform=axes[0, 0].get_xaxis_transform())
        inset.imshow(turned(image, angle)[0], cmap="gray_r")
        inset.axis("off")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(shown), markerscale=4)
    return figure


def line_key(key: tuple) -> tuple:
    """The values of `LINES` in a row, as the keys of `line_styles`."""
    return tuple("" if isinstance(part, float) and np.isnan(part) else part for part in key)


def line_styles(table: pd.DataFrame) -> dict[tuple, dict]:
    """Colour (method), dashes (model) and label of each line."""
    found = table.drop_duplicates(LINES)
    colours = method_colours(found.inference)
    models = list(dict.fromkeys(model_name(row) for row in found.itertuples()))
    return {
        line_key(tuple(getattr(row, name) for name in LINES)): {
            "color": colours[row.inference],
            "ls": DASHES[models.index(model_name(row)) % len(DASHES)],
            "label": f"{method_name(row.inference, row.recipe)}: {model_name(row)}",
        }
        for row in found.itertuples()
    }


def _band(ax, line: pd.DataFrame, **style) -> None:
    """Mean over seeds against the level, with its 95% interval."""
    found = [(level, *mean_interval(part.value)[:3]) for level, part in line.groupby("level")]
    level, mean, low, high = np.array(found).T
    ax.plot(level, mean, lw=1.3, **style)
    ax.fill_between(level, low, high, color=style["color"], alpha=0.15, lw=0)


def _floors(ax, readings: pd.DataFrame, styles: dict) -> None:
    for key, line in readings.groupby(LINES, sort=False, dropna=False):
        style = styles[line_key(key)]
        means = line.groupby("level").value.mean()
        ax.plot(means.index, means, lw=0.5, color=style["color"], ls=style["ls"])


def _legend(figure: Figure, ax, styles: dict) -> None:
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=min(3, len(styles)))


def _title(figure: Figure, table: pd.DataFrame) -> None:
    figure.suptitle(f"{data_name(table.dataset.iloc[0])}, {table.network.iloc[0]}", x=0.01, ha="left")
