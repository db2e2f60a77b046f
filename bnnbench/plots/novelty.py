"""How well scores of uncertainty find a class that was never seen."""

import numpy as np
from matplotlib.figure import Figure

from bnnbench.base.statistics import mean_interval, plain_method
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, done, one_thread, point_methods, probed
from bnnbench.plots.probes import LINES, line_key, line_styles, readings
from bnnbench.plots.style import panels, styled
from bnnbench.words.names import class_names, data_name, left_out_name, method_name, model_name, name_of

NAMES = {"nll": "NLL of the prediction"}


def kind_of(dataset: str, kind: str) -> str:
    """What the novel inputs of a data set are called, and which class the network was not trained on."""
    if kind == "left_out":
        return f"{left_out_name(dataset)},\nleft out"
    shown = name_of(kind.replace("-", "_"))
    return f"{shown}\n(no {left_out_name(dataset)})" if "-without-" in dataset else shown


@styled
def novelty_scores(results: Results, study: str, kind: str | None = None) -> Figure:
    """AUROC of each score for novel images against known ones, a panel a score, a row a data set, a dot a model.

    `kind` is "left_out", or the name of another data set; by default the first kind that was shown.
    """
    table = readings(results, study, "novelty", metric="auroc")
    kind = kind or table.variable.iloc[0].partition("/")[0]
    table = table[table.variable.str.startswith(f"{kind}/") & (table.recipe == "")]
    if table.empty:
        raise NothingToDraw(f"no novel inputs are called {kind}")
    datasets, styles = list(dict.fromkeys(table.dataset)), line_styles(table)
    one_model = table.drop_duplicates(LINES).inference.is_unique
    scores = list(dict.fromkeys(table.variable.str.removeprefix(f"{kind}/")))
    figure, axes = panels(1, len(scores), 1.2 + 0.4 * len(datasets), sharey=True, sharex=True)
    for ax, score in zip(axes[0], scores, strict=True):
        models = table[table.variable == f"{kind}/{score}"].groupby(LINES, sort=False, dropna=False)
        for k, (key, part) in enumerate(models):
            style, shift = styles[line_key(key)], 0.5 * (k / max(1, len(styles) - 1) - 0.5)
            label = style["label"].partition(":")[0] if one_model else style["label"]
            for row, dataset in enumerate(datasets):
                values = part[part.dataset == dataset].value
                if values.empty:
                    continue
                mean, low, high = mean_interval(values)[:3]
                ax.plot([low, high], [row + shift] * 2, color=style["color"], lw=1)
                dot = {
                    "ms": 3.5,
                    "color": style["color"],
                    "fillstyle": "full" if one_model or style["ls"] == "-" else "none",
                }
                ax.plot(mean, row + shift, "o", label=label, **dot)
                label = None
        ax.set_title(NAMES.get(score, name_of(score)))
        ax.set_xlabel("AUROC")
        ax.axvline(0.5, color="#bbbbbb", lw=0.8, zorder=0)
    axes[0, 0].set_yticks(range(len(datasets)), [kind_of(d, kind) for d in datasets])
    axes[0, 0].set_ylim(len(datasets) - 0.5, -0.5)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names) if one_model else 3)
    return figure


def novel_cells(results: Results, study: str) -> list[str]:
    """A trained cell of each method whose draws vary, on the data set of the median effect: see `median_data_set`."""
    cells = done(results, study, recipe="").sort_values("seed", kind="stable")
    cells = cells[~cells.inference.isin(point_methods(results, study))]
    try:
        shown = median_data_set(results, study)
    except NothingToDraw:
        shown = cells.dataset.iloc[0]
    return list(cells[cells.dataset == shown].drop_duplicates("inference").id)


def median_data_set(results: Results, study: str) -> str:
    """The data set whose left-out class has the median effect, the lower of the two middle ones where they are even.

    The effect is by how much the AUROC of the mean prediction's entropy for the class lies above the plain network's,
    the mean over seeds and over methods under the normal prior. NothingToDraw where the plain network was not asked.
    """
    asked = {"variable": "left_out/predictive_entropy", "metric": "auroc", "recipe": "", "hyperprior": "fixed"}
    plain = plain_method(done(results, study, prior="flat").inference)
    ours = probed(results, study, "novelty", prior="normal", **asked)
    theirs = probed(results, study, "novelty", prior="flat", inference=plain, **asked)
    means = ours.pivot_table("value", "dataset", "inference").mean(axis=1)
    effect = (means - theirs.groupby("dataset").value.mean()).dropna().sort_values(kind="stable")
    if effect.empty:
        raise NothingToDraw("no data set was shown to the plain network and to another")
    return effect.index[(len(effect) - 1) // 2]


@styled
def draws_for_two_images(
    results: Results, cell_id: str | None, known_class: int | None = None, n_draws: int = 30
) -> Figure:
    """Class probabilities of single posterior draws, for a known image and for one of the class that was left out."""
    if cell_id is None:
        raise NothingToDraw("there is no such trained cell")
    row = results.row(cell_id)
    data = results.data(row.dataset)
    if "left_out" not in data.novel:
        raise NothingToDraw(f"{data_name(row.dataset)} leaves no class out")
    at = np.flatnonzero(data.y_test == (data.n_classes - 1 if known_class is None else known_class))[0]
    images = np.stack([data.x_test[at], data.novel["left_out"][0]])
    with one_thread():
        proba = results.trained(cell_id).sample_proba(images, n_draws)
    names = class_names(row.dataset, data.n_classes)
    figure, axes = panels(1, 4, 2.4, width_ratios=[1, 3, 1, 3])
    figure.suptitle(f"{data_name(row.dataset)}, {method_name(row.inference)}, {model_name(row)}", x=0.01, ha="left")
    for k, title in enumerate((f"{names[data.y_test[at]]},\nknown", kind_of(row.dataset, "left_out"))):
        picture, ax = axes[0, 2 * k], axes[0, 2 * k + 1]
        picture.imshow(images[k, 0], cmap="gray_r")
        picture.axis("off")
        picture.set_title(title)
        ax.imshow(proba[:, k], aspect="auto", cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        ax.set_xticks(range(data.n_classes), names, rotation=60, ha="right", rotation_mode="anchor")
        ax.set_ylabel("Draw")
    return figure
