"""Whether densities tell novel images from known ones, on flows of half of the digits.

That a model gives images of a simpler kind the higher density is a finding of Nalisnick et al. (2019); that
the disagreement between models mends it was proposed by Choi et al. (2018). Simpler are here the test images themselves
at half their contrast.
"""

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import chosen_readings
from bnnbench.words.names import method_name

SOURCE = "Report on probabilistic deep learning: density for novelty"
KINDS = {"dim": "dimmed images", "others": "other digits"}
METHODS = ("map", "ensemble", "mean_field")
FIGURE = "notebooks/{study}.html#Scores-of-novelty"


def reading(results: Results, study: str, inference: str, kind: str, score: str, metric: str):
    """A reading of the probe `novelty` by seed, of the model that validation data chose."""
    table = chosen_readings(results, study, "novelty", inference)
    table = table[(table.variable == f"{kind}/{score}") & (table.metric == metric) & (table.recipe == "")]
    return wide(table, ["dataset", "network"])


def excess_density(inference: str, kind: str, words: str) -> Measure:
    """Mean log density of novel images above that of known ones, nats."""

    def measure(results: Results, study: str) -> Measured:
        known, novel = (reading(results, study, inference, kind, "nll", f"mean_{of}") for of in ("known", "novel"))
        return Measured.over(known - novel, f"Of {words}, by {method_name(inference)}.")

    return measure


def gain(inference: str, kind: str, words: str) -> Measure:
    """AUROC of the density lowered by its variance over draws, minus that of the density alone."""

    def measure(results: Results, study: str) -> Measured:
        waic, nll = (reading(results, study, inference, kind, score, "auroc") for score in ("waic", "nll"))
        alone, both = nll.mean(axis=None), waic.mean(axis=None)
        note = f"Of {words}: AUROC {alone:.3f} by density alone, {both:.3f} with its variance."
        return Measured.over(waic - nll, note)

    return measure


def _statistics(name: str, measure, unit: str, first: str, kinds: dict[str, str]) -> tuple[Statistic, ...]:
    """One a kind of novel images and method; that of the first kind, by the method `first`, decides."""
    lead = (next(iter(kinds)), first)
    pairs = sorted(((kind, method) for kind in kinds for method in METHODS), key=lambda pair: pair != lead)
    return tuple(
        Statistic(
            f"{name}, {kinds[kind]}, {method_name(method)}", "above", 0.0, measure(method, kind, kinds[kind]), FIGURE,
            beside=(kind, method) != lead, unit=unit,
        )
        for kind, method in pairs
    )  # fmt: skip


def claims_on(kinds: dict[str, str], suffix: str = "", where: str = "") -> tuple[Claim, ...]:
    """D1 and D2 on kinds of novel images, named in words, the simplest first, which decides."""
    density = _statistics("log density above that of known images", excess_density, "nats", "map", kinds)
    auroc = _statistics("gain in AUROC", gain, "", "ensemble", kinds)
    return (
        Claim(
            f"D1{suffix}", SOURCE, f"Images of a simpler kind are more probable than those trained on.{where}", density
        ),
        Claim(f"D2{suffix}", SOURCE, f"Disagreement between members of an ensemble finds them.{where}", auroc),
    )


CLAIMS = claims_on(KINDS)
