"""Claims on maps of uncertainty, of Bayesian SegNet and of the paper on aleatoric and epistemic uncertainty.

Networks have the normal prior, of the scale with the lowest validation NLL where several were run. Intervals are over
seeds, never over pixels, which are far from independent.
"""

import pandas as pd

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import with_tuned_scales
from bnnbench.words.names import method_name

SEGNET = "Lecture slides: Bayesian SegNet"
UNCERTAINTIES = "Lecture slides: aleatoric and epistemic uncertainty"
PLAIN, NOISE = "", "pixels_logit_noise"
"""The likelihoods as tables have them: without noise on the logits, the default, and with it."""
METHOD_OF_SOURCE = "mc_dropout"


def values(results: Results, study: str, metric: str, inference: str, likelihood: str = PLAIN) -> pd.DataFrame:
    """A test metric with a row each data set and network and a column a seed."""
    where = {"inference": inference, "likelihood": likelihood, "recipe": "", "prior": "normal", "hyperprior": "fixed"}
    return wide(with_tuned_scales(results, study, metric=metric, **where), ["dataset", "network"])


def finds_better(score: str, inference: str, other: str | None = None) -> Measure:
    """AUROC of a score for wrong pixels minus that of the maximum probability, of the same network or another's."""

    def measure(results: Results, study: str) -> Measured:
        ours = values(results, study, f"auroc_{score}", inference)
        theirs = values(results, study, "auroc_max_probability", other or inference)
        note = f"AUROC {ours.mean().mean():.3f} against {theirs.mean().mean():.3f} of the maximum probability."
        return Measured.over(difference(ours, theirs), note)

    return measure


def gain(inference: str, likelihood: str) -> Measure:
    """mIoU in points minus that of MAP without noise on the logits."""

    def measure(results: Results, study: str) -> Measured:
        ours, neither = (
            100 * values(results, study, "miou", *which) for which in ((inference, likelihood), ("map", PLAIN))
        )
        note = f"mIoU {ours.mean().mean():.1f}% against {neither.mean().mean():.1f}%."
        return Measured.over(difference(ours, neither), note)

    return measure


def found(name: str, score: str, inference: str, other: str | None = None, beside: bool = True) -> Statistic:
    """That a score finds wrong pixels better than the maximum probability."""
    return Statistic(name, "above", 0, finds_better(score, inference, other), WRONG, beside)


def improves(name: str, inference: str, likelihood: str, beside: bool = True) -> Statistic:
    """That a model has a higher mIoU than MAP without noise."""
    return Statistic(name, "above", 0, gain(inference, likelihood), RUN, beside, "points")


WRONG = "notebooks/{study}.html#Which-pixels-are-wrong?"
RUN = "notebooks/{study}.html#What-was-run"
VARIANCE = "AUROC of total variance for wrong pixels minus that of the maximum probability"

CLAIMS = (
    Claim(
        "G2", SEGNET, "The variance over dropout's draws shows wrong pixels better than the softmax's own confidence.",
        (
            found(f"{VARIANCE}, MC dropout", "total_variance", METHOD_OF_SOURCE, beside=False),
            found(f"{VARIANCE} of a network without dropout", "total_variance", METHOD_OF_SOURCE, "map"),
            found("the same of the mutual information, MC dropout", "mutual_information", METHOD_OF_SOURCE),
            found("the same of the predictive entropy, MC dropout", "predictive_entropy", METHOD_OF_SOURCE),
            found(f"{VARIANCE}, ensemble", "total_variance", "ensemble"),
        ),
    ),
    Claim(
        "K2", UNCERTAINTIES, "Modelling both uncertainties improves the segmentation over modelling neither.",
        (
            improves("mIoU of MC dropout with noise on the logits minus MAP's", METHOD_OF_SOURCE, NOISE, beside=False),
            *(
                improves(f"mIoU of {method_name(method)}{' with noise' if noise else ''} minus MAP's", method, noise)
                for method, noise in (
                    ("map", NOISE), (METHOD_OF_SOURCE, PLAIN), ("ensemble", PLAIN), ("ensemble", NOISE),
                )
            ),
        ),
    ),
)  # fmt: skip
