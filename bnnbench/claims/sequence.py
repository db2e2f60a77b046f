"""The claim on Bayes by Backprop in recurrent networks, from lecture slides, which give no figures of their own.

Bayes by Backprop is mean field with a normal prior, variational dropout MC dropout with the same; each has on every
data set and network the scale, fixed or learned, with the lowest mean validation NLL. The plain network is the MAP
under the flat prior. Differences are averaged over data sets and networks. "No worse" leaves room for what would decide
nothing: .01 nats, and .005 of the ECE.
"""

import pandas as pd

from bnnbench.base.statistics import balanced
from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import MODEL, scores
from bnnbench.metrics import describe

SLIDES = "Lecture slides: Bayes by Backprop through time"
BY = ["dataset", "network"]
NO_WORSE = {"nll": 0.01, "ece": 0.005}
OURS = {"inference": "mean_field", "prior": "normal"}
SIDES = {
    "plain": {"inference": "map", "prior": "flat"},
    "dropout": {"inference": "mc_dropout", "prior": "normal"},
    "ensemble": {"inference": "ensemble", "prior": "normal"},
    "sharpening": {"inference": "posterior_sharpening", "prior": "normal"},
}
NAMES = {
    "plain": "the plain network",
    "dropout": "variational dropout",
    "ensemble": "an ensemble",
    "sharpening": "posterior sharpening",
}


def chosen(results: Results, study: str, metric: str, **where) -> pd.DataFrame:
    """A test metric with a row each data set and network and a column a seed, of the model that validation NLL chose.

    Models that lack a seed that another has do not compete.
    """
    rows = scores(results, study, "nll", "validation", recipe="", **where).fillna({"scale": 0.0})
    models = rows.groupby([*BY, *MODEL], as_index=False).agg(nll=("value", "mean"), n=("value", "size"))
    models = models[models.n == models.groupby(BY).n.transform("max")]
    best = models.sort_values("nll", kind="stable").drop_duplicates(BY)[[*BY, *MODEL]]
    found = scores(results, study, metric, recipe="", **where).fillna({"scale": 0.0})
    return wide(found.merge(best, on=[*BY, *MODEL]), BY)


def gain(metric: str, other: str) -> Measure:
    """A test metric of Bayes by Backprop minus that of another method."""

    def measure(results: Results, study: str) -> Measured:
        ours, theirs = (chosen(results, study, metric, **where) for where in (OURS, SIDES[other]))
        found = balanced(difference(ours, theirs))
        each = ", ".join(f"{value:+.4f} on {' '.join(place)}" for place, value in found.mean(axis=1).items())
        means = f"{ours.mean().mean():.4f}, of {NAMES[other]} {theirs.mean().mean():.4f}"
        return Measured.over(found, f"{describe(metric).label} {means}; difference {each}.")

    return measure


def _statistic(metric: str, other: str, beside: bool = False) -> Statistic:
    name = f"test {describe(metric).label} of Bayes by Backprop minus that of {NAMES[other]}"
    direction, margin = ("below", 0.0) if other == "plain" else ("at most", NO_WORSE[metric])
    return Statistic(name, direction, margin, gain(metric, other), METHODS, beside, "nats" if metric == "nll" else "")


METHODS = "notebooks/{study}.html#Bayes-by-Backprop,-dropout-and-a-plain-network"

CLAIMS = (
    Claim(
        "R1", SLIDES, "Bayes by Backprop's test NLL and calibration beat the plain LSTM's and are no worse than "
        "variational dropout's.",
        (
            *(_statistic(metric, other) for other in ("plain", "dropout") for metric in ("nll", "ece")),
            *(_statistic(metric, other, True) for other in ("ensemble", "sharpening") for metric in ("nll", "ece")),
        ),
    ),
)  # fmt: skip
