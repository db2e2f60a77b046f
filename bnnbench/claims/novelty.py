"""Claims on a class that was never seen, tested on Fashion-MNIST with each class left out in turn.

They come from a report on probabilistic deep learning, which left out sneakers. The score was fixed beforehand: the
entropy of the mean prediction. Networks have the normal prior, of the scale with the lowest validation NLL where
several were run; the plain network has none.
"""

import pandas as pd

from bnnbench.base.statistics import balanced, plain_method
from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, done, only_tuned_scales, probed, scores
from bnnbench.words.names import method_name

REPORT = "Report on probabilistic deep learning: a novel class of Fashion-MNIST"
LEFT_OUT = "left_out"
UNIT = ["dataset", "network"]


def novelty(
    results: Results, study: str, score: str, metric: str, inference: str, prior: str = "normal"
) -> pd.DataFrame:
    """A metric of the left-out class with a row each data set and network and a column a seed."""
    table = _left_out(results, study, score, metric, inference, prior)
    return wide(table[table.recipe == ""], UNIT)


def tuned(results: Results, study: str, score: str, metric: str, inference: str) -> tuple[pd.DataFrame, str]:
    """The same of the recipe that has the lowest mean validation NLL on the data set, and what was chosen in words.

    Of data sets on which there are several to choose from; a recipe that lacks a seed does not compete. NothingToDraw
    where there are none.
    """
    nll = scores(results, study, "nll", "validation", inference=inference, prior="normal", hyperprior="fixed")
    nll = only_tuned_scales(results, nll)
    n, means = (nll.pivot_table("value", UNIT, "recipe", aggfunc=how) for how in ("count", "mean"))
    means = means.where(n.eq(n.max(axis=1), axis=0))
    means = means[means.notna().sum(axis=1) > 1]
    if means.empty:
        raise NothingToDraw(f"one setting of {method_name(inference)} was run, so none was chosen")
    best = means.idxmin(axis=1).astype(str)
    table = _left_out(results, study, score, metric, inference, "normal")
    chosen = table[table.recipe.to_numpy() == best.reindex(pd.MultiIndex.from_frame(table[UNIT])).to_numpy()]
    used = ", ".join(f"'{recipe or 'default'}' on {n}" for recipe, n in best.value_counts().items())
    tried = means.notna().sum(axis=1)
    tried = f"{tried.min()} to {tried.max()}" if tried.nunique() > 1 else f"{tried.max()}"
    words = f"{method_name(inference)} {used} of {len(best)} data sets (settings tried on each: {tried})"
    return wide(chosen, UNIT), words


def _left_out(results, study, score, metric, inference, prior) -> pd.DataFrame:
    where = {"inference": inference, "prior": prior, "hyperprior": "fixed"}
    return probed(results, study, "novelty", variable=f"{LEFT_OUT}/{score}", metric=metric, **where)


def gain(inference: str, score: str = "predictive_entropy") -> Measure:
    """AUROC of a score of a method's network minus that of the plain network's entropy."""

    def measure(results: Results, study: str) -> Measured:
        ours = novelty(results, study, score, "auroc", inference)
        method = plain_method(done(results, study, prior="flat").inference)
        plain = novelty(results, study, "predictive_entropy", "auroc", method, "flat")
        found = balanced(difference(ours, plain))
        worst, best = found.mean(axis=1).min(), found.mean(axis=1).max()
        note = (
            f"{method_name(inference)}: AUROC {ours.mean().mean():.3f}, plain network {plain.mean().mean():.3f}, over "
            f"{len(found)} left-out classes, of which the difference lies between {worst:+.3f} and {best:+.3f}."
        )
        return Measured.over(found, note[:1].upper() + note[1:])

    return measure


def variance_ratio(results: Results, study: str) -> Measured:
    """Mean total variance on images of the new class, mean field over MC dropout, each in the study's own setting."""
    sides = (novelty(results, study, "total_variance", "mean_novel", m) for m in ("mean_field", "mc_dropout"))
    return _ratio(*sides)


def tuned_variance_ratio(results: Results, study: str) -> Measured:
    """The same with each method in the setting that validation NLL chose for the data set."""
    found = [tuned(results, study, "total_variance", "mean_novel", m) for m in ("mean_field", "mc_dropout")]
    sides, words = zip(*found, strict=True)
    return _ratio(*sides, f" Chosen by validation NLL: {'; '.join(words)}.")


def _ratio(ours: pd.DataFrame, theirs: pd.DataFrame, how: str = "") -> Measured:
    ours, theirs = (side.groupby(level=UNIT).mean() for side in (ours, theirs))
    ours, theirs = ours.align(theirs, join="inner")
    note = f"Total variance {ours.mean().mean():.3f} with mean field, {theirs.mean().mean():.3f} with MC dropout.{how}"
    return Measured.over(ours / theirs, note)


SCORES = "notebooks/{study}.html#Which-score-finds-the-new-class?"
DRAWS = "notebooks/{study}.html#Draws-for-a-known-and-for-a-new-image"
GAIN = "AUROC for the new class of the {}, {}, minus that of the plain network's entropy"

CLAIMS = (
    Claim(
        "P1", REPORT, "Bayesian networks voice more uncertainty on a new class than a plain network.",
        (
            Statistic(GAIN.format("entropy", "mean field"), "above", 0.0, gain("mean_field"), SCORES),
            Statistic(GAIN.format("entropy", "MC dropout"), "above", 0.0, gain("mc_dropout"), SCORES, True),
            Statistic(GAIN.format("entropy", "ensemble"), "above", 0.0, gain("ensemble"), SCORES, True),
            Statistic(GAIN.format("entropy", "Laplace approximation"), "above", 0.0, gain("laplace_approximation"),
                      SCORES, True),
            Statistic(GAIN.format("mutual information", "mean field"), "above", 0.0,
                      gain("mean_field", "mutual_information"), SCORES, True),
            Statistic(GAIN.format("total variance", "mean field"), "above", 0.0,
                      gain("mean_field", "total_variance"), SCORES, True),
        ),
    ),
    Claim(
        "P2", REPORT, "Draws of variational inference vary more than those of MC dropout.",
        (
            Statistic("total variance on images of the new class, mean field over MC dropout, both tuned on "
                      "validation NLL", "above", 1.0, tuned_variance_ratio, DRAWS),
            Statistic("total variance on images of the new class, mean field over MC dropout, in one setting each",
                      "above", 1.0, variance_ratio, DRAWS, True),
        ),
    ),
)  # fmt: skip
