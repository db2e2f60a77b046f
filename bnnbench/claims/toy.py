"""Claims on priors and hyperpriors, tested on noisy moons and circles.

All come from a course report on Bayesian neural networks that compared priors on these data with mean-field ADVI.
Fixed scales enter as the one that validation data chose among those tried, as everywhere.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from bnnbench.base.statistics import balanced
from bnnbench.claims import _evidence
from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, wide
from bnnbench.datasets import bayes_proba
from bnnbench.evaluation.reference import absence, serving_ids
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, one_thread, scores, with_tuned_scales
from bnnbench.plots.sentences import count
from bnnbench.plots.weights import last_weights
from bnnbench.words.names import method_name, name_of

SOURCE = "Course report on Bayesian neural networks: priors and hyperpriors on toy data"
REFERENCES = "reference"
"""Stands for the cells that serve as references, by whatever method, where measures take a method."""
LOGIT_POINTS, LOGIT_DRAWS = 500, 100
"""Test points, spread evenly over the test set, and draws from which the spread of the logit is estimated."""

# Z1: variational inference approximates the posterior


def fidelity(metric: str, inference: str) -> Measure:
    """Mean test metric against the references, over data sets and models."""

    def measure(results: Results, study: str) -> Measured:
        if reason := absence(results.references, study):
            raise NothingToDraw(reason)
        rows = wide(scores(results, study, metric, inference=inference, recipe=""))
        kept = balanced(rows)
        floors = wide(scores(results, study, f"{metric}_floor", inference=inference, recipe=""))
        floor = float(floors.reindex(index=kept.index, columns=kept.columns).mean().mean())
        values = kept.to_numpy()
        note = (
            f"{_title(inference)}: mean over {_pairs(kept)} that have a reference, "
            f"each between {values.min():.3f} and {values.max():.3f}."
        )
        return Measured.over(kept, note, floor)

    return measure


# Z2: uncertainty is largest near the true decision boundary


def boundary_correlation(inference: str) -> Measure:
    """Rank correlation of the sd of the probability with |p* - 1/2|, over test points; mean over models."""

    def measure(results: Results, study: str) -> Measured:
        table = wide(_of_method(results, study, inference, _boundary_rows))
        return Measured.over(table, f"{_title(inference)}: mean over {_pairs(balanced(table))}.")

    return measure


def logit_correlation(inference: str) -> Measure:
    """The same for the sd of the logit, from fresh draws of the same posteriors on a part of the test points.

    The sd of a probability is largest at 1/2 for any spread of the logit, since dp = p (1 - p) dlogit; the sd of the
    logit says whether there is more to it. Data of more than two classes have no one logit and are left out.
    """

    def measure(results: Results, study: str) -> Measured:
        rows = _boundary_rows(results, study, inference)
        points = {name: _points(results, name) for name in rows.dataset.unique() if _has_two_classes(results, name)}
        others = " Data of more than two classes are left out." if len(points) < rows.dataset.nunique() else ""
        rows = rows[rows.dataset.isin(points)]
        if rows.empty:
            raise NothingToDraw("no data set of two classes has a model with draws that vary")
        with one_thread():
            values = [_logit_correlation(results, row.id, *points[row.dataset]) for row in rows.itertuples()]
        table = wide(rows.assign(value=values))
        note = (
            f"{_title(inference)}: mean over {_pairs(balanced(table))}, each from {LOGIT_DRAWS} fresh "
            f"posterior draws on {LOGIT_POINTS} test points. The sd of a probability is largest near ½ for any spread "
            f"of the logit; this statistic leaves that out.{others}"
        )
        return Measured.over(table, note)

    return measure


def _boundary_rows(results: Results, study: str, inference: str) -> pd.DataFrame:
    rows = with_tuned_scales(results, study, inference=inference, recipe="", metric="spearman_sd_boundary")
    rows = rows.dropna(subset="value")
    if rows.empty:
        raise NothingToDraw(f"no {method_name(inference)} model has draws that vary, on data with known p*")
    return rows


def _has_two_classes(results: Results, dataset: str) -> bool:
    return results.data(dataset).n_classes == 2


def _points(results: Results, dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """Test inputs, spread evenly over the test set, and their distance |p* - 1/2| from the boundary."""
    x = results.data(dataset).test()[0]
    x = x[np.linspace(0, len(x) - 1, min(LOGIT_POINTS, len(x))).astype(int)]
    spec = results.plan.datasets[dataset]
    return x, np.abs(bayes_proba(spec.family, spec.options, x)[:, 1] - 0.5)


def _logit_correlation(results: Results, cell_id: str, x: np.ndarray, distance: np.ndarray) -> float:
    proba = np.maximum(results.trained(cell_id).sample_proba(x, LOGIT_DRAWS), np.finfo(np.float32).tiny)
    logits = np.log(proba[:, :, 1]) - np.log(proba[:, :, 0])  # of both, so that p near 1 is not rounded to 1
    return float(spearmanr(logits.std(0), distance).statistic)


# Z3: hyperpriors almost always beat fixed scales, the more so with noise


def gains(results: Results, study: str, inference: str) -> pd.DataFrame:
    """Test NLL of the tuned fixed scale minus that of each hyperprior: a row a comparison, a column a seed.

    Index: dataset, network, prior, hyperprior. Only priors whose fixed scale was chosen among several are compared.
    """
    rows = with_tuned_scales(results, study, inference=inference, recipe="", metric="nll")
    tuned = results.tuned[(results.tuned.study == study) & (results.tuned.inference == inference)]
    chosen = set(zip(tuned.dataset, tuned.network, tuned.prior, strict=True))
    fixed = wide(rows[rows.hyperprior == "fixed"], ["dataset", "network", "prior"])
    learned = wide(rows[rows.hyperprior != "fixed"], ["dataset", "network", "prior", "hyperprior"])
    fixed = fixed[[key in chosen for key in fixed.index]]
    found = fixed.reindex(learned.index.droplevel("hyperprior")).set_axis(learned.index) - learned
    found = balanced(found)
    if found.empty:
        raise NothingToDraw(f"no prior has both a hyperprior and a grid of fixed scales with {method_name(inference)}")
    return found


def share_of_wins(inference: str) -> Measure:
    """Share of comparisons in which the hyperprior has the lower test NLL, in each seed."""

    def measure(results: Results, study: str) -> Measured:
        gain = gains(results, study, inference)
        won = int((gain.mean(axis=1) > 0).sum())
        note = (
            f"{_title(inference)}: a mean over seeds of the share in each. Of the NLL averaged over seeds first, "
            f"hyperpriors win {won} of {count(len(gain), 'comparison')}, by {_signed(gain.to_numpy().mean())} nats "
            "on average."
        )
        return Measured.over((gain > 0).astype(float), note)

    return measure


def slope_on_noise(inference: str) -> Measure:
    """Least-squares slope of the gain on the noise, within each family of data sets and model; nats a unit of noise."""

    def measure(results: Results, study: str) -> Measured:
        gain = gains(results, study, inference)
        facts = results.cells.drop_duplicates("dataset").set_index("dataset")[["family", "noise"]]
        names = gain.index.get_level_values("dataset")
        key = [facts.family.loc[names].to_numpy(), *(gain.index.get_level_values(k) for k in gain.index.names[1:])]
        found = {}
        for group, part in gain.groupby(key):
            noise = facts.noise.loc[part.index.get_level_values("dataset")].to_numpy()
            if len(np.unique(noise)) > 1:
                found[group] = np.polyfit(noise, part.to_numpy(), 1)[0]
        if not found:
            raise NothingToDraw("no family of data sets was run with several noise levels")
        slopes = pd.DataFrame(found, index=gain.columns).T
        note = f"{_title(inference)}: mean over {count(len(slopes), 'slope')}, one a family, prior and hyperprior."
        return Measured.over(slopes, note)

    return measure


# Z4: a Laplace prior gives sparse weights, a Cauchy prior does not


def sparsity_difference(inference: str) -> Measure:
    """Share of last-layer weights whose 95% interval covers 0 under Laplace minus that under Cauchy."""

    def measure(results: Results, study: str) -> Measured:
        priors = ["laplace", "cauchy"]
        rows = _of_method(
            results, study, inference,
            lambda *where: with_tuned_scales(*where[:2], inference=where[2], recipe="", metric="nll", prior=priors),
        )  # fmt: skip
        rows = rows.assign(value=[last_weights(results, cell_id).covers_zero.mean() for cell_id in rows.id])
        # Tuned scales differ from prior to prior, so a comparison is one data set and one way of setting the scale.
        sides = [wide(rows[rows.prior == prior], ["dataset", "network", "hyperprior"]) for prior in priors]
        common = sides[0].index.intersection(sides[1].index)
        difference = balanced(sides[0].loc[common] - sides[1].loc[common])
        if difference.empty:
            raise NothingToDraw(f"Laplace and Cauchy priors were not both trained with {method_name(inference)}")
        shares = [side.reindex(index=difference.index, columns=difference.columns).mean().mean() for side in sides]
        each = " and ".join(f"{s:.2f} under the {name_of(p)} prior" for s, p in zip(shares, priors, strict=True))
        note = f"{_title(inference)}: {each}, over {count(len(difference), 'comparison')}."
        if inference == REFERENCES:
            note += (
                " Turning the signs of a hidden unit's weights changes no prediction, so intervals of the exact "
                "posterior hold 0 for that reason alone, and this share says little about sparsity."
            )
        return Measured.over(difference, note)

    return measure


def _of_method(results: Results, study: str, inference: str, rows_of: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """rows_of(results, study, inference); for REFERENCES the rows of the cells that serve, whatever their method."""
    if inference != REFERENCES:
        return rows_of(results, study, inference)
    found, serving = [], serving_ids(results.references)
    for method in results.references[results.references.study == study].inference.unique():
        try:
            rows = rows_of(results, study, method)
        except NothingToDraw:
            continue  # none of its cells is of this kind
        found.append(rows[rows.id.isin(serving)])
    if not found or not sum(map(len, found)):
        raise NothingToDraw(absence(results.references, study) or "no reference is of such a model")
    return pd.concat(found, ignore_index=True)


def _pairs(table: pd.DataFrame) -> str:
    return f"{count(len(table), 'pair')} of data set and model"


def _title(inference: str) -> str:
    name = method_name(inference)
    return name[:1].upper() + name[1:]


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


FIDELITY, UNCERTAINTY = "study-{study}.html#figure-cost", "notebooks/{study}.html#Uncertainty-over-the-plane"
SCALES = "study-{study}.html#figure-scales-"
LAST_LAYER = "notebooks/{study}.html#The-last-layer-under-a-Laplace-and-under-a-Cauchy-prior"
TV, AGREE = "total variation to the reference", "agreement with the reference"
CORRELATION = "rank correlation of the sd of the {} with the distance |p* − ½| from the boundary"
SHARE = "share of comparisons (data set, prior, hyperprior) with a lower test NLL than the tuned fixed scale"
SLOPE = "slope on the noise of the gain in test NLL over the tuned fixed scale"
COVERED = "share of last-layer weights whose 95% interval covers 0, Laplace minus Cauchy"

CLAIMS = (
    Claim(
        "Z1", SOURCE, "Variational inference approximates the posterior.",
        (
            Statistic(f"{TV}, mean field", "below", 0.05, fidelity("total_variation", "mean_field"), FIDELITY),
            Statistic(f"{AGREE}, mean field", "above", 0.95, fidelity("agreement", "mean_field"), FIDELITY),
            Statistic(f"{TV}, full rank", "below", 0.05, fidelity("total_variation", "full_rank"), FIDELITY, True),
            Statistic(f"{AGREE}, full rank", "above", 0.95, fidelity("agreement", "full_rank"), FIDELITY, True),
        ),
    ),
    Claim(
        "Z2", SOURCE, "Uncertainty is largest near the true decision boundary.",
        (
            Statistic(CORRELATION.format("probability") + ", mean field", "below", -0.5,
                      boundary_correlation("mean_field"), UNCERTAINTY),
            Statistic(CORRELATION.format("logit") + ", mean field", "below", -0.5,
                      logit_correlation("mean_field"), UNCERTAINTY),
            Statistic(CORRELATION.format("probability") + ", references", "below", -0.5,
                      boundary_correlation(REFERENCES), UNCERTAINTY, True),
        ),
    ),
    Claim(
        "Z3", SOURCE, "Hyperpriors almost always beat fixed scales, and the more so the more noise there is.",
        (
            Statistic(f"{SHARE}, mean field", "at least", 0.9, share_of_wins("mean_field"), f"{SCALES}mean_field"),
            Statistic(f"{SLOPE}, mean field", "above", 0.0, slope_on_noise("mean_field"), f"{SCALES}mean_field",
                      unit="nats a unit of noise"),
            Statistic(f"{SHARE}, MAP", "at least", 0.9, share_of_wins("map"), f"{SCALES}map", True),
            Statistic(f"{SLOPE}, MAP", "above", 0.0, slope_on_noise("map"), f"{SCALES}map", True,
                      unit="nats a unit of noise"),
        ),
    ),
    Claim(
        "Z4", SOURCE, "A Laplace prior gives sparse weights in the last layer; a Cauchy prior does not.",
        (
            Statistic(f"{COVERED}, mean field", "above", 0.2, sparsity_difference("mean_field"), LAST_LAYER),
            Statistic(f"{COVERED}, references", "above", 0.2, sparsity_difference(REFERENCES), LAST_LAYER, True),
        ),
    ),
    *_evidence.CLAIMS,
)  # fmt: skip
