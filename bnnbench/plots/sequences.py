"""Recurrent networks: methods side by side, bits along a piece, and text that is drawn from them."""

from html import escape

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bnnbench.base.statistics import intervals
from bnnbench.datasets import markov
from bnnbench.evaluation.evaluate import ideal_of
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import (
    NothingToDraw,
    best_models,
    cells_of,
    chosen_cells,
    control,
    datasets_of,
    done,
    methods_of,
    one_thread,
    scores,
)
from bnnbench.metrics import describe, registered
from bnnbench.plots.style import legend_of_all, method_colours, panels, styled
from bnnbench.words.names import data_name, method_name

SHOWN = ("bits_per_symbol", "nll", "accuracy", "ece")
"""Metrics side by side, of those that a data set's task has; NLL where there are no bits."""


def symbol_sets(results: Results, study: str) -> list[str]:
    """Data sets of a study whose next symbols are predicted. NothingToDraw where it has none."""
    found = [name for name in datasets_of(results, study) if results.plan.datasets[name].task == "language"]
    if not found:
        raise NothingToDraw("the study predicts no symbols")
    return found


def entropy_rate(results: Results, dataset: str) -> float | None:
    """Bits a symbol of a data set's source; None where nobody knows them."""
    spec = results.plan.datasets[dataset]
    if spec.family != "markov":
        return None
    options = {
        name: spec.options[name] for name in ("n_symbols", "order", "concentration", "table") if name in spec.options
    }
    return markov.entropy_rate(**options)


def chosen_scores(results: Results, study: str, dataset: str, metric: str) -> pd.DataFrame:
    """A test metric with its interval over seeds of each method's model that validation NLL chose, a row a method and
    network: inference, network, mean, low, high, n."""
    rows = []
    networks = list(dict.fromkeys(done(results, study, dataset=dataset).network))
    for inference in methods_of(results, study, dataset):
        for network in networks:
            try:
                model = best_models(results, study, dataset, inference, network).iloc[0]
            except NothingToDraw:
                continue
            cells = cells_of(results, study, model, dataset=dataset, inference=inference)
            table = scores(results, study, metric, dataset=dataset)
            rows.append(table[table.id.isin(cells.id)])
    return intervals(pd.concat(rows), ["inference", "network"])


@styled
def recurrent_scores(results: Results, study: str, dataset: str) -> Figure:
    """Test metrics by method and network on a data set, with 95% intervals over seeds; a panel a metric.

    Each with the model that validation NLL chose. Dashed: what the true source would reach; of bits its entropy rate.
    Dotted, beside an ECE: the floor that perfect calibration would show.
    """
    task = results.plan.datasets[dataset].task
    names = [name for name in SHOWN if name in registered(task)]
    names = [name for name in names if name != "nll" or "bits_per_symbol" not in names]
    tables = {name: chosen_scores(results, study, dataset, name) for name in names}
    order = list(dict.fromkeys(zip(tables[names[0]].inference, tables[names[0]].network, strict=True)))
    colours = method_colours(inference for inference, _ in order)
    several = len({network for _, network in order}) > 1
    figure, axes = panels(1, len(names), 0.9 + 0.22 * len(order), sharey=True)
    for ax, name in zip(axes[0], names, strict=True):
        for row in tables[name].itertuples():
            y, colour = order.index((row.inference, row.network)), colours[row.inference]
            ax.plot([row.low, row.high], [y, y], color=colour, lw=1.4)
            ax.plot(row.mean, y, "o", color=colour, ms=4.5)
        _bound(ax, results, study, dataset, name, order)
        about = describe(name, task)
        ax.set_xlabel(about.label)
        better = {"higher": "higher is better", "lower": "lower is better"}.get(about.direction, "")
        ax.set_title(better, fontsize=7.5, color="#555555")
    labels = [f"{method_name(i)}, {network}" if several else method_name(i) for i, network in order]
    axes[0, 0].set_yticks(range(len(order)), labels)
    axes[0, 0].set_ylim(len(order) - 0.5, -0.5)
    legend_of_all(figure, axes)
    figure.suptitle(data_name(dataset), x=0.01, ha="left")
    return figure


def _bound(ax, results, study, dataset, name, order) -> None:
    """The best that a metric can be, where it is known."""
    if name == "ece":
        for row in chosen_scores(results, study, dataset, "ece_floor").itertuples():
            y = order.index((row.inference, row.network))
            ax.plot([row.mean, row.mean], [y - 0.35, y + 0.35], color="#555555", ls=":", lw=1.2)
        ax.plot([], [], color="#555555", ls=":", lw=1.2, label="ECE of perfect calibration")
        return
    rate = entropy_rate(results, dataset) if name == "bits_per_symbol" else None
    if rate is not None:
        ax.axvline(rate, color="#222222", ls="--", lw=1, label=f"entropy rate of the source, {rate:.3f} bits")
    elif not np.isnan(value := control(results, dataset, "bayes_rule", name)):
        ax.axvline(value, color="#777777", ls="--", lw=1, label="the true source on these data")


@styled
def bits_along_pieces(results: Results, study: str, dataset: str) -> Figure:
    """Mean test bits of the symbols at each step of a piece, by method; the true source's dashed.

    Each method with the model that validation NLL chose, at the lowest seed. The state is zero where a piece begins, so
    the curve says how long a memory the network makes use of. Nothing is predicted of a piece's context.
    """
    cells = chosen_cells(results, study, dataset)
    colours = method_colours(cell.inference for cell in cells)
    figure, axes = panels(1, 1, 2.6)
    ax = axes[0, 0]
    for cell in cells:
        y = results.labels(cell.id)[1]
        ax.plot(*_bits_by_step(results.predictions(cell.id).proba, y), color=colours[cell.inference],
                label=method_name(cell.inference))  # fmt: skip
    if (truth := _source(results, dataset)) is not None:
        ax.plot(*_bits_by_step(truth, y), color="#222222", ls="--", lw=1.2, label="true source")
    ax.set_xlabel("Symbols read of the piece")
    ax.set_ylabel("Bits of the next symbol")
    legend_of_all(figure, axes, columns=4)
    figure.suptitle(data_name(dataset), x=0.01, ha="left")
    return figure


def _bits_by_step(proba: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of symbols read (steps,), and the mean bits of the next (steps,), where it is predicted."""
    predicted = y[0] >= 0
    of_truth = np.take_along_axis(proba.reshape(*y.shape, -1), y.clip(0)[..., None], -1)[..., 0]
    bits = -np.log2(of_truth.clip(2.0**-24)).mean(0)
    return np.flatnonzero(predicted) + 1, bits[predicted]


def _source(results: Results, dataset: str) -> np.ndarray | None:
    return ideal_of(results.plan.datasets[dataset], results.data(dataset).test()[0])


def generated_in_words(results: Results, study: str, dataset: str, n_symbols: int = 80, n_sequences: int = 2) -> str:
    """What each method's network goes on with after the first symbols of a test piece, beside what follows there.

    Each line has a posterior draw of its own. NothingToDraw where symbols have no letters.
    """
    from bnnbench.prediction.generate import continued  # torch

    data = results.data(dataset)
    letters = data.class_names or tuple("0123456789"[: data.n_classes])
    x, y = data.test()[0].astype(int), data.y_test
    context = int(np.argmax(y[0] >= 0)) + 1
    start, truth = x[0, :context], y[0, context - 1 :]
    rows = [("true", _text(letters, start), _text(letters, truth))]
    with one_thread():
        for cell in chosen_cells(results, study, dataset):
            for codes in continued(results.trained(cell.id), start, n_symbols, n_sequences):
                rows.append((method_name(cell.inference), _text(letters, start), _text(letters, codes)))
    body = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(first)}</code>|<code>{escape(rest)}</code></td></tr>"
        for name, first, rest in rows
    )
    return f"<table><tr><th>Method</th><th>{escape(data_name(dataset))}: read | drawn</th></tr>{body}</table>"


def _text(letters: tuple[str, ...], codes: np.ndarray) -> str:
    return "".join(letters[code] for code in codes)
