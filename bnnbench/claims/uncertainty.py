"""Claims on the two uncertainties, on data whose noise is known.

The first comes from lecture slides: with more data what is not known falls, and the noise does not. It is decided on
small and on large training sets apart, since of a few points even exact inference books as noise what it cannot
resolve. The second is that the two can be told apart, which critics doubt (Mucsányi et al. 2024): that their rank
correlation is low. Where it is near -1 the two say the same too, so that it stands beside without its sign.

Mean field decides, as a method that most of the source documents have; exact inference (HMC, where its chains passed
the gate) and others stand beside it. Of regression the two are the aleatoric and the epistemic sd, of classification
the expected entropy and the root of the mutual information, which goes as a variance does. Each method has on each data
set the model with the lowest mean validation NLL.
"""

import numpy as np
import pandas as pd

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, probed
from bnnbench.evaluation.sizes import PARTS, chosen_ids, chosen_scores, facts, first_network, slopes
from bnnbench.words import prose
from bnnbench.words.names import data_name, method_name

SLIDES = "Lecture slides: aleatoric and epistemic uncertainty"
CRITICS = "The two uncertainties of those slides, and their critics"
DECIDES = "mean_field"
BESIDE = ("hmc", "laplace_approximation", "ensemble", "mc_dropout")
BORDER = 200
"""Points of a training set up to which it is small, and from which on it is large."""
RANGES = {"small": (0, BORDER), "large": (BORDER, np.inf)}
TASKS = tuple(PARTS)
CORRELATION = "uncertainties_rank_correlation"


def within(rows: pd.DataFrame, sizes: tuple[float, float]) -> pd.DataFrame:
    """Rows of data sets whose training sets have a size in a range, ends included; NothingToDraw where none is."""
    rows = rows[rows.n_train.between(*sizes)]
    if rows.empty:
        raise NothingToDraw("no training set has a size in the range")
    return rows


def slope(task: str, part: str, sizes: tuple[float, float], inference: str) -> Measure:
    """Log-log slope of one uncertainty against the size of the training set, a row each curve."""
    parts = PARTS[task]
    metric, power = (parts.aleatoric, 1.0) if part == "aleatoric" else (parts.epistemic, parts.power)

    def measure(results: Results, study: str) -> Measured:
        rows = within(chosen_scores(results, study, metric, inference, task), sizes)
        found = power * slopes(rows, "n_train", "curve")
        used = rows[rows.curve.isin(found.index)]
        means = prose.listing(f"{data_name(name)} {value:+.2f}" for name, value in found.mean(axis=1).items())
        shown = ", ".join(f"{n:,}" for n in sorted(used.n_train.unique()))
        return Measured.over(found, f"Training sets of {shown} points. Slopes: {means}.")

    return measure


def correlation(
    task: str, inference: str, plain: bool = True, sizes: tuple[float, float] = (0, np.inf), absolute: bool = False
) -> Measure:
    """Rank correlation, over test points, of the two uncertainties, a row a data set; of the family's default options,
    or of data sets with few inputs where there is little noise. absolute: without its sign."""

    def measure(results: Results, study: str) -> Measured:
        rows = within(chosen_scores(results, study, CORRELATION, inference, task), sizes)
        rows = rows.assign(value=rows.value.abs()) if absolute else rows
        return _by_dataset(rows[rows.plain if plain else rows.curve.str.contains("-quiet-")])

    return measure


def correlation_everywhere(task: str, inference: str) -> Measure:
    """The same at even inputs where there are data, in the gap and beyond, of the default options."""

    def measure(results: Results, study: str) -> Measured:
        known, network = facts(results, study), first_network(results, study)
        where = {"inference": inference, "network": network, "variable": "everywhere", "metric": CORRELATION}
        table = probed(results, study, "regions", recipe="", **where).merge(known, on="dataset")
        chosen = chosen_ids(results, study, inference, network)
        return _by_dataset(table[table.plain & (table.task == task) & table.id.isin(chosen)])

    return measure


def _by_dataset(rows: pd.DataFrame) -> Measured:
    rows = rows.dropna(subset=["value"])
    if rows.empty:
        raise NothingToDraw("no such data set was run, or the draws agree")
    found = rows.pivot_table("value", "dataset", "seed", sort=False)
    by_size = rows.groupby("n_train").value.mean()
    means = prose.listing(f"{value:.2f} with {n:,}" for n, value in by_size.items())
    return Measured.over(found, f"By points of the training set: {means}.")


def along_noise(task: str, part: str, inference: str = DECIDES) -> Measure:
    """Log-log slope of one uncertainty against the noise, the size of the training set being the same; a row a size."""
    parts = PARTS[task]
    metric, power = (parts.aleatoric, 1.0) if part == "aleatoric" else (parts.epistemic, parts.power)

    def measure(results: Results, study: str) -> Measured:
        rows = chosen_scores(results, study, metric, inference, task)
        found = power * slopes(rows, "noise", "quietened")
        used = rows[rows.quietened.isin(found.index)]
        noises = prose.listing(f"{noise:g}" for noise in sorted(used.noise.unique()))
        return Measured.over(found, f"Noise {noises}; on {prose.listing(map(data_name, found.index))}.")

    return measure


def check(task: str, which: str, sizes: tuple[float, float], inference: str) -> Measure:
    """An uncertainty over what it stands for, of plain data sets with a size in the range; a row a data set."""

    def measure(results: Results, study: str) -> Measured:
        rows = within(chosen_scores(results, study, getattr(PARTS[task], which), inference, task), sizes)
        return _by_dataset(rows[rows.plain])

    return measure


def too_small(task: str, inference: str = DECIDES) -> Measure:
    """Aleatoric uncertainty of a network that cannot follow the curve over that of the study's first network.

    A row each data set that both were trained on, of the largest size of its curve.
    """

    def measure(results: Results, study: str) -> Measured:
        networks = list(results.plan.study_configs[study].networks)
        if len(networks) < 2:
            raise NothingToDraw("there is no second network")
        sides = [
            chosen_scores(results, study, PARTS[task].aleatoric, inference, task, network).set_index(
                ["dataset", "curve", "n_train", "seed"]
            )
            for network in (networks[-1], networks[0])
        ]
        ratio = (sides[0].value / sides[1].value).dropna().reset_index()
        ratio = ratio[ratio.n_train == ratio.groupby("curve").n_train.transform("max")]
        if ratio.empty:
            raise NothingToDraw("no data set was run with both networks")
        on = prose.listing(map(data_name, dict.fromkeys(ratio.dataset)))
        return Measured.over(
            ratio.pivot_table("value", "dataset", "seed"), f"{networks[-1]} over {networks[0]}, on {on}."
        )

    return measure


WORDS = {
    ("regression", "aleatoric"): "aleatoric sd",
    ("regression", "epistemic"): "epistemic sd",
    ("classification", "aleatoric"): "expected entropy",
    ("classification", "epistemic"): "root of the mutual information",
}
CHECKED = {
    ("regression", "aleatoric_ratio"): "aleatoric sd over the true one",
    ("regression", "epistemic_ratio"): "epistemic sd over the error of the mean",
    ("classification", "aleatoric_ratio"): "expected entropy over the true one",
    ("classification", "epistemic_ratio"): "mutual information over the KL divergence from the truth",
}
SIZES = "notebooks/{study}.html#More-data"
TRUTH = "notebooks/{study}.html#Against-the-truth"
APART = "notebooks/{study}.html#Can-they-be-told-apart?"
NOISE = "notebooks/{study}.html#More-noise,-and-a-network-too-small"
BOUNDS = {
    "aleatoric": (("at least", -0.1, ", no fall"), ("at most", 0.1, ", no rise")),
    "epistemic": (("below", -0.2, ""),),
}
"""Of slopes against the size of the training set: direction, margin and what it means."""


def slopes_of(task: str, size: str, inference: str) -> list[Statistic]:
    """The three bounds on the slopes of a task's two uncertainties."""
    return [
        Statistic(f"slope of the {WORDS[task, part]} against the number of points, log-log, {method_name(inference)}"
                  + how,
                  direction, margin, slope(task, part, RANGES[size], inference), SIZES, inference != DECIDES)
        for part, bounds in BOUNDS.items() for direction, margin, how in bounds
    ]  # fmt: skip


def checks_of(task: str, size: str, inference: str) -> list[Statistic]:
    """That the noise that is found is the true one, to a tenth, and what is not known within a factor of two of it."""
    bounds = {"aleatoric_ratio": (("at least", 0.9, "not too little"), ("at most", 1.1, "not too much")),
              "epistemic_ratio": (("at least", 0.5, "not too little"), ("at most", 2.0, "not too much"))}  # fmt: skip
    return [
        Statistic(f"{CHECKED[task, which]}, {method_name(inference)}, {how}", direction, margin,
                  check(task, which, RANGES[size], inference), TRUTH, True)
        for which, both in bounds.items() for direction, margin, how in both
    ]  # fmt: skip


def growing(claim_id: str, size: str, words: str) -> Claim:
    """What is not known falls with more data and the noise does not, in a range of sizes."""
    methods = (DECIDES, *BESIDE)
    return Claim(
        claim_id, SLIDES, f"Epistemic uncertainty falls with more data and aleatoric uncertainty does not, {words}.",
        (
            *(s for inference in methods for task in TASKS for s in slopes_of(task, size, inference)),
            *(s for inference in (DECIDES, "hmc") for task in TASKS for s in checks_of(task, size, inference)),
        ),
    )  # fmt: skip


def apart(task: str, how: str, measure: Measure, beside: bool = True) -> Statistic:
    """That the two uncertainties rank points differently."""
    kind = f"rank correlation of the {WORDS[task, 'aleatoric']} and the {WORDS[task, 'epistemic']}"
    return Statistic(f"{kind.replace('root of the ', '')}, {how}", "below", 0.5, measure, APART, beside)


def apart_by(inference: str) -> list[Statistic]:
    name = method_name(inference)
    found = [apart(task, f"over test points, {name}", correlation(task, inference), inference != DECIDES)
             for task in TASKS]  # fmt: skip
    for task in TASKS:
        found += [
            apart(task, f"without its sign, {name}", correlation(task, inference, absolute=True)),
            apart(task, f"from {BORDER} points on, {name}", correlation(task, inference, sizes=RANGES["large"])),
            apart(task, f"few inputs where there is little noise, {name}", correlation(task, inference, plain=False)),
            apart(task, f"in the gap and beyond too, {name}", correlation_everywhere(task, inference)),
        ]
    return found


CLAIMS = (
    growing("K1-small", "small", f"up to {BORDER} points"),
    growing("K1-large", "large", f"from {BORDER} points on"),
    Claim(
        "U1", CRITICS, "The two uncertainties can be told apart.",
        (
            *(s for inference in (DECIDES, *BESIDE) for s in apart_by(inference)),
            Statistic("slope of the aleatoric sd against the noise, log-log, mean field", "at least", 0.8,
                      along_noise("regression", "aleatoric"), NOISE, True),
            *(Statistic(f"slope of the {WORDS[task, 'epistemic']} against the noise, log-log, mean field", "at most",
                        0.2, along_noise(task, "epistemic"), NOISE, True) for task in TASKS),
            *(Statistic(f"{WORDS[task, 'aleatoric']} of a network too small over that of one large enough, mean field",
                        "above", 1.1, too_small(task), NOISE, True) for task in TASKS),
        ),
    ),
)  # fmt: skip
