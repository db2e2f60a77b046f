"""The claims on pretrained weights, from tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from bnnbench.claims import of_study, verdicts
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.evaluation.transfer import differences, images_of

COLUMNS = ["study", "dataset", "network", "likelihood", "prior", "hyperprior", "scale", "inference", "recipe", "seed",
           "split", "metric", "value"]  # fmt: skip
GAINS = {10: 0.4, 100: 0.2, 1000: 0.05}


def hand_made(gains=GAINS, inference="mean_field") -> Results:
    """NLLs of the plain prior at 1, and of the informed one at 1 less the gain, on three seeds that differ a little."""
    rows = [
        ("transfer", f"digits-5-to-9-n-{n}", "net", "", prior, "fixed", 1.0, inference, "", seed, "test", "nll", value)
        for n, gain in gains.items()
        for seed in range(3)
        for prior, value in (("normal", 1 + seed), ("informed", 1 + seed - gain - 0.001 * seed))
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    made = Results("made by hand")
    made.__dict__.update(metrics=table, tuned=table[:0], probes=table[:0].assign(probe=""))
    return made


def verdict(results, claim_id):
    (claim,) = (c for c in of_study("transfer") if c.id == claim_id)
    return {v.part: (v.verdict, v.effect) for v in verdicts(claim, results, "transfer")}


def test_the_informed_prior_has_to_win_where_it_wins_least():
    assert verdict(hand_made(), "T1") == {"a": ("reproduced", pytest.approx(-0.051))}
    lost = verdict(hand_made(GAINS | {1000: -0.02}), "T1")
    assert lost["a"] == ("not reproduced", pytest.approx(0.019))


def test_the_gain_shrinks_by_its_slope_in_the_logarithm():
    found, effect = verdict(hand_made(), "T2")["a"]
    assert found == "reproduced" and effect == pytest.approx(-0.175)
    assert verdict(hand_made({10: 0.1, 1000: 0.3}), "T2")["a"] == ("not reproduced", pytest.approx(0.1))


def test_other_methods_stand_beside_and_both_studies_are_judged():
    assert list(verdict(hand_made(inference="swag"), "T2")) == ["a", "e"]
    assert [claim.id for claim in of_study("transfer-mnist")] == ["T1", "T2"]


def test_only_numbers_of_images_that_both_priors_have_are_compared():
    assert images_of("fashion_mnist-n-50") == ("fashion_mnist", 50) and images_of("digits") == ("digits", None)
    results = hand_made()
    table = results.metrics
    few = (table.prior == "informed") & (table.dataset == "digits-5-to-9-n-10")
    results.__dict__["metrics"] = table[~few]
    assert list(differences(results, "transfer", "mean_field").index.get_level_values("images")) == [100, 1000]
    with pytest.raises(NothingToDraw):
        differences(results, "transfer", "mean_field", "relative")
    assert np.isfinite(differences(results, "transfer", "mean_field")).all(axis=None)
