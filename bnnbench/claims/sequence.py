"""The claim on Bayes by Backprop in recurrent networks, from lecture slides, which give no figures of their own.

Bayes by Backprop is mean field with the normal prior, of the scale with the lowest validation NLL where several were
run, as variational dropout's is; the plain network is the MAP under the flat prior. Differences are averaged over data
sets and networks. That a distribution on the weights is "no worse" leaves room for less than what decides anything:
.01 nats, and .005 of the ECE.
"""

import pandas as pd

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import with_tuned_scales
from bnnbench.words.names import metric_name

SLIDES = "Lecture slides: Bayes by Backprop through time"
BY = ["dataset", "network"]
NO_WORSE = {"nll": 0.01, "ece": 0.005}
SIDES = {
    "plain": {"inference": "map", "prior": "flat"},
    "dropout": {"inference": "mc_dropout", "prior": "normal"},
    "ensemble": {"inference": "ensemble", "prior": "normal"},
}
NAMES = {"plain": "the plain network", "dropout": "variational dropout", "ensemble": "an ensemble"}


def _values(results: Results, study: str, metric: str, **where) -> pd.DataFrame:
    """A metric with a row each data set and network and a column a seed."""
    return wide(with_tuned_scales(results, study, metric=metric, recipe="", hyperprior="fixed", **where), BY)


def gain(metric: str, other: str) -> Measure:
    """A test metric of Bayes by Backprop minus that of another method."""

    def measure(results: Results, study: str) -> Measured:
        ours = _values(results, study, metric, inference="mean_field", prior="normal")
        theirs = _values(results, study, metric, **SIDES[other])
        found = difference(ours, theirs)
        means = found.mean(axis=1)
        note = (
            f"{metric_name(metric)} {ours.mean().mean():.4f}, of {NAMES[other]} {theirs.mean().mean():.4f}; the "
            f"difference lies between {means.min():+.4f} and {means.max():+.4f} over {len(found)} networks and data sets."
        )
        return Measured.over(found, note)

    return measure


def _statistic(metric: str, other: str, beside: bool = False) -> Statistic:
    name = f"test {metric_name(metric)} of Bayes by Backprop minus that of {NAMES[other]}"
    unit = "nats" if metric == "nll" else ""
    margin = 0.0 if other == "plain" else NO_WORSE[metric]
    direction = "below" if other == "plain" else "at most"
    return Statistic(name, direction, margin, gain(metric, other), METHODS, beside, unit)


METHODS = "notebooks/{study}.html#Bayes-by-Backprop,-dropout-and-a-plain-network"

CLAIMS = (
    Claim(
        "R1", SLIDES, "Bayes by Backprop's test NLL and calibration beat the plain LSTM's and are no worse than "
        "variational dropout's.",
        (
            *(_statistic(metric, other) for other in ("plain", "dropout") for metric in ("nll", "ece")),
            *(_statistic(metric, "ensemble", beside=True) for metric in ("nll", "ece")),
        ),
    ),
)  # fmt: skip
