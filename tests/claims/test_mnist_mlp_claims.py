"""The claims on wide perceptrons, from tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from bnnbench.claims import of_study, verdicts
from bnnbench.results import Results

STUDY = "mnist-mlp"
NORMAL = [("normal", "fixed", s, "mean_field") for s in (0.03, 0.1)]
LEARNED = ("normal", "half_normal", np.nan, "mean_field")
COLUMNS = ["study", "dataset", "network", "prior", "hyperprior", "scale", "inference", "recipe", "seed", "split",
           "metric", "value"]  # fmt: skip


def hand_made(unit=(0.90, 0.93), sane=(0.975, 0.98, 0.979), near=(0.94, 0.92), wide=(0.984, 0.9835, 0.981)) -> Results:
    """Accuracies: from the unit start (0.1, learned), from a sane one (0.03, 0.1, learned), near the ELBO's maximum
    (0.1, learned), and of wide networks (scale mixture, dropout, maximum likelihood). Validation prefers scale 0.1."""
    rows = []

    def add(network, model, recipe, value):
        for seed in range(3):
            rows.append((STUDY, "mnist", network, *model, recipe, seed, "test", "accuracy", value + 1e-5 * seed))

    for model, value in zip((NORMAL[1], LEARNED), unit, strict=True):
        add("tanh-800", model, "as_source", value)
    for model, value in zip((NORMAL[1], LEARNED), near, strict=True):
        add("tanh-800", model, "near_maximum", value)
    for model, value in zip((*NORMAL, LEARNED), sane, strict=True):
        add("tanh-800", model, "", value)
    methods = [("scale_mixture", "fixed", 1.0, "mean_field"), ("flat", "fixed", np.nan, "mc_dropout"),
               ("flat", "fixed", np.nan, "mle")]  # fmt: skip
    for network in ("relu-400", "relu-800", "relu-1200"):
        for model, value in zip(methods, wide, strict=True):
            add(network, model, "", value)
    table = pd.DataFrame(rows, columns=COLUMNS)
    chosen = {"study": STUDY, "dataset": "mnist", "network": "tanh-800", "prior": "normal", "inference": "mean_field"}
    made = Results("made by hand")
    made.__dict__.update(metrics=table, probes=table[:0].assign(probe=""))
    made.__dict__["tuned"] = pd.DataFrame([chosen | {"recipe": "", "scale": 0.1, "validation_nll": 0.1}])
    return made


def verdict(results, claim_id):
    (claim,) = (c for c in of_study(STUDY) if c.id == claim_id)
    return {v.part: (v.verdict, v.effect) for v in verdicts(claim, results, STUDY)}


def test_learned_scales_are_compared_from_all_starts_and_with_the_tuned_scale():
    found = verdict(hand_made(), "W1")
    assert {part: effect for part, (_, effect) in found.items()} == pytest.approx(
        {"a": 3.0, "b": -0.1, "c": -2.0, "d": -0.1}
    )
    assert [found[part][0] for part in "abcd"] == ["reproduced", *["not reproduced"] * 3]
    assert verdict(hand_made(sane=(0.975, 0.98, 0.985)), "W1")["b"] == ("reproduced", pytest.approx(0.5))


def test_scales_of_each_layer_are_compared_with_one_for_all_by_their_nll():
    results = hand_made()
    rows = results.metrics[results.metrics.hyperprior.eq("half_normal") & results.metrics.recipe.eq("")]
    by_layer = rows.assign(metric="nll", value=0.07 + 1e-4 * rows.seed)
    shared = by_layer.assign(hyperprior="shared_half_normal", value=0.08)
    results.__dict__["metrics"] = pd.concat([results.metrics, by_layer, shared])
    assert verdict(results, "W2") == {"a": ("reproduced", pytest.approx(-0.0099))}
    assert verdict(hand_made(), "W2")["a"][0] == "undecided"


def test_bayes_by_backprop_has_to_beat_sgd_and_be_as_good_as_dropout_at_each_width():
    found = verdict(hand_made(), "B1")
    assert list(found) == list("abcdefghi")
    assert [found[p][1] for p in "abc"] == pytest.approx([-0.3, -0.05, -0.05])
    assert {v for v, _ in found.values()} == {"reproduced"}
    far_better = verdict(hand_made(wide=(0.99, 0.9835, 0.981)), "B1")
    assert far_better["b"][0] == "not reproduced" and far_better["c"][0] == "reproduced"


def test_pruning_costs_are_errors_with_weights_removed_minus_those_with_none():
    results = hand_made()
    facts = dict(
        zip(COLUMNS[:8], (STUDY, "mnist", "relu-1200", "scale_mixture", "fixed", 1.0, "mean_field", ""), strict=True)
    )
    rows = [
        facts | {"seed": seed, "level": level, "value": value + 1e-5 * seed}
        for seed in range(3)
        for level, value in ((0.0, 0.985), (0.75, 0.9848), (0.95, 0.98))
    ]
    readings = pd.DataFrame(rows).assign(probe="pruning", metric="accuracy", variable="signal_to_noise-mean")
    results.__dict__["probes"] = readings
    found = verdict(results, "B2")
    assert found["a"] == ("reproduced", pytest.approx(0.02)) and found["b"] == ("not reproduced", pytest.approx(0.5))
    assert set(found) == {"a", "b"}  # the control was not run


def test_what_was_not_run_is_undecided():
    assert verdict(hand_made(), "B2")["a"][0] == "undecided"
