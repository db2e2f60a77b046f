"""Autoencoders: images that codes are decoded to, the plane of codes, and how probable images are."""

from contextlib import suppress
from itertools import product

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from bnnbench.base.philox import generator
from bnnbench.evaluation.autoencoders import (
    BOUND,
    bounds_of,
    cells_by_seed,
    dataset_of,
    is_variational,
    latent_of,
    networks_of,
    readings,
    values,
)
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, methods_of, one_thread, probed
from bnnbench.plots.style import BLUE, ORANGE, class_colours, hide_spare, legend_of_all, panels, panels_of, styled
from bnnbench.words.names import data_name, likelihood_name, method_name

SHOWN = 12
"""Images in a row."""


def _variational(results: Results, study: str) -> list[str]:
    return [name for name in networks_of(results, study) if is_variational(results, study, name)]


def _on_the_plane(results: Results, study: str) -> list[str]:
    return [name for name in networks_of(results, study) if latent_of(results, study, name) == 2]


def _grid_of(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Images (rows * columns, D) of D = side² pixels as one, with a line of white between them."""
    side = round(images.shape[1] ** 0.5)
    if side * side != images.shape[1]:
        raise NothingToDraw(f"inputs of {images.shape[1]} numbers are no square images")
    framed = np.pad(images.reshape(rows, columns, side, side), ((0, 0), (0, 0), (0, 1), (0, 1)))
    return framed.transpose(0, 2, 1, 3).reshape(rows * (side + 1), columns * (side + 1))


@styled
def decoded_samples(results: Results, study: str, inference: str = "map") -> Figure:
    """Images decoded from codes that are drawn from the prior, a row for each length of the code, below test images;
    grey is the probability of a pixel. At the lowest seed, of the scale that validation data chose."""
    dataset, names = dataset_of(results, study), _variational(results, study)
    rows, labels = [results.data(dataset).x_test[:SHOWN].astype(float)], ["test images"]
    for name in names:
        cell = cells_by_seed(results, study, name, BOUND, inference).iloc[0]
        size = latent_of(results, study, name)
        codes = generator("decoded-samples", "codes").standard_normal((SHOWN, size))
        rows.append(_decoded(results, cell.id, codes))
        labels.append(f"{size} numbers")
    figure, axes = panels(1, 1, 0.62 * len(rows))
    ax, image = axes[0, 0], _grid_of(np.concatenate(rows), len(rows), SHOWN)
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    height = image.shape[0] / len(rows)
    ax.set_yticks([height * (i + 0.5) for i in range(len(rows))], labels)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.set_title(f"{data_name(dataset)}, {method_name(inference)}")
    return figure


def _decoded(results: Results, cell_id: str, codes: np.ndarray) -> np.ndarray:
    from bnnbench.prediction.codes import decoded

    with one_thread():
        return decoded(results.trained(cell_id), codes)


def _encoded(results: Results, cell_id: str, x: np.ndarray) -> np.ndarray:
    from bnnbench.prediction.codes import encoded

    with one_thread():
        return encoded(results.trained(cell_id), x)[0]


@styled
def manifold(results: Results, study: str, n: int = 16) -> Figure:
    """Images along a plane of codes: at even distances on the unit square, through the normal's quantiles, so that each
    stands for as much of the prior. By MAP, at the lowest seed."""
    names = [name for name in _on_the_plane(results, study) if is_variational(results, study, name)]
    if not names:
        raise NothingToDraw("no variational autoencoder has a code of two numbers")
    cell = cells_by_seed(results, study, names[0], BOUND, "map").iloc[0]
    along = norm.ppf((np.arange(n) + 0.5) / n)
    codes = np.stack(np.meshgrid(along, along[::-1]), -1).reshape(-1, 2)
    figure, axes = panels(1, 1, 4.2, width=4.4)
    ax = axes[0, 0]
    ax.imshow(_grid_of(_decoded(results, cell.id, codes), n, n), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], xlabel="quantile of the first number", ylabel="quantile of the second")
    return figure


@styled
def code_planes(results: Results, study: str, n: int = 1000) -> Figure:
    """Mean codes of test images on the plane, coloured by digit, a panel each network and objective, with the accuracy
    of the nearest training image's label and the distance of the codes from the prior, which the circle holds 95% of.

    By MAP, at the lowest seed; numbers are means over seeds."""
    data, found = results.data(dataset_of(results, study)), []
    for network in _on_the_plane(results, study):
        for likelihood in results.plan.study_configs[study].likelihoods:
            try:
                found.append((network, likelihood, cells_by_seed(results, study, network, likelihood, "map")))
            except NothingToDraw:
                continue
    if not found:
        raise NothingToDraw("no autoencoder has a code of two numbers")
    rows = -(-len(found) // 3)
    figure, axes = panels(rows, min(3, len(found)), 2.6)
    labels = data.y_test[:n]
    colours = np.array(class_colours(int(labels.max()) + 1))
    for ax, (network, likelihood, cells) in zip(axes.flat, found, strict=False):
        codes = _encoded(results, cells.iloc[0].id, data.x_test[:n])
        ax.scatter(*codes.T, c=colours[labels], s=4, lw=0)
        turn, radius = np.linspace(0, 2 * np.pi, 100), np.sqrt(-2 * np.log(0.05))
        ax.plot(radius * np.cos(turn), radius * np.sin(turn), color="black", lw=0.7, ls=":")
        right, far = (
            readings(results, study, cells, "codes", name).mean()
            for name in ("neighbour_accuracy", "distance_to_prior")
        )
        ax.set_title(f"{network}, {likelihood_name(likelihood)}\nright {right:.0%}, distance {far:.3g}", fontsize=7.5)
    hide_spare(axes, len(found))
    for label, colour in enumerate(colours):
        axes[0, 0].scatter([], [], color=colour, s=10, label=str(label))
    legend_of_all(figure, axes, columns=len(colours))
    return figure


@styled
def bounds_by_code(results: Results, study: str) -> Figure:
    """NLL by importance sampling and negative ELBO on test data against the length of the code, by the bound's two
    estimators; means over seeds, by MAP."""
    dataset_of(results, study)
    figure, axes = panels(1, 1, 2.6)
    ax, names = axes[0, 0], _variational(results, study)
    for likelihood, colour in zip(bounds_of(results, study), (BLUE, ORANGE), strict=False):
        cells = {}
        for name in names:
            with suppress(NothingToDraw):
                cells[latent_of(results, study, name)] = cells_by_seed(results, study, name, likelihood, "map")
        if not cells:
            continue  # this estimator was not run
        for metric, style, word in (("negative_elbo", "--", "negative ELBO"), ("nll", "-", "NLL")):
            means = [values(results, found, metric).mean() for found in cells.values()]
            label = f"{word}, {likelihood_name(likelihood)}"
            ax.plot(list(cells), means, style, marker="o", ms=3, color=colour, label=label)
    sizes = [latent_of(results, study, name) for name in names]
    ax.set(xlabel="numbers in a code", ylabel="nats an image", xscale="log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    legend_of_all(figure, axes)
    return figure


@styled
def importance_curves(results: Results, study: str) -> Figure:
    """Negative log of the mean of k importance weights of test images against k, a panel a method, a line each length
    of the code: at k = 1 the negative ELBO, at many the NLL. Of one draw of the weights; means over seeds."""
    dataset = dataset_of(results, study)
    probed(results, study, "codes")
    methods = methods_of(results, study, dataset)
    figure, axes = panels_of(len(methods), 2.4)
    colours = class_colours(len(_variational(results, study)))
    for ax, method in zip(axes.flat, methods, strict=False):
        for name, colour in zip(_variational(results, study), colours, strict=True):
            try:
                cells = cells_by_seed(results, study, name, BOUND, method)
            except NothingToDraw:
                continue
            curve = readings(results, study, cells, "importance", "nll").mean(0)
            label = f"{latent_of(results, study, name)} numbers"
            ax.plot(curve.index, curve.values, "o-", ms=3, color=colour, label=label)
        ax.set(xscale="log", xlabel="codes, k", title=method_name(method))
    hide_spare(axes, len(methods))
    axes[0, 0].set_ylabel("nats an image")
    legend_of_all(figure, axes, columns=6)
    return figure


METRICS = {
    "nll": "NLL",
    "importance_gain": "k/2 → k",
    "negative_elbo": "−ELBO",
    "reconstruction_error": "reconstruction",
    "code_kl": "KL",
}
"""Columns of the table that are metrics."""
OF_CODES = {
    ("codes", "neighbour_accuracy"): ("neighbour %", 100),
    ("codes", "distance_to_prior"): ("distance", 1),
    ("prior", "distance_to_prior"): ("floor", 1),
    ("codes", "active"): ("in use %", 100),
}
"""Columns that are readings of the probe, with the factor that they are shown by."""


def autoencoders_in_words(results: Results, study: str) -> str:
    """A table, a row each network, objective and method: NLL, how much it fell from half of the codes to all, negative
    ELBO with its two terms, the nearest neighbour's accuracy, the codes' distance from the prior with its floor, and
    the share of a code in use. Means over seeds, at the scale that validation data chose."""
    dataset = dataset_of(results, study)
    columns = ["network", "objective", "method", *METRICS.values(), *(name for name, _ in OF_CODES.values())]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    likelihoods, methods = results.plan.study_configs[study].likelihoods, methods_of(results, study, dataset)
    for network, likelihood, method in product(networks_of(results, study), likelihoods, methods):
        try:
            cells = cells_by_seed(results, study, network, likelihood, method)
            numbers = [f"{values(results, cells, name).mean():.2f}" for name in METRICS]
            for reading, (_, factor) in OF_CODES.items():
                numbers.append(f"{factor * readings(results, study, cells, *reading).mean():.3g}")
        except NothingToDraw:
            continue
        words = [network, likelihood_name(likelihood), method_name(method), *numbers]
        lines.append(f"| {' | '.join(words)} |")
    if len(lines) == 2:
        raise NothingToDraw("no autoencoder was trained and probed")
    return "\n".join(lines)
