"""Claims on uncertainty over handwritten digits, tested on MNIST with the convolutional networks of a run.

They come from a course report on Bayesian neural networks and from a notebook on mini-batch ADVI; both fixed the scale
of a normal prior. Statistics are means over the study's networks that were run, which their notes name; where nothing
else is said the cells are those of the normal prior with fixed scale: where several were run, the one with the lowest
validation NLL.
"""

import numpy as np
import pandas as pd

from bnnbench.base.statistics import POINTS, plain_method
from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import UNITS, Measure, difference, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import probed, scores, with_tuned_scales
from bnnbench.metrics import predictive_entropy
from bnnbench.words.names import method_name, model_name

SLIDES = "Lecture slides: Monte Carlo dropout (judged by mean field, with dropout beside it)"
REPORT = "Course report on Bayesian neural networks: uncertainty on MNIST"
NOTEBOOK = "Notebook on mini-batch ADVI: convolutional network on MNIST"
DISPERSED = (2, 7, 8, 9)
FIXED = {"prior": "normal", "hyperprior": "fixed", "inference": "mean_field"}
LEARNED = FIXED | {"hyperprior": "half_normal"}


def cells(results: Results, study: str, metric: str, **where) -> pd.DataFrame:
    """A test metric with a row each network, with the scale that was chosen for it, and a column a seed."""
    return wide(with_tuned_scales(results, study, metric=metric, recipe="", **where))


def plain(results: Results, study: str, metric: str) -> pd.DataFrame:
    """The same of the plain network, by data set and network: maximum likelihood where it was run, else MAP."""
    rows = scores(results, study, metric, prior="flat", inference=POINTS, recipe="")
    return wide(rows[rows.inference == plain_method(rows.inference)], ["dataset", "network"])


def of_metric(metric: str, scale: float = 1.0, **where) -> Measure:
    """Mean of a test metric over networks, times `scale`."""

    def measure(results: Results, study: str) -> Measured:
        rows = cells(results, study, metric, **(FIXED | where))
        return Measured.over(scale * rows, f"{_cells(FIXED | where, rows)}.")

    return measure


def wrong_over_right(metric: str, **where) -> Measure:
    """Ratio of a metric's mean over misread test images to that over images read correctly."""

    def measure(results: Results, study: str) -> Measured:
        sides = [cells(results, study, f"{metric}_{side}", **(FIXED | where)) for side in ("wrong", "right")]
        wrong, right = (side.mean().mean() for side in sides)
        note = f"{_cells(FIXED | where, sides[0])}: {wrong:.3g} on misread images, {right:.3g} on the others."
        return Measured.over(sides[0] / sides[1], note)

    return measure


def votes_of_errors(results: Results, study: str) -> Measured:
    """Chi-square a draw of the label votes on misread images minus that on the others."""
    sides = [cells(results, study, f"chi_square_label_per_draw_{side}", **FIXED) for side in ("wrong", "right")]
    return Measured.over(sides[0] - sides[1], f"{_cells(FIXED, sides[0])}.")


def against_plain(score: str) -> Measure:
    """AUROC of wrong-vs-right by a score of the votes, minus that of the plain network's largest probability."""

    def measure(results: Results, study: str) -> Measured:
        ours = cells(results, study, f"auroc_{score}", **FIXED)
        theirs = plain(results, study, "auroc_max_probability")
        note = f"{_cells(FIXED, ours)}: {ours.mean().mean():.3f}, plain network {theirs.mean().mean():.3f}."
        return Measured.over(difference(ours, theirs), note)

    return measure


def class_dispersion(results: Results, study: str) -> Measured:
    """Mean total variance of the images of four digits minus that of the other six."""
    by_class = [cells(results, study, f"total_variance_class_{c}", **FIXED) for c in range(10)]
    named = sum(by_class[c] for c in DISPERSED) / len(DISPERSED)
    others = sum(by_class[c] for c in range(10) if c not in DISPERSED) / (10 - len(DISPERSED))
    means = pd.Series([table.mean().mean() for table in by_class])
    order = ", ".join(str(c) for c in means.sort_values(ascending=False).index)
    return Measured.over(named - others, f"{_cells(FIXED, named)}; from the most dispersed digit: {order}.")


def fixed_minus_learned(metric: str, scale: float = 1.0) -> Measure:
    """A test metric with the fixed scale minus that with one half-normal scale for each weight matrix and bias."""

    def measure(results: Results, study: str) -> Measured:
        sides = [cells(results, study, metric, **where) for where in (FIXED, LEARNED)]
        each = ", ".join(f"{abs(scale) * np.nanmean(side):.4g}" for side in sides)
        return Measured.over(scale * difference(*sides), f"{_cells(FIXED, sides[0])}, and half-normal: {each}.")

    return measure


def warned_before_misread(inference: str) -> Measure:
    """Share of turned images whose entropy passes the upright images' 95th percentile at a smaller angle than the first
    at which they are misread; of the images that are read correctly upright and misread at some angle."""

    def measure(results: Results, study: str) -> Measured:
        where = FIXED | {"inference": inference}
        return _warned(results, probed(results, study, "rotation", recipe="", **where), where)

    return measure


def plain_warned_before_misread(results: Results, study: str) -> Measured:
    """The same of the plain network, whose uncertainty is that of its softmax alone."""
    table = probed(results, study, "rotation", prior="flat", inference=POINTS, recipe="")
    method = plain_method(table.inference)
    where = {"prior": "flat", "hyperprior": "fixed", "inference": method}
    return _warned(results, table[table.inference == method], where)


def _warned(results: Results, table: pd.DataFrame, where: dict) -> Measured:
    by = [*UNITS, "seed"]
    cells = table.assign(scale=table.scale.fillna(0.0)).groupby(by)
    rows = pd.Series({key: _share_warned(results, part) for key, part in cells}).rename_axis(by).unstack("seed")
    n = table.variable.nunique()
    return Measured.over(rows, f"{_cells(where, rows)}; {n} images, those misread upright or never left out.")


def _share_warned(results: Results, readings: pd.DataFrame) -> float:
    upright = predictive_entropy(results.predictions(readings.id.iloc[0]).mean_proba)
    wide = readings.pivot_table(index="variable", columns=["metric", "level"], values="value")
    misread = wide["misread"].to_numpy() > 0
    warned = wide["predictive_entropy"].to_numpy() > np.quantile(upright, 0.95)
    # The first angle with either; beyond the last where there is none.
    first = [np.where(a.any(1), a.argmax(1), a.shape[1]) for a in (warned, misread)]
    counted = ~misread[:, 0] & misread.any(1)
    return float((first[0] < first[1])[counted].mean()) if counted.any() else np.nan


def _cells(where: dict, rows: pd.DataFrame) -> str:
    """Method, models and networks of a table's cells in words."""
    scales = [scale or np.nan for scale in dict.fromkeys(rows.index.get_level_values("scale"))]  # 0 stands for none
    models = " and ".join(model_name(pd.Series(where | {"scale": scale})) for scale in scales)
    networks = " and ".join(dict.fromkeys(rows.index.get_level_values("network")))
    name = f"{method_name(where['inference'])}, {models}, {networks}"
    return name[:1].upper() + name[1:]


PAGE = "notebooks/{study}.html"
VARIANCE, CERTAIN = f"{PAGE}#Do-draws-disagree-where-the-network-is-wrong?", f"{PAGE}#Wrong,-and-all-draws-agree"
VOTES, PRIORS = f"{PAGE}#How-even-are-the-votes?", f"{PAGE}#Which-prior,-with-which-scale?"
TURNED = f"{PAGE}#Turned-step-by-step"
WARNED = "share of turned digits whose entropy exceeds the upright 95th percentile before they are misread"
GAIN = "AUROC for wrong images of the {} minus that of the plain network's largest probability"

CLAIMS = (
    Claim(
        "Z5", REPORT, "Misclassified images have a far higher predictive variance.",
        (
            Statistic("ratio of the mean total variance of wrong to that of right images", "above", 2.0,
                      wrong_over_right("total_variance"), VARIANCE),
            Statistic("AUROC of the total variance for wrong images", "above", 0.5,
                      of_metric("auroc_total_variance"), VARIANCE, True),
        ),
    ),
    Claim(
        "Z6", REPORT, "The digits 2, 7, 8 and 9 are the most dispersed.",
        (
            Statistic("mean total variance of 2, 7, 8, 9 minus that of the other digits", "above", 0.0,
                      class_dispersion, VARIANCE),
        ),
    ),
    Claim(
        "Z7", REPORT, "A few images are misclassified with an expected error rate of 0.",
        (
            Statistic("wrong images on which all draws agree, of 10,000", "at least", 1,
                      of_metric("wrong_unanimous_per_10000"), CERTAIN),
            Statistic("wrong images on which all draws agree, of 10,000", "at most", 10,
                      of_metric("wrong_unanimous_per_10000"), CERTAIN),
        ),
    ),
    Claim(
        "W3", NOTEBOOK, "Votes are more even on misclassified images; a plain network's softmax would not show it.",
        (
            Statistic("chi-square a draw of the label votes, wrong minus right images", "below", 0.0,
                      votes_of_errors, VOTES),
            Statistic(GAIN.format("label votes' chi-square"), "above", 0.0, against_plain("chi_square_label"), VOTES),
            Statistic(GAIN.format("arg-max votes' chi-square"), "above", 0.0,
                      against_plain("chi_square_argmax"), VOTES, True),
            Statistic(GAIN.format("chi-square of label values (the notebook's own)"), "above", 0.0,
                      against_plain("chi_square_values"), VOTES, True),
            Statistic(GAIN.format("total variance"), "above", 0.0, against_plain("total_variance"), VOTES, True),
            Statistic(GAIN.format("posterior mean's largest probability"), "above", 0.0,
                      against_plain("max_probability"), VOTES, True),
        ),
    ),
    Claim(
        "G1", SLIDES, "A rotated digit becomes uncertain before it is misread.",
        (
            Statistic(f"{WARNED}, mean field", "above", 0.5, warned_before_misread("mean_field"), TURNED),
            Statistic(f"{WARNED}, MC dropout", "above", 0.5, warned_before_misread("mc_dropout"), TURNED, True),
            Statistic(f"{WARNED}, ensemble", "above", 0.5, warned_before_misread("ensemble"), TURNED, True),
            Statistic(f"{WARNED}, MAP", "above", 0.5, warned_before_misread("map"), TURNED, True),
            Statistic(f"{WARNED}, plain network", "above", 0.5, plain_warned_before_misread, TURNED, True),
        ),
    ),
    Claim(
        "W4", NOTEBOOK, "The convolutional network with learned scales is worse than the one with fixed scales.",
        (
            Statistic("test accuracy with fixed scale minus that with learned scales", "above", 0.0,
                      fixed_minus_learned("accuracy", 100), PRIORS, unit="points"),
            Statistic("test NLL with learned scales minus that with fixed scale", "above", 0.0,
                      fixed_minus_learned("nll", -1), PRIORS, True, unit="nats"),
        ),
    ),
)  # fmt: skip
