"""Claims on Bayes by Backprop: wide ReLU perceptrons on MNIST against dropout and plain training, and pruned.

They come from lecture slides. Errors are in points, that is per cent of the test images.
"""

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, accuracy, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, probed
from bnnbench.words.names import name_of

SLIDES = "Lecture slides: Bayes by Backprop"
WIDTHS = ("relu-400", "relu-800", "relu-1200")
WIDTH_OF_SOURCE = "relu-1200"  # the one that its pruned networks have
MIXTURE = {"prior": "scale_mixture", "inference": "mean_field", "recipe": ""}
PLAIN = {"prior": "flat", "inference": "mle", "recipe": ""}
BY = ["dataset", "network"]
WAYS = {
    "by signal-to-noise": ("signal_to_noise-mean", MIXTURE),
    "the same weights by size": ("magnitude-mean", MIXTURE),
    "by signal-to-noise, what is removed left as noise": ("signal_to_noise-noise", MIXTURE),
    "maximum likelihood, by size": ("magnitude-mean", PLAIN),
}
"""What is removed first, and of which model: the readings' variable and the model's coordinates."""


def mixture_minus(inference: str, network: str) -> Measure:
    """Test error of Bayes by Backprop with the scale mixture minus that of another method under the flat prior."""

    def measure(results: Results, study: str) -> Measured:
        ours = accuracy(results, study, network=network, **MIXTURE)
        theirs = accuracy(results, study, network=network, **PLAIN | {"inference": inference})
        errors = [100 - side.mean().mean() for side in (ours, theirs)]
        note = f"Scale mixture {errors[0]:.2f}% error, {name_of(inference)} {errors[1]:.2f}%."
        return Measured.over(difference(theirs, ours), note)

    return measure


def pruning_cost(share: float, network: str, order: str, where: dict) -> Measure:
    """Test error with a share of the weights removed minus that with none."""

    def measure(results: Results, study: str) -> Measured:
        table = probed(results, study, "pruning", network=network, metric="accuracy", variable=order, **where)
        if not {0.0, share} <= set(table.level):
            raise NothingToDraw(f"no cell was pruned by a share of {share:g}")
        whole, pruned = (100 * wide(table[table.level == level], BY) for level in (0.0, share))
        return Measured.over(whole - pruned, f"Error {100 - whole.mean().mean():.2f}% before.")

    return measure


def cost_at(share: float, margin: float, network: str, how: str) -> Statistic:
    """What removing a share of a network's weights costs; the first way on the source's width decides the claim."""
    name = f"test error with {share:.0%} of the weights removed minus that with none, {how}, {network}"
    measure = pruning_cost(share, network, *WAYS[how])
    beside = (how, network) != (next(iter(WAYS)), WIDTH_OF_SOURCE)
    return Statistic(name, "below", margin, measure, PRUNED, beside, **POINTS)


CURVES = "notebooks/{study}.html#Learning-curves"
PRUNED = "notebooks/{study}.html#What-can-be-pruned"
POINTS = {"unit": "points"}

CLAIMS = (
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
        tuple(
            cost_at(share, margin, network, how)
            for how in WAYS
            for network in WIDTHS
            for share, margin in ((0.75, 0.1), (0.95, 0.2))
        ),
    ),
)  # fmt: skip
