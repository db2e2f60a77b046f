"""What can be removed from trained networks: signal-to-noise of the weights, and the error as weights go."""

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, done, one_thread
from bnnbench.plots.probes import LINES, readings
from bnnbench.plots.style import legend_of_all, log_ticks, method_colours, panels, styled
from bnnbench.words.names import method_name, model_name

ORDERS = {
    "signal_to_noise-mean": ("by signal-to-noise", "-"),
    "signal_to_noise-draws": ("by signal-to-noise, draws averaged", ":"),
    "signal_to_noise-noise": ("by signal-to-noise, removed weights as noise", "-."),
    "magnitude-mean": ("by size", "--"),
}
"""Ways of pruning, by the readings' variable: label and line."""
DECIBEL = np.linspace(-45, 25, 141)


@styled
def pruning_curves(results: Results, study: str, network: str | None = None) -> Figure:
    """Test error against the share of weights removed, a panel a network; colour is the model, the line the way of
    pruning; bands over seeds."""
    table = results.rows("probes", study=study, probe="pruning", metric="accuracy")
    if table.empty:
        raise NothingToDraw(f"no cell of {study} was put to the probe 'pruning'")
    networks = [network] if network else list(dict.fromkeys(table.network))
    figure, axes = panels(1, len(networks), 2.8, sharey=True)
    colours, ways = {}, set()
    for ax, name in zip(axes[0], networks, strict=True):
        part = readings(results, study, "pruning", name, metric="accuracy")
        for key, line in part.groupby([*LINES, "variable"], sort=False, dropna=False):
            row = line.iloc[0]
            model = f"{method_name(row.inference, row.recipe)}, {model_name(row)}"
            colour = colours.setdefault(model, f"C{len(colours)}")
            ways.add(ORDERS[key[-1]])
            found = [(level, *mean_interval(100 * (1 - g.value))[:3]) for level, g in line.groupby("level")]
            share, mean, low, high = np.array(found).T
            ax.plot(range(len(share)), mean, f"o{ORDERS[key[-1]][1]}", ms=3, lw=1.1, color=colour)
            ax.fill_between(range(len(share)), low, high, color=colour, alpha=0.15, lw=0)
            ax.set_xticks(range(len(share)), [f"{100 * s:g}" for s in share])
        ax.set_title(name)
        ax.set_xlabel("Weights removed (%)")
        ax.set_yscale("log")
        log_ticks(ax.yaxis)
    axes[0, 0].set_ylabel("Test error (%)")
    models = [Line2D([], [], color=colour, lw=1.6, label=name) for name, colour in colours.items()]
    lines = [Line2D([], [], color="black", ls=way[1], lw=1.1, label=way[0]) for way in ORDERS.values() if way in ways]
    blank = [Line2D([], [], ls="", label=" ")] * abs(len(lines) - len(models))  # a column is filled before the next
    columns = [*models, *blank, *lines] if len(models) < len(lines) else [*models, *lines, *blank]
    figure.legend(handles=columns, loc="outside lower center", ncols=2, fontsize=7.5)
    return figure


@styled
def signal_to_noise(results: Results, study: str) -> Figure:
    """Density and distribution function of the weights' signal-to-noise ratio, a line a model; first seed.

    By the posterior's own moments: over a number of draws a ratio near zero would show how many they are.
    """
    cells = done(results, study, inference="mean_field", recipe="").sort_values("seed", kind="stable")
    cells = cells.drop_duplicates(["network", "prior", "hyperprior", "scale"])
    networks = list(dict.fromkeys(cells.network))
    figure, axes = panels(2, len(networks), 1.9, sharex=True, sharey="row")
    colours = {name: f"C{i}" for i, name in enumerate(dict.fromkeys(model_name(r) for r in cells.itertuples()))}
    for cell in cells.itertuples():
        trained = results.trained(cell.id)
        is_weight = np.concatenate([np.full(p.size, not p.is_bias) for p in trained.network.parameters])
        mean, sd = (moment[is_weight] for moment in trained.weight_moments())
        decibel = 20 * np.log10(np.maximum(np.abs(mean / sd), 1e-12))
        counts, edges = np.histogram(decibel, DECIBEL)
        density = counts / (len(decibel) * np.diff(edges))
        column = networks.index(cell.network)
        centres, name = (edges[1:] + edges[:-1]) / 2, model_name(cell)
        axes[0, column].plot(centres, density, color=colours[name], lw=1.1, label=name)
        share = np.searchsorted(np.sort(decibel), centres) / len(decibel)
        axes[1, column].plot(centres, share, color=colours[name], lw=1.1)
        axes[0, column].set_title(cell.network)
        axes[1, column].set_xlabel("Signal-to-noise (dB)")
    axes[0, 0].set_ylabel("Density")
    axes[1, 0].set_ylabel("Share below")
    legend_of_all(figure, axes, columns=4)
    return figure


@styled
def weight_histograms(results: Results, study: str, network: str | None = None) -> Figure:
    """Density of the trained weights of each method: point estimates, or a draw of the posterior; first seed.

    Weights that dropout drops in the draw are left out.
    """
    cells = done(results, study, recipe="", network=network).sort_values("seed", kind="stable")
    cells = cells[cells.network == (network or cells.network.iloc[-1])]
    cells = cells.drop_duplicates(["inference", "prior", "hyperprior", "scale"])
    figure, axes = panels(1, 1, 2.8)
    colours, rng = method_colours(cells.inference), np.random.default_rng(0)
    for dash, cell in zip(["-", "--", ":", "-."] * len(cells), cells.itertuples(), strict=False):
        draws = _drawn_weights(results, cell.id)
        draws = rng.choice(draws[draws != 0], min(np.count_nonzero(draws), 50_000), replace=False)
        label = f"{method_name(cell.inference)}: {model_name(cell)}"
        sns.kdeplot(x=draws.clip(-0.4, 0.4), ax=axes[0, 0], bw_adjust=0.4, color=colours[cell.inference], ls=dash,
                    label=label, clip=(-0.39, 0.39))  # fmt: skip
    axes[0, 0].set_xlabel("Weight")
    axes[0, 0].set_xlim(-0.3, 0.3)
    axes[0, 0].set_title(f"{cells.network.iloc[0]}")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _drawn_weights(results: Results, cell_id: str) -> np.ndarray:
    """The weights of a cell's matrices, without biases, in one draw."""
    trained = results.trained(cell_id)
    with one_thread():
        (draw,) = trained.weight_draws(1)
    return np.concatenate([draw[p.start : p.stop] for p in trained.network.parameters if not p.is_bias])
