"""Figures of the report, drawn by bnnbench.plots. One that cannot be drawn is left out; the report still comes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bnnbench.results import Results

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figure:
    """An image of the report, its path relative to the report's folder."""

    path: str
    alt: str
    caption: str


@dataclass
class Figures:
    """Figures of a study: heat maps (one a method), the leaderboard of each data set, and others."""

    heat_maps: list[Figure] = field(default_factory=list)
    leaderboards: dict[str, Figure] = field(default_factory=dict)
    others: list[Figure] = field(default_factory=list)

    @property
    def all(self) -> list[Figure]:
        return [*self.heat_maps, *self.others]


def draw(results: Results, study: str, folder: Path) -> Figures:
    """Draw the figures of a study into the report's folder."""
    from bnnbench.plots import priors
    from bnnbench.plots.style import data_name, method_name

    done = results.cells[(results.cells.study == study) & (results.cells.state == "done")]
    found = Figures()
    if done.empty:
        return found

    def add(name: str, caption: str, alt: str, plot: Callable, *arguments, **options) -> list[Figure]:
        path = f"figures/{study}-{name}.svg"
        return [Figure(path, alt, caption)] if _save(folder / path, plot, results, study, *arguments, **options) else []

    several = done[done.hyperprior == "fixed"].groupby("prior").scale.nunique().max() > 1
    stands = "; the tuned scale stands for the fixed ones" if several else ""
    methods = sorted(done[done.recipe == ""].inference.unique(), key=lambda m: (m == "map", m != "mean_field", m))
    for method in methods:
        name = method_name(method)
        found.heat_maps += add(
            f"heat-map-{method}",
            f"Mean test NLL of each prior (rows) with each way to set its scale (columns), {name}. Darker is further "
            f"above the best of its panel, which is in bold{stands}.",
            f"Heat map of mean test NLL by prior and hyperprior with {name}; the leaderboards hold its numbers.",
            priors.prior_heat_map, inference=method,
        )  # fmt: skip
    if several:
        for method in methods:
            name = method_name(method)
            found.others += add(
                f"scales-{method}",
                f"Test NLL against the fixed scale, and beside it the learned scales, {name}. Band and bars are 95% "
                "intervals over seeds.",
                f"Curves of test NLL against fixed prior scale with {name}, with the hyperpriors' values as points.",
                priors.fixed_against_hyperpriors, inference=method,
            )  # fmt: skip
    for dataset in dict.fromkeys(done.dataset):
        title = data_name(dataset)
        drawn = add(
            f"leaderboard-{dataset}",
            f"The best models on {title} by test NLL{stands}.",
            f"Dot plot of the best models on {title} by test NLL with intervals; the table holds its numbers.",
            priors.leaderboard, dataset,
        )  # fmt: skip
        found.leaderboards |= {dataset: figure for figure in drawn}  # noqa: B035
    return found


def _save(path: Path, plot: Callable, *arguments, **options) -> bool:
    from bnnbench.plots.style import NothingToDraw, encode

    try:
        image = encode(plot(*arguments, **options), "svg")
    except NothingToDraw as nothing:
        log.info("%s left out: %s", path.name, nothing)
        return False
    except Exception:
        log.warning("%s could not be drawn and is left out", path.name, exc_info=True)
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(image)
    return True
