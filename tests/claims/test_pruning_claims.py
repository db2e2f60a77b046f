"""The claims on Bayes by Backprop and pruning, from tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from bnnbench.claims import of_study, overall, verdicts
from bnnbench.evaluation.results import Results

STUDY = "pruning"
COLUMNS = ["study", "dataset", "network", "likelihood", "prior", "hyperprior", "scale", "inference", "recipe", "seed",
           "split", "metric", "value"]  # fmt: skip
MIXTURE = ("scale_mixture", "fixed", 1.0, "mean_field", "")
DROPOUT, PLAIN = (("flat", "fixed", np.nan, method, "") for method in ("mc_dropout", "mle"))


def hand_made(mixture=0.984, dropout=0.9835, plain=0.981) -> Results:
    """Accuracies of three methods on networks of three widths, three seeds."""
    rows = [
        (STUDY, "mnist", network, "", *model, seed, "test", "accuracy", value + 1e-5 * seed)
        for network in ("relu-400", "relu-800", "relu-1200")
        for model, value in ((MIXTURE, mixture), (DROPOUT, dropout), (PLAIN, plain))
        for seed in range(3)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).assign(likelihood="")
    made = Results("made by hand")
    made.__dict__.update(metrics=table, tuned=table[:0], probes=table[:0].assign(probe=""))
    return made


def pruned(model, network, order, by_share) -> pd.DataFrame:
    """Readings of the pruning probe: accuracy by share removed."""
    facts = dict(zip(COLUMNS[:9], (STUDY, "mnist", network, "", *model), strict=True))
    rows = [
        facts | {"seed": seed, "level": share, "value": value + 1e-5 * seed}
        for seed in range(3)
        for share, value in by_share.items()
    ]
    return pd.DataFrame(rows).assign(likelihood="", probe="pruning", metric="accuracy", variable=f"{order}-mean")


def verdict(results, claim_id):
    (claim,) = (c for c in of_study(STUDY) if c.id == claim_id)
    return {v.part: (v.verdict, v.effect) for v in verdicts(claim, results, STUDY)}


def test_bayes_by_backprop_has_to_beat_sgd_and_be_as_good_as_dropout_at_each_width():
    found = verdict(hand_made(), "B1")
    assert list(found) == list("abcdefghi")
    assert [found[p][1] for p in "abc"] == pytest.approx([-0.3, -0.05, -0.05])
    assert {v for v, _ in found.values()} == {"reproduced"}
    far_better = verdict(hand_made(mixture=0.99), "B1")
    assert far_better["b"][0] == "not reproduced" and far_better["c"][0] == "reproduced"


def test_pruning_costs_are_errors_with_weights_removed_minus_those_with_none_at_each_width():
    results = hand_made()
    results.__dict__["probes"] = pd.concat(
        [
            pruned(MIXTURE, "relu-1200", "signal_to_noise", {0.0: 0.985, 0.75: 0.9848, 0.95: 0.98}),
            pruned(MIXTURE, "relu-1200", "magnitude", {0.0: 0.985, 0.75: 0.984, 0.95: 0.98}),
            pruned(PLAIN, "relu-400", "magnitude", {0.0: 0.983, 0.75: 0.978, 0.95: 0.8}),
        ]
    )
    found = verdict(results, "B2")
    assert found["e"] == ("reproduced", pytest.approx(0.02)) and found["f"] == ("not reproduced", pytest.approx(0.5))
    assert found["k"][1] == pytest.approx(0.1) and found["l"][1] == pytest.approx(0.5)  # the same weights by size
    assert "g" not in found and found["s"] == ("not reproduced", pytest.approx(0.5))  # the plain network at 400
    assert not set("abcd") & set(found)  # the narrower networks stand beside the claim, and were not pruned


def test_the_width_of_the_source_decides_on_pruning():
    results, mild = hand_made(), {0.0: 0.985, 0.75: 0.9848, 0.95: 0.984}
    harsh = {0.0: 0.985, 0.75: 0.9, 0.95: 0.8}
    tables = [pruned(MIXTURE, width, "signal_to_noise", by) for width, by in (("relu-400", harsh), ("relu-1200", mild))]
    results.__dict__["probes"] = pd.concat(tables)
    (claim,) = (c for c in of_study(STUDY) if c.id == "B2")
    found = verdicts(claim, results, STUDY)
    assert {v.verdict for v in found if "relu-400" in v.statistic} == {"not reproduced"}
    assert overall([v.verdict for v in found if not v.beside]) == "reproduced"


def test_what_was_not_run_is_undecided():
    found = verdict(hand_made(), "B2")
    assert {v for v, _ in found.values()} == {"undecided"} and len(found) == 2
