"""Inputs of a class that was never seen: do the draws' predictions tell them from known ones?

Scores of uncertainty are compared between the data set's novel inputs and its test set: AUROC, AUPR and the share of
known inputs that are flagged where 95% of the novel ones are (FPR at 95% TPR). A threshold at a quantile of the same
score on validation data, which hold no novel input, says what filtering would find.
"""

from dataclasses import dataclass

import numpy as np

from bnnbench.base.settings import Count, ProperShare
from bnnbench.metrics import Predictions, aupr, auroc, fpr_at_95_tpr
from bnnbench.metrics.density._densities import Densities
from bnnbench.probes._base import Probe, Reading, evenly


def scores(p: Predictions | Densities) -> dict[str, np.ndarray]:
    """Scores of uncertainty by name, high where uncertain; `nll` is that of the predicted class, or of a density's
    point."""
    if isinstance(p, Densities):
        return p.novelty_scores
    return {
        "predictive_entropy": p.predictive_entropy,
        "mutual_information": p.mutual_information,
        "total_variance": p.total_variance,
        "nll": -np.log(np.maximum(p.mean_proba.max(1), np.finfo(float).tiny)),
    }


@dataclass(frozen=True)
class Novelty(Probe):
    """At most `inputs` of each kind, read with `draws` draws; flagged above the `quantile` of validation data."""

    inputs: Count = 5000
    draws: Count = 100
    quantile: ProperShare = 0.95

    def run(self, cell, data, seed):
        if not data.novel:
            raise ValueError(f"data set {data.name!r} has no novel inputs: give it the option 'without' or 'strangers'")
        validation = data.split(seed)[2] * np.float32(data.x_divisor)
        known, usual = (
            scores(cell.predictions(x[evenly(len(x), self.inputs)], self.draws)) for x in (data.x_test, validation)
        )
        for kind, x in data.novel.items():
            new = scores(cell.predictions(x[evenly(len(x), self.inputs)], self.draws))
            for name in new:
                score = np.concatenate([known[name], new[name]])
                flags = np.repeat([False, True], [len(known[name]), len(new[name])])
                flagged = score > np.quantile(usual[name], self.quantile)
                found = {
                    "auroc": auroc(score, flags),
                    "aupr": aupr(score, flags),
                    "fpr_at_95_tpr": fpr_at_95_tpr(score, flags),
                    "recall": flagged[flags].mean(),
                    "precision": flags[flagged].mean() if flagged.any() else np.nan,
                    "mean_novel": new[name].mean(),
                    "mean_known": known[name].mean(),
                }
                for metric, value in found.items():
                    yield Reading(f"{kind}/{name}", self.quantile, metric, float(value))


PROBE = Novelty
