"""Claims on fixed and learned scales of a wide perceptron on MNIST, from a notebook on mini-batch ADVI.

Accuracies are in points, that is per cent of the test images.
"""

import pandas as pd

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, accuracy, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, scores

NOTEBOOK = "Notebook on mini-batch ADVI: perceptrons on MNIST"
TANH = "tanh-800"
BY = ["dataset", "network"]


def learned_minus_fixed(recipe: str = "", scale: float | None = 0.1) -> Measure:
    """Accuracy with one half-normal scale for each weight matrix and bias minus that with a fixed one (None: tuned)."""

    def measure(results: Results, study: str) -> Measured:
        same = {"prior": "normal", "inference": "mean_field", "recipe": recipe, "network": TANH}
        learned = accuracy(results, study, hyperprior="half_normal", **same)
        if scale is None and complete_scales(scores(results, study, metric="accuracy", hyperprior="fixed", **same)) < 2:
            raise NothingToDraw("one fixed scale was run on every seed, so none was chosen")
        fixed = accuracy(results, study, hyperprior="fixed", **same, **({} if scale is None else {"scale": scale}))
        note = f"Learned {learned.mean().mean():.2f}%, fixed {fixed.mean().mean():.2f}%."
        return Measured.over(difference(learned, fixed), note)

    return measure


def complete_scales(rows: pd.DataFrame) -> int:
    """How many scales have as many seeds as the one that has most: those that competed to be the tuned one."""
    seeds = rows.groupby("scale").seed.nunique()
    return int((seeds == seeds.max()).sum())


def by_layer_minus_shared(results: Results, study: str) -> Measured:
    """Test NLL with one half-normal scale for each weight matrix and bias minus that with one for all of them."""
    choices = ("half_normal", "shared_half_normal")
    same = {"prior": "normal", "inference": "mean_field", "recipe": "", "network": TANH, "metric": "nll"}
    sides = [wide(scores(results, study, hyperprior=choice, **same), BY) for choice in choices]
    by_layer, shared = (side.mean().mean() for side in sides)
    return Measured.over(difference(*sides), f"One a layer {by_layer:.4f} nats, one for all {shared:.4f}.")


SCALES = "notebooks/{study}.html#Which-prior,-with-which-scale?"
BOUNDS = "notebooks/{study}.html#How-high-is-the-ELBO?"
LAYERS = "notebooks/{study}.html#The-weights"
HIER = "accuracy with learned scales minus that with "
POINTS = {"unit": "points"}

CLAIMS = (
    Claim(
        "W1", NOTEBOOK, "Learning the prior's scales beats fixing them.",
        (
            Statistic(f"{HIER}scale 0.1, trained as the source did", "above", 0.0, learned_minus_fixed("as_source"),
                      SCALES, **POINTS),
            Statistic(f"{HIER}scale 0.1, from a sane start", "above", 0.0, learned_minus_fixed(), SCALES, **POINTS),
            Statistic(f"{HIER}scale 0.1, near the ELBO's maximum", "above", 0.0, learned_minus_fixed("near_maximum"),
                      BOUNDS, True, **POINTS),
            Statistic(f"{HIER}the tuned scale", "above", 0.0, learned_minus_fixed(scale=None), SCALES, **POINTS),
        ),
    ),
    Claim(
        "W2", NOTEBOOK, "Layers want different amounts of regularisation.",
        (
            Statistic("test NLL with one scale for each weight matrix and bias minus that with one for all", "below",
                      0.0, by_layer_minus_shared, LAYERS, unit="nats"),
        ),
    ),
)  # fmt: skip
