"""The claim that predictions spread away from the data, on curves with a gap between the training inputs.

It comes from lecture slides on Bayes by Backprop, whose method decides; the others stand beside it. Each method has on
each data set the model (likelihood, prior, scale) with the lowest mean validation NLL. Ratios are of readings of the
probe `regions`, by cell.
"""

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, chosen_readings, spread_ratios
from bnnbench.words import prose
from bnnbench.words.names import likelihood_name, method_name

SLIDES = "Lecture slides: Bayes by Backprop"
METHOD_OF_SOURCE = "mean_field"
BESIDE = ("hmc", "full_rank", "laplace_approximation", "ensemble", "mc_dropout", "map")
METRICS = {"width_90": "width of the 90% interval", "total_sd": "total sd", "epistemic_sd": "epistemic sd"}


def spread_ratio(metric: str, region: str, inference: str) -> Measure:
    """A spread in a region over that inside, by cell; a row each data set."""

    def measure(results: Results, study: str) -> Measured:
        table = chosen_readings(results, study, "regions", inference)
        ratio = spread_ratios(table, metric, region)
        if ratio.empty:
            raise NothingToDraw(f"nothing spreads inside, or no data set has the region '{region}'")
        by_dataset = ratio.mean(axis=1)
        used = table.drop_duplicates("dataset").likelihood.map(likelihood_name).value_counts()
        chosen = prose.listing(f"{name or 'default'} on {n}" for name, n in used.items())
        note = (
            f"On {prose.count(len(ratio), 'data set')}, of which the ratio lies between {by_dataset.min():.2f} and "
            f"{by_dataset.max():.2f}; likelihood {chosen}."
        )
        return Measured.over(ratio, note)

    return measure


def grows(metric: str, region: str, inference: str = METHOD_OF_SOURCE, beside: bool = True) -> Statistic:
    """That a spread is larger in a region than inside, by half."""
    name = f"{METRICS[metric]}, {region} over inside, {method_name(inference)}"
    return Statistic(name, "above", 1.5, spread_ratio(metric, region, inference), UNCERTAINTIES, beside)


UNCERTAINTIES = "notebooks/{study}.html#The-two-uncertainties-apart"

CLAIMS = (
    Claim(
        "B3", SLIDES, "The predictive spread grows away from the data.",
        (
            grows("width_90", "outside", beside=False),
            grows("width_90", "gap"),
            *(grows(metric, region) for metric in ("total_sd", "epistemic_sd") for region in ("outside", "gap")),
            *(grows(metric, region, inference)
              for inference in BESIDE for metric in ("width_90", "epistemic_sd") for region in ("outside", "gap")),
        ),
    ),
)  # fmt: skip
