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
SIMPLER, OTHER = "dim", "others"
KINDS = {SIMPLER: "dimmed images", OTHER: "other digits"}
FIGURE = "notebooks/{study}.html#Scores-of-novelty"


def reading(results: Results, study: str, inference: str, kind: str, score: str, metric: str):
    """A reading of the probe `novelty` by seed, of the model that validation data chose."""
    table = chosen_readings(results, study, "novelty", inference)
    table = table[(table.variable == f"{kind}/{score}") & (table.metric == metric) & (table.recipe == "")]
    return wide(table, ["dataset", "network"])


def excess_density(inference: str, kind: str) -> Measure:
    """Mean log density of novel images above that of known ones, nats."""

    def measure(results: Results, study: str) -> Measured:
        known, novel = (reading(results, study, inference, kind, "nll", f"mean_{of}") for of in ("known", "novel"))
        return Measured.over(known - novel, f"Of {KINDS[kind]}, by {method_name(inference)}.")

    return measure


def gain(inference: str, kind: str) -> Measure:
    """AUROC of the density lowered by its variance over draws, minus that of the density alone."""

    def measure(results: Results, study: str) -> Measured:
        waic, nll = (reading(results, study, inference, kind, score, "auroc") for score in ("waic", "nll"))
        note = f"AUROC {nll.mean(axis=None):.3f} by density alone, {waic.mean(axis=None):.3f} with its variance."
        return Measured.over(waic - nll, note)

    return measure


def _statistics(words: str, measure, margin: float, unit: str, lead: tuple[str, str]) -> tuple[Statistic, ...]:
    pairs = [(method, kind) for kind in KINDS for method in ("map", "ensemble", "mean_field")]
    pairs.sort(key=lambda pair: pair != lead)
    return tuple(
        Statistic(f"{words}, {KINDS[kind]}, {method_name(method)}", "above", margin, measure(method, kind), FIGURE,
                  beside=(method, kind) != lead, unit=unit)
        for method, kind in pairs
    )  # fmt: skip


CLAIMS = (
    Claim("D1", SOURCE, "Images of a simpler kind are more probable than those trained on.",
          _statistics("log density above that of known images", excess_density, 0.0, "nats", ("map", SIMPLER))),
    Claim("D2", SOURCE, "Disagreement between members of an ensemble finds them.",
          _statistics("gain in AUROC", gain, 0.0, "", ("ensemble", SIMPLER))),
)  # fmt: skip
