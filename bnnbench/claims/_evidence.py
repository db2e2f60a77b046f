"""Claims on the evidence: whether it chooses the model that predicts best, and whether the ELBO stands in for it."""

import numpy as np

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure
from bnnbench.evaluation.evidences import FEWEST, elbos, evidences, rank_correlations
from bnnbench.evaluation.results import Results
from bnnbench.plots.sentences import count

SOURCE = "Lecture slides on variational inference: ln p(X) = ELBO + KL, the evidence being called intractable"
PAGE = "study-{study}.html#figure-"


def evidence_ranks_nll(results: Results, study: str) -> Measured:
    """Spearman's correlation of log evidence and -NLL of the models' exact posteriors, mean over data sets."""
    table = evidences(results, study)
    found = rank_correlations(table.assign(fit=-table.nll), "log_evidence", "fit")
    return Measured.over(found, _over(table, found))


def elbo_ranks_evidence(inference: str) -> Measure:
    """Spearman's correlation of a method's ELBO and the log evidence over models, mean over data sets."""

    def measure(results: Results, study: str) -> Measured:
        table = elbos(results, study, inference)
        found = rank_correlations(table, "log_evidence", "elbo")
        return Measured.over(found, _over(table, found))

    return measure


def _over(table, found) -> str:
    values = found.to_numpy()
    values = values[~np.isnan(values)]
    models = table.groupby(["dataset", "seed"]).size()
    models = models[models >= FEWEST]
    return (
        f"Over {models.min()} to {models.max()} models whose reference passed its gate, on "
        f"{count(len(found), 'data set')}; single correlations between {values.min():.2f} and {values.max():.2f}."
    ).replace("-0.", "−0.")


CLAIMS = (
    Claim(
        "E1", SOURCE, "The model with the highest evidence has the lowest test NLL.",
        (
            Statistic("rank correlation over models of log evidence and −NLL of the exact posterior", "above", 0.5,
                      evidence_ranks_nll, PAGE + "evidence-nll"),
        ),
    ),
    Claim(
        "E2", SOURCE, "The ELBO ranks priors as the evidence does.",
        (
            Statistic("rank correlation over models of ELBO and log evidence, mean field", "above", 0.5,
                      elbo_ranks_evidence("mean_field"), PAGE + "kl"),
            Statistic("rank correlation over models of ELBO and log evidence, full rank", "above", 0.5,
                      elbo_ranks_evidence("full_rank"), PAGE + "kl", True),
            Statistic("rank correlation over models of ELBO and log evidence, Laplace approximation", "above", 0.5,
                      elbo_ranks_evidence("laplace_approximation"), PAGE + "kl", True),
        ),
    ),
)  # fmt: skip
