"""What pretrained weights gain, by the number of images that are trained on."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from bnnbench.base.statistics import mean_interval
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, done
from bnnbench.evaluation.transfer import PLAIN, by_images, differences, images_of
from bnnbench.plots.style import GREY, hide_spare, legend_of_all, panels_of, prior_colours, styled
from bnnbench.words.names import data_name, method_name, metric_name, name_of, ordered_priors

MARKERS = "osDv^"


@styled
def metric_by_images(results: Results, study: str, metric: str = "nll", pair: str | None = None) -> Figure:
    """A test metric against the number of training images, a panel a method, a line a prior; bars are 95% intervals.

    Each prior has the scale that validation data chose at that number of images.
    """
    return _figure(results, study, metric, pair, by_images, metric_name(metric), priors_of(results, study))


@styled
def gains(results: Results, study: str, metric: str = "nll", pair: str | None = None) -> Figure:
    """The same metric less that under the plain prior, seed by seed: below 0 the NLL is better."""

    def table(results, study, metric, inference, prior):
        return differences(results, study, inference, prior, metric)

    others = [prior for prior in priors_of(results, study) if prior != PLAIN]
    label = metric_name(metric)
    return _figure(results, study, metric, pair, table, f"{label},\nless the plain prior's", others, zero=True)


def _figure(results, study, metric, pair, table, label, priors, zero=False) -> Figure:
    pair = pair or pairs_of_transfer(results, study)[0]
    methods = [m for m in results.plan.study_configs[study].inference if m in set(_cells(results, study).inference)]
    figure, axes = panels_of(len(methods), 2.2)
    colours = prior_colours(ordered_priors(priors_of(results, study)))
    for ax, method in zip(axes.flat, methods, strict=False):
        for k, prior in enumerate(priors):
            try:
                values = table(results, study, metric, method, prior)
            except NothingToDraw:
                continue
            values = values[values.index.get_level_values("pair") == pair].groupby(level="images").mean()
            _line(ax, values, 1.03 ** (k - 0.5 * (len(priors) - 1)), MARKERS[k % len(MARKERS)], colours[prior], prior)
        if zero:
            ax.axhline(0, color=GREY, lw=0.8, zorder=0)
        ax.set_title(method_name(method))
        ax.set_xscale("log")
    images = sorted({n for name in _cells(results, study).dataset if (n := images_of(name)[1])})
    for ax in axes.flat[: len(methods)]:
        ax.xaxis.set_major_locator(FixedLocator(images))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("Training images")
        ax.tick_params(labelbottom=True)
    for row in axes:
        row[0].set_ylabel(label)
    hide_spare(axes, len(methods))
    legend_of_all(figure, axes, 4)
    return figure


def _line(ax, values, shift, marker, colour, prior):
    found = [mean_interval(row[np.isfinite(row)]) for row in values.to_numpy()]
    x = values.index.to_numpy(float) * shift
    means = np.array([i.mean for i in found])
    ends = np.array([(i.mean - i.low, i.high - i.mean) for i in found]).T
    ax.errorbar(x, means, np.nan_to_num(ends), color=colour, marker=marker, ms=3.5, lw=1.2, label=name_of(prior))


def _cells(results: Results, study: str):
    """Rows of trained cells on data sets of several numbers of images."""
    cells = done(results, study)
    cells = cells[[images_of(name)[1] is not None for name in cells.dataset]]
    if cells.empty:
        raise NothingToDraw(f"no data set of {study} is one of several numbers of images")
    return cells


def pairs_of_transfer(results: Results, study: str) -> list[str]:
    """What is transferred to, in the study's order."""
    return list(dict.fromkeys(images_of(name)[0] for name in _cells(results, study).dataset))


def priors_of(results: Results, study: str) -> list[str]:
    """The priors that were run on such data sets, in the study's order."""
    run = set(_cells(results, study).prior)
    return [prior for prior in results.plan.study_configs[study].priors if prior in run]


def pretraining_in_words(results: Results, study: str) -> str:
    """What was pretrained, how well, and which layers the others took from it."""
    cells = done(results, study)
    taken = cells[cells.pretrained != ""]
    if taken.empty:
        raise NothingToDraw(f"no cell of {study} takes pretrained weights")
    sources = {text.split(";")[0].split(" ", 2)[2].rpartition("/")[0] for text in taken.pretrained}
    lines = []
    for source in sorted(sources):
        mine = results.rows("metrics", study=source.split("/")[0], metric=["accuracy", "nll"], split="test")
        mine = mine[mine.id.str.startswith(f"{source}/seed-")]
        accuracy, nll = (mine[mine.metric == name].value.mean() for name in ("accuracy", "nll"))
        _, dataset, network, model, method = source.split("/")
        users = taken[taken.pretrained.str.contains(f"{source}/", regex=False)]
        others = {text.partition("; ")[2] for text in users.pretrained}
        rest = "; ".join(sorted(filter(None, others)))
        lines.append(
            f"`{network}` was trained on {data_name(dataset)} with {method_name(method)} under `{model}`: test "
            f"accuracy {100 * accuracy:.1f}%, NLL {nll:.3f}. {len(users)} cells take its weights ({rest})."
        )
    return "\n\n".join(lines)
