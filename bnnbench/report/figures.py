"""Figures of the report, drawn by bnnbench.plots.

One that has nothing to show is left out; one that fails is named in the report, which still comes, and fails the run.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bnnbench import tasks
from bnnbench.evaluation.results import Results
from bnnbench.report import pictures

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figure:
    """An image of the report, its path relative to the report's folder."""

    path: str
    alt: str
    caption: str
    name: str

    @property
    def anchor(self) -> str:
        """The figure's id on its page."""
        return f"figure-{self.name}"


@dataclass
class Figures:
    """Figures of a study: pictures of its systems, heat maps (one a method), the leaderboard of each data set,
    distances, and others.

    `distances` holds a figure, or why there is none, for the distance to the reference and to the Bayes rule.
    """

    pictures: list[Figure] = field(default_factory=list)
    heat_maps: list[Figure] = field(default_factory=list)
    leaderboards: dict[str, Figure] = field(default_factory=dict)
    others: list[Figure] = field(default_factory=list)
    distances: dict[str, Figure | str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """What was raised in figures that failed, by name."""

    @property
    def all(self) -> list[Figure]:
        return [*self.heat_maps, *self.others]

    @property
    def first(self) -> list[Figure]:
        """What stands for the study on the overview: the first picture, heat map or leaderboard; or nothing."""
        return [*self.pictures, *self.heat_maps, *self.leaderboards.values()][:1]

    @property
    def anchors(self) -> set[str]:
        """Ids of the figures that the study's page shows."""
        shown = [*self.pictures, *self.all, *self.leaderboards.values(), *self.distances.values()]
        return {figure.anchor for figure in shown if isinstance(figure, Figure)}


def draw(results: Results, study: str, folder: Path) -> Figures:
    """Draw the figures of a study into the report's folder."""
    from bnnbench.plots import fidelity, priors
    from bnnbench.words.names import data_name, method_name

    done = results.cells[(results.cells.study == study) & (results.cells.state == "done")]
    found = Figures()
    if done.empty:
        return found

    def attempt(name: str, caption: str, alt: str, plot: Callable, *arguments, **options) -> Figure | str:
        path = f"figures/{study}-{name}.svg"
        try:
            reason = _save(folder / path, plot, results, study, *arguments, **options)
        except Exception as error:
            log.warning("%s could not be drawn", path, exc_info=True)
            found.faults[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            reason = f"it could not be drawn: {found.faults[name]}"
        return reason or Figure(path, alt, caption, name)

    def add(*arguments, **options) -> list[Figure]:
        made = attempt(*arguments, **options)
        return [made] if isinstance(made, Figure) else []

    tuned = results.tuned[results.tuned.study == study]
    of_method, of_dataset = tuned[tuned.recipe == ""].inference.unique(), tuned.dataset.unique()
    stands = "; the tuned scale stands for the fixed ones"
    methods = sorted(done[done.recipe == ""].inference.unique(), key=lambda m: (m == "map", m != "mean_field", m))
    filled = done.assign(model=done.prior + done.hyperprior).groupby("inference").model.nunique()
    rows = done.groupby("inference").prior.nunique()
    # A map of a method that was run on a few models would be empty but for these; one of a single prior is one row.
    for method in (m for m in methods if filled[m] > filled.max() / 2 and rows[m] > 1):
        name = method_name(method)
        found.heat_maps += add(
            f"heat-map-{method}",
            f"Mean test NLL of each prior (rows) with each way to set its scale (columns), {name}. Darker is further "
            f"above the best of its panel, which is in bold{stands if method in of_method else ''}.",
            f"Heat map of mean test NLL by prior and hyperprior with {name}; the leaderboards hold its numbers.",
            priors.prior_heat_map, inference=method,
        )  # fmt: skip
    scales = done[(done.hyperprior == "fixed") & (done.recipe == "")].groupby(["inference", "prior"]).scale.nunique()
    with_several = set(scales.index[scales > 1].get_level_values("inference"))
    for method in (m for m in methods if m in with_several):
        name = method_name(method)
        found.others += add(
            f"scales-{method}",
            f"Test NLL against the fixed scale, and beside it the learned scales, {name}. Band and bars are 95% "
            "intervals over seeds.",
            f"Curves of test NLL against fixed prior scale with {name}, with the hyperpriors' values as points.",
            priors.fixed_against_hyperpriors, inference=method,
        )  # fmt: skip
    for probe, (plot, caption, alt) in _of_probes().items():
        asked = results.rows("probes", ["network"], study=study, probe=probe)
        for network in dict.fromkeys(asked.network):
            found.others += add(f"{probe}-{network}", caption.format(network), alt, plot, network=network)
    for picture in pictures.of_study(results, study):
        found.pictures += add(*picture[:4], *picture.arguments)
    for name, caption, alt, plot in pictures.of_evidence(results, study):
        found.others += add(name, caption, alt, plot)
    for dataset in dict.fromkeys(done.dataset):
        title = data_name(dataset)
        drawn = add(
            f"leaderboard-{dataset}",
            f"The best models on {title} by test NLL{stands if dataset in of_dataset else ''}.",
            f"Dot plot of the best models on {title} by test NLL with intervals; the table holds its numbers.",
            priors.leaderboard, dataset,
        )  # fmt: skip
        found.leaderboards |= {dataset: figure for figure in drawn}  # noqa: B035
    ideal = tasks.find(results.plan.datasets[done.dataset.iloc[0]].task).controls["bayes_rule"]
    found.distances["reference"] = attempt(
        "cost",
        "Cost against the distance to the true posterior: training seconds a cell, compilation included, and total "
        "variation to the reference, means over the cells with a reference that most methods share. Bars are 95% "
        "intervals over seeds; grey is the floor, the distance between the reference's own halves.",
        "Scatter plot of training cost against total variation to the reference, a mark a method; the table holds its "
        "numbers.",
        fidelity.cost_against_fidelity,
    )
    found.distances["Bayes rule"] = attempt(
        "excess",
        f"Excess test NLL over the {ideal} on each family's noisiest data set, each method with the model that "
        "validation data chose for it among those that most methods have. Bars are 95% intervals over seeds; one "
        "seed has none.",
        f"Dot plot of the excess test NLL of each method over the {ideal}, a panel a data set.",
        fidelity.excess_by_method,
    )
    return found


def _of_probes() -> dict[str, tuple[Callable, str, str]]:
    """Of each probe what draws its readings on a network, the caption and the alternative text."""
    from bnnbench.plots import probes, pruning

    return {
        "shift": (
            probes.shift_curves,
            "Test accuracy, NLL and ECE of {} on test images that were turned, moved, blurred or made noisy, against "
            "the strength; nothing was trained again. Bands are 95% intervals over seeds, thin lines the ECE's floor.",
            "Curves of accuracy, NLL and ECE against the strength of each kind of shift.",
        ),
        "rotation": (
            probes.rotation_curves,
            "Test images turned step by step, {}: share misread, predictive entropy and mutual information. Bands are "
            "95% intervals over seeds.",
            "Curves of the share misread and of two uncertainties against the angle.",
        ),
        "pruning": (
            pruning.pruning_curves,
            "Test error against the share of weights removed, {}. Bands are 95% intervals over seeds.",
            "Curves of test error against the share of weights removed.",
        ),
    }


def _save(path: Path, plot: Callable, *arguments, **options) -> str:
    """Draw a figure into a file; why there is nothing to draw, otherwise "". Raises whatever goes wrong."""
    from bnnbench.evaluation.select import NothingToDraw
    from bnnbench.plots.style import encode

    try:
        image = encode(plot(*arguments, **options), "svg")
    except NothingToDraw as nothing:
        log.info("%s left out: %s", path.name, nothing)
        return str(nothing)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(image)
    return ""
