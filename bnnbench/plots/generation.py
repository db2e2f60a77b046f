"""Samples of generators: beside each other, over training and along codes; what they are worth, in numbers."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.evaluate import known_of
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, datasets_of, done, one_thread
from bnnbench.plots.style import BLUE, GREY, ORANGE, hide_spare, legend_of_all, panels, panels_of, styled
from bnnbench.words.names import data_name, model_name

SHOWN = 10
"""Images in a row."""
POINTS = 40
"""Points in the plane of each category."""
IN_TABLE = {
    "modes_covered": ("modes", 1, 1), "high_quality": ("good %", 100, 1), "mode_kl": ("KL of modes", 1, 3),
    "game_value": ("value", 1, 3), "energy_distance": ("energy", 1, 4), "frechet_distance": ("Fréchet", 1, 3),
    "frechet_distance_floor": ("its floor", 1, 3), "precision": ("precision %", 100, 1), "recall": ("recall %", 100, 1),
    "code_accuracy": ("code %", 100, 1),
}  # fmt: skip
"""Metrics of the table, with heading, factor and decimals."""
ENTRY = ["network", "recipe", "prior", "scale"]


def generation_sets(results: Results, study: str, images: bool | None = None) -> list[str]:
    """Data sets of a study of which samples were made; with `images` those of images alone, or of points alone."""
    found = [name for name in datasets_of(results, study) if results.plan.datasets[name].task == "generation"]
    if images is not None:
        found = [name for name in found if (results.data(name).x_test.ndim == 4) == images]
    if not found:
        raise NothingToDraw("no generator was trained on such data")
    return found


def _entries(results: Results, study: str, dataset: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Title and cells of each network, recipe and model of a data set, cells by seed."""
    cells = done(results, study, dataset=dataset)
    for _, group in cells.groupby(ENTRY, sort=False, dropna=False):
        group = group.sort_values("seed")
        yield _title(group.iloc[0]), group


def _title(cell) -> str:
    """An entry in words, such as `gan, wasserstein, flat`."""
    return f"{cell.network}, {cell.recipe or 'non_saturating'}, {model_name(cell)}".replace("_", " ")


@styled
def sample_clouds(results: Results, study: str, dataset: str, n: int = 1000) -> Figure:
    """Stored samples of points in the plane, a panel an entry at the lowest seed, over real points, grey; circles reach
    to three sds from the modes' centres."""
    entries = list(_entries(results, study, dataset))
    data = results.data(dataset)
    seed = int(entries[0][1].seed.iloc[0])
    real = known_of(results.plan.datasets[dataset], data, "test", seed)
    figure, axes = panels_of(len(entries), 2.4)
    for ax, (title, cells) in zip(axes.flat, entries, strict=False):
        samples = results.predictions(cells.id.iloc[0]).points[:n]
        ax.scatter(*real.points[:n].T, s=1, color=GREY, alpha=0.4, lw=0)
        ax.scatter(*samples.T, s=1.5, color=BLUE, lw=0)
        _draw_circles(ax, real.mixture)
        ax.set_title(title, fontsize=7.5)
        ax.set_aspect("equal")
        ax.tick_params(labelsize=6.5)
    _limit(axes, real.points)
    hide_spare(axes, len(entries))
    figure.suptitle(f"{data_name(dataset)}, seed {seed}", x=0.01, ha="left")
    return figure


def _draw_circles(ax, mixture) -> None:
    if mixture is None:
        return
    angle = np.linspace(0, 2 * np.pi, 60)
    for centre in mixture[0]:
        ax.plot(*(centre[:, None] + 3 * mixture[1] * np.stack([np.cos(angle), np.sin(angle)])), color=ORANGE, lw=0.5)


def _limit(axes, points: np.ndarray) -> None:
    """Limits about real points: a generator's few wild samples must not make all others small."""
    low, high = points.min(0), points.max(0)
    margin = 0.15 * (high - low)
    axes.flat[0].set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))


@styled
def clouds_over_training(results: Results, study: str, dataset: str, n: int = 600) -> Figure:
    """Samples of the same noise by generators from the middle of training, a row an entry at the lowest seed and a
    column a step; circles reach to three sds from the modes' centres."""
    rows = _over_training(results, study, dataset, n)
    data = results.data(dataset)
    real = known_of(results.plan.datasets[dataset], data, "test", int(data.seeds[0]))
    columns = max(len(found) for _, found in rows)
    figure, axes = panels(len(rows), columns, 1.5, sharex=True, sharey=True)
    for line, (title, found) in zip(axes, rows, strict=True):
        for ax, (step, samples) in zip(line, found.items(), strict=False):
            ax.scatter(*samples.T, s=1, color=BLUE, lw=0)
            _draw_circles(ax, real.mixture)
            ax.set_title(f"step {step:,}", fontsize=7)
            ax.set_aspect("equal")
            ax.tick_params(labelsize=6)
        line[0].set_ylabel(title.replace(", ", "\n"), fontsize=6.5)
    _limit(axes, real.points)
    figure.suptitle(data_name(dataset), x=0.01, ha="left")
    return figure


def _over_training(results: Results, study: str, dataset: str, n: int) -> list[tuple[str, dict[int, np.ndarray]]]:
    from bnnbench.prediction.samples import over_training

    found = []
    for title, cells in _entries(results, study, dataset):
        cell = cells.iloc[0]
        with one_thread():
            found.append((title, over_training(results.trained(cell.id), int(cell.steps), n)))
    return found


@styled
def sample_images(results: Results, study: str, dataset: str) -> Figure:
    """Stored samples, a row an entry at the lowest seed: the first of each, none chosen; above real images."""
    data = results.data(dataset)
    rows = {"real": results.data(dataset).scaled(data.x_test[:SHOWN]).reshape(SHOWN, -1)}
    for title, cells in _entries(results, study, dataset):
        rows[title] = results.predictions(cells.id.iloc[0]).points[:SHOWN]
    return _grid_of(rows, data.x_test.shape[2:], data_name(dataset))


@styled
def images_over_training(results: Results, study: str, dataset: str, n: int = 6) -> Figure:
    """Images of the same noise by generators from the middle of training, a panel an entry at the lowest seed and a row
    a step."""
    entries, sides = _over_training(results, study, dataset, n), results.data(dataset).x_test.shape[2:]
    columns = min(3, len(entries))
    figure, axes = panels(-(-len(entries) // columns), columns, 2.2)
    for ax, (title, found) in zip(axes.flat, entries, strict=False):
        _draw_rows(ax, {f"{step:,}": samples for step, samples in found.items()}, sides)
        ax.set_title(title, fontsize=7)
    hide_spare(axes, len(entries))
    figure.suptitle(f"{data_name(dataset)}: by the step of training", x=0.01, ha="left")
    return figure


@styled
def code_traversals(results: Results, study: str, dataset: str, n_rows: int = 6) -> Figure:
    """InfoGAN's samples, a column a category of its code; on the left a row has a noise of its own, on the right, where
    there is a continuous code, that goes from -1 at the top to 1 below. At the lowest seed, of the first network that
    has codes."""
    from bnnbench.prediction.samples import traversal

    cells = done(results, study, dataset=dataset, recipe="info").sort_values("seed")
    cell = results.trained(cells.id.iloc[0])
    parts = {"noise by row": False}
    if cell.network.continuous:
        parts["continuous code by row"] = True
    shape = results.data(dataset).x_test.shape[1:]
    figure, axes = panels(1, len(parts), 3.4)
    for ax, (what, continuous) in zip(axes[0], parts.items(), strict=True):
        with one_thread():
            found = traversal(cell, n_rows if len(shape) > 1 else POINTS, continuous)
        if len(shape) == 1:
            for category, points in enumerate(found.swapaxes(0, 1)):
                ax.scatter(*points.T, s=8, color=f"C{category % 10}", label=f"category {category}")
            ax.set_aspect("equal")
        else:
            _draw_images(ax, found, shape[1:])
            ax.set_xticks((shape[2] + 1) * (np.arange(found.shape[1]) + 0.5) - 1, range(found.shape[1]))
            ax.set_xlabel("category")
        ax.set_title(what if len(shape) > 1 else "")
    legend_of_all(figure, axes, columns=4)
    figure.suptitle(f"{data_name(dataset)}, {_title(cells.iloc[0])}, seed {cells.seed.iloc[0]}", x=0.01, ha="left")
    return figure


def _tiled(samples: np.ndarray, sides: tuple[int, int]) -> np.ma.MaskedArray:
    """Images (rows, columns, pixels) of one channel as one image, with a line of nothing after each."""
    rows, columns = samples.shape[:2]
    framed = np.full((rows, columns, sides[0] + 1, sides[1] + 1), np.nan)
    framed[:, :, :-1, :-1] = samples.reshape(rows, columns, *sides)
    whole = framed.transpose(0, 2, 1, 3).reshape(rows * (sides[0] + 1), -1)
    return np.ma.masked_invalid(whole[:-1, :-1])


def _draw_images(ax, samples: np.ndarray, sides: tuple[int, int]) -> None:
    """Images (rows, columns, pixels) beside each other."""
    ax.set_facecolor("#b8c4d0")  # between them
    ax.imshow(_tiled(samples, sides), cmap="gray_r", interpolation="nearest", vmin=0, vmax=1)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.tick_params(length=0)


def _draw_rows(ax, rows: dict[str, np.ndarray], sides: tuple[int, int]) -> None:
    """A row of images (n, pixels) for each name."""
    _draw_images(ax, np.stack(list(rows.values())), sides)
    ax.set_yticks((sides[0] + 1) * (np.arange(len(rows)) + 0.5) - 1, list(rows), fontsize=7)


def _grid_of(rows: dict[str, np.ndarray], sides: tuple[int, int], title: str) -> Figure:
    figure, axes = panels(1, 1, 0.55 * len(rows) + 0.4)
    _draw_rows(axes[0, 0], rows, sides)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


@styled
def value_against_quality(results: Results, study: str, dataset: str) -> Figure:
    """Over training, a panel an entry: the value of the game that the discriminator was trained on (blue, left; the
    critic's distance of wasserstein) and the energy distance of samples from test points (orange, right); lines are
    seeds."""
    entries = list(_entries(results, study, dataset))
    figure, axes = panels(-(-len(entries) // 3), min(3, len(entries)), 2.3)
    for ax, (title, cells) in zip(axes.flat, entries, strict=False):
        right = ax.twinx()
        for cell in cells.itertuples():
            trace = results.arrays(cell.id, "trace")
            ax.plot(trace.step, trace.objective, color=BLUE, lw=0.8, label="value of the game")
            try:
                curve = results.arrays(cell.id, "curve")
            except (KeyError, ValueError):
                continue
            right.plot(curve.step, curve.test_error, color=ORANGE, lw=1, marker="o", ms=2)
        right.tick_params(labelsize=6.5, labelcolor=ORANGE)
        ax.tick_params(labelsize=6.5, labelcolor=BLUE, labelleft=True)
        ax.set_title(f"{title}\n{_agreement(results, cells)}", fontsize=7)
        ax.set_xlabel("step")
    hide_spare(axes, len(entries))
    figure.suptitle(f"{data_name(dataset)}: value of the game and energy distance", x=0.01, ha="left")
    return figure


def value_quality_correlation(results: Results, cell_id: str) -> float:
    """Spearman's correlation over training of the value of the game, the mean over the steps since the last look, with
    the energy distance on test points; NaN where the cell was not watched, or fewer than four times."""
    from scipy.stats import spearmanr

    try:
        curve = results.arrays(cell_id, "curve")
    except (KeyError, ValueError):
        return np.nan
    trace, looked = results.arrays(cell_id, "trace"), curve.step.values
    before = np.concatenate([[0], looked[:-1]])
    steps, values = trace.step.values, trace.objective.values
    means = [values[(steps > low) & (steps <= high)].mean() for low, high in zip(before, looked, strict=True)]
    return float(spearmanr(means, curve.test_error.values).statistic) if len(looked) >= 4 else np.nan


def _agreement(results: Results, cells: pd.DataFrame) -> str:
    found = np.array([value_quality_correlation(results, cell_id) for cell_id in cells.id])
    found = found[np.isfinite(found)]
    return f"rank correlation {found.mean():+.2f}" if found.size else ""


def samples_in_words(results: Results, study: str, dataset: str) -> str:
    """A table of what samples of a data set are worth on its test set, a row an entry and two of controls: means over
    seeds, with the interval's half width."""
    table = results.rows("metrics", study=study, dataset=dataset, split="test")
    shown = [name for name in IN_TABLE if name in set(table.metric)]
    rows = [(f"*{name}*", table[table.inference == control]) for control, name in _controls(results, dataset).items()]
    for title, cells in _entries(results, study, dataset):
        rows.append((title, table[table.id.isin(cells.id)]))
    lines = [f"| samples | {' | '.join(IN_TABLE[name][0] for name in shown)} |", "|---|" + "---|" * len(shown)]
    for title, part in rows:
        lines.append(f"| {title} | {' | '.join(_cell(part, name) for name in shown)} |")
    return "\n".join(lines)


def _controls(results: Results, dataset: str) -> dict[str, str]:
    from bnnbench import tasks

    return tasks.find(results.plan.datasets[dataset].task).controls


def _cell(part: pd.DataFrame, metric: str) -> str:
    """A mean over seeds with half its interval, as the table shows it; "" where there is none."""
    values, (_, factor, digits) = part[part.metric == metric].value.dropna(), IN_TABLE[metric]
    if values.empty:
        return ""
    interval = mean_interval(factor * values.to_numpy())
    half = (interval.high - interval.low) / 2
    return f"{interval.mean:.{digits}f}" + (f" ± {half:.{digits}f}" if np.isfinite(half) else "")


def collapses_in_words(results: Results, study: str) -> str:
    """Which cells collapsed, diverged or lost modes, cell by cell; or that none did."""
    cells = results.cells[results.cells.study == study]
    lines = [f"- `{cell.id}`: {cell.state}, {cell.reason}" for cell in cells.itertuples() if cell.reason]
    table = results.rows("metrics", study=study, metric="modes_covered", split="test")
    covered = table[table.id.isin(cells.id)]
    modes = table.value.max() if len(covered) else 0
    lost = covered[covered.value < modes]
    lines += [f"- `{row.id}`: {row.value:g} of {modes:g} modes" for row in lost.itertuples()]
    return "\n".join(lines) or "No cell collapsed to a point, diverged or lost a mode."
