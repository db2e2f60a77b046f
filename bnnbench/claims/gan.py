"""What is said of games between two networks, on a ring of Gaussians whose density is known.

The margins of A1 and A3 were written after a first look at runs of 1,000 steps, which are not those that are reported.
"""

import math

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import scores

SLIDES = "Lecture slides: the GAN family"
PLAIN = {"network": "gan", "prior": "flat"}
MARGIN = 0.1
"""Nats above -log 4: twice a Jensen-Shannon divergence of 0.05, where two that share nothing have log 2 = 0.69."""
FIGURE = "notebooks/{study}.html#What-the-samples-are-worth"


def of_recipe(metric: str, less: float = 0.0, note: str = "", **where) -> Measure:
    """A test metric of the cells of a recipe, less a number, by seed, beside the mean of its floor where it has one."""

    def measure(results: Results, study: str) -> Measured:
        found = wide(scores(results, study, metric, **where), ["dataset", "network"]) - less
        floors = results.rows("metrics", study=study, metric=f"{metric}_floor", split="test")
        return Measured.over(found, note, floors.value.mean() - less)

    return measure


def gain(metric: str, recipe: str, other: str) -> Measure:
    """A test metric of a recipe less that of another, of pairs of seeds."""

    def measure(results: Results, study: str) -> Measured:
        sides = (
            wide(scores(results, study, metric, recipe=r, **PLAIN), ["dataset", "network"]) for r in (recipe, other)
        )
        return Measured.over(difference(*sides))

    return measure


CLAIMS = (
    Claim(
        "A1", SLIDES, "The game's optimum is reached: samples have the density of the data, and its value is -log 4.",
        tuple(
            Statistic(
                f"value under the optimal discriminator above -log 4, {name}", "at most", MARGIN,
                of_recipe("game_value", -math.log(4), "By kernels on the samples.", recipe=recipe, **PLAIN),
                FIGURE, beside=bool(recipe), unit="nats",
            )
            for recipe, name in (("", "non-saturating"), ("minimax", "minimax"), ("wasserstein", "Wasserstein"))
        ),
    ),
    Claim(
        "A2", SLIDES, "The non-saturating loss trains the generator better than the game's own value does.",
        (
            Statistic("energy distance, non-saturating minus minimax", "below", 0.0,
                      gain("energy_distance", "", "minimax"), FIGURE),
            Statistic("modes covered, non-saturating minus minimax", "at least", 0.0,
                      gain("modes_covered", "", "minimax"), FIGURE, beside=True),
        ),
    ),
    Claim(
        "A3", SLIDES, "InfoGAN's category finds what the data fall into, without labels.",
        (
            Statistic("share of real points whose mode is that of the category read off them", "above", 0.9,
                      of_recipe("code_accuracy", recipe="info", prior="flat"), FIGURE),
        ),
    ),
)  # fmt: skip
