"""Claims on wide perceptrons on MNIST: learned scales, Bayes by Backprop against dropout and SGD, and pruning.

They come from a notebook on mini-batch ADVI (800-800 tanh units) and from lecture slides on Bayes by Backprop (ReLU
networks of three widths). Errors and accuracies are in points, that is per cent of the test images.
"""

import pandas as pd

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, difference, wide
from bnnbench.plots.probes import readings
from bnnbench.plots.select import scores, with_tuned_scales
from bnnbench.plots.style import NothingToDraw, name_of
from bnnbench.results import Results

NOTEBOOK = "Notebook on mini-batch ADVI: perceptrons on MNIST"
SLIDES = "Lecture slides: Bayes by Backprop"
TANH = "tanh-800"
WIDTHS = ("relu-400", "relu-800", "relu-1200")
MIXTURE = {"prior": "scale_mixture", "inference": "mean_field", "recipe": ""}
BY = ["dataset", "network"]


def accuracy(results: Results, study: str, **where) -> pd.DataFrame:
    """Test accuracy in points with a row each network and a column a seed; a fixed scale that is not named is tuned."""
    pick = scores if "scale" in where else with_tuned_scales
    return 100 * wide(pick(results, study, metric="accuracy", **where), BY)


def learned_minus_fixed(recipe: str = "", scale: float | None = 0.1) -> Measure:
    """Accuracy with one half-normal scale for each weight matrix and bias minus that with a fixed one (None: tuned)."""

    def measure(results: Results, study: str) -> Measured:
        same = {"prior": "normal", "inference": "mean_field", "recipe": recipe, "network": TANH}
        learned = accuracy(results, study, hyperprior="half_normal", **same)
        fixed = accuracy(results, study, hyperprior="fixed", **same, **({} if scale is None else {"scale": scale}))
        note = f"Learned {learned.mean().mean():.2f}%, fixed {fixed.mean().mean():.2f}%."
        return Measured.over(difference(learned, fixed), note)

    return measure


def by_layer_minus_shared(results: Results, study: str) -> Measured:
    """Test NLL with one half-normal scale for each weight matrix and bias minus that with one for all of them."""
    choices = ("half_normal", "shared_half_normal")
    same = {"prior": "normal", "inference": "mean_field", "recipe": "", "network": TANH, "metric": "nll"}
    sides = [wide(scores(results, study, hyperprior=choice, **same), BY) for choice in choices]
    by_layer, shared = (side.mean().mean() for side in sides)
    return Measured.over(difference(*sides), f"One a layer {by_layer:.4f} nats, one for all {shared:.4f}.")


def mixture_minus(inference: str, network: str) -> Measure:
    """Test error of Bayes by Backprop with the scale mixture minus that of another method under the flat prior."""

    def measure(results: Results, study: str) -> Measured:
        ours = accuracy(results, study, network=network, **MIXTURE)
        theirs = accuracy(results, study, network=network, prior="flat", inference=inference, recipe="")
        errors = [100 - side.mean().mean() for side in (ours, theirs)]
        note = f"Scale mixture {errors[0]:.2f}% error, {name_of(inference)} {errors[1]:.2f}%."
        return Measured.over(difference(theirs, ours), note)

    return measure


def pruning_cost(share: float, network: str = "relu-1200", order: str = "signal_to_noise-mean", **where) -> Measure:
    """Test error with a share of the weights removed minus that with none."""

    def measure(results: Results, study: str) -> Measured:
        table = readings(results, study, "pruning", network, **(where or MIXTURE))
        table = table[(table.metric == "accuracy") & (table.variable == order)]
        if not {0.0, share} <= set(table.level):
            raise NothingToDraw(f"no cell was pruned by a share of {share:g}")
        whole, pruned = (100 * wide(table[table.level == level], BY) for level in (0.0, share))
        return Measured.over(whole - pruned, f"Error {100 - whole.mean().mean():.2f}% before.")

    return measure


CURVES, SCALES = "notebooks/{study}.html#Learning-curves", "notebooks/{study}.html#Which-prior,-with-which-scale?"
BOUNDS = "notebooks/{study}.html#How-high-is-the-ELBO?"
LAYERS = "notebooks/{study}.html#The-weights"
PRUNED = "notebooks/{study}.html#What-can-be-pruned"
HIER = "accuracy with learned scales minus that with "
COST = "test error with {:.0%} of the weights removed minus that with none, {}"
POINTS = {"unit": "points"}

CLAIMS = (
    Claim(
        "W1", NOTEBOOK, "Learning the prior's scales beats fixing them.",
        (
            Statistic(f"{HIER}scale 0.1, trained as the source did", "above", 0.0, learned_minus_fixed("as_source"),
                      SCALES, **POINTS),
            Statistic(f"{HIER}scale 0.1, from a sane start", "above", 0.0, learned_minus_fixed(), SCALES, **POINTS),
            Statistic(f"{HIER}scale 0.1, near the ELBO's maximum", "above", 0.0, learned_minus_fixed("near_maximum"),
                      BOUNDS, **POINTS),
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
    Claim(
        "B1", SLIDES, "Bayes by Backprop with a scale mixture is comparable to dropout, and both beat SGD.",
        tuple(
            statistic
            for network in WIDTHS
            for statistic in (
                Statistic(f"test error minus that of maximum likelihood, {network}", "below", -0.1,
                          mixture_minus("mle", network), CURVES, **POINTS),
                *(Statistic(f"test error minus that of dropout, {network}", direction, margin,
                            mixture_minus("mc_dropout", network), CURVES, **POINTS)
                  for direction, margin in (("above", -0.1), ("below", 0.1))),
            )
        ),
    ),
    Claim(
        "B2", SLIDES, "Three quarters of the weights can be removed at no cost, and 95% at little.",
        (
            Statistic(COST.format(0.75, "by signal-to-noise"), "below", 0.1, pruning_cost(0.75), PRUNED, **POINTS),
            Statistic(COST.format(0.95, "by signal-to-noise"), "below", 0.2, pruning_cost(0.95), PRUNED, **POINTS),
            Statistic(COST.format(0.75, "maximum likelihood, by size"), "below", 0.1,
                      pruning_cost(0.75, order="magnitude-mean", inference="mle"), PRUNED, True, **POINTS),
            Statistic(COST.format(0.95, "maximum likelihood, by size"), "below", 0.2,
                      pruning_cost(0.95, order="magnitude-mean", inference="mle"), PRUNED, True, **POINTS),
        ),
    ),
)  # fmt: skip
