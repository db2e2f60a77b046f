"""The claims on learned scales of a wide perceptron, from tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from bnnbench.claims import of_study, verdicts
from bnnbench.evaluation.results import Results

STUDY = "mnist-mlp"
NORMAL = [("normal", "fixed", s, "mean_field") for s in (0.03, 0.1)]
LEARNED = ("normal", "half_normal", np.nan, "mean_field")
COLUMNS = ["study", "dataset", "network", "prior", "hyperprior", "scale", "inference", "recipe", "seed", "split",
           "metric", "value"]  # fmt: skip


def hand_made(unit=(0.90, 0.93), sane=(0.975, 0.98, 0.979), near=(0.94, 0.92)) -> Results:
    """Accuracies: from the unit start (0.1, learned), from a sane one (0.03, 0.1, learned), near the ELBO's maximum
    (0.1, learned). Validation prefers scale 0.1."""
    rows = []

    def add(model, recipe, value):
        for seed in range(3):
            rows.append((STUDY, "mnist", "tanh-800", *model, recipe, seed, "test", "accuracy", value + 1e-5 * seed))

    for model, value in zip((NORMAL[1], LEARNED), unit, strict=True):
        add(model, "as_source", value)
    for model, value in zip((NORMAL[1], LEARNED), near, strict=True):
        add(model, "near_maximum", value)
    for model, value in zip((*NORMAL, LEARNED), sane, strict=True):
        add(model, "", value)
    table = pd.DataFrame(rows, columns=COLUMNS).assign(likelihood="")
    chosen = {"study": STUDY, "dataset": "mnist", "network": "tanh-800", "prior": "normal", "inference": "mean_field"}
    made = Results("made by hand")
    made.__dict__["metrics"] = table
    made.__dict__["tuned"] = pd.DataFrame(
        [chosen | {"likelihood": "", "recipe": "", "scale": 0.1, "validation_nll": 0.1}]
    )
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


def test_a_scale_that_had_no_rival_is_not_a_tuned_one():
    results = hand_made()
    results.__dict__["metrics"] = results.metrics[results.metrics.scale != 0.03]
    found = verdict(results, "W1")
    assert found["b"][1] == pytest.approx(-0.1) and found["d"][0] == "undecided"
    results = hand_made()
    results.__dict__["metrics"] = results.metrics.query("scale != 0.03 or seed != 0")  # the rival failed on one seed
    assert verdict(results, "W1")["d"][0] == "undecided"


def test_scales_of_each_layer_are_compared_with_one_for_all_by_their_nll():
    results = hand_made()
    rows = results.metrics[results.metrics.hyperprior.eq("half_normal") & results.metrics.recipe.eq("")]
    by_layer = rows.assign(metric="nll", value=0.07 + 1e-4 * rows.seed)
    shared = by_layer.assign(hyperprior="shared_half_normal", value=0.08)
    results.__dict__["metrics"] = pd.concat([results.metrics, by_layer, shared])
    assert verdict(results, "W2") == {"a": ("reproduced", pytest.approx(-0.0099))}
    assert verdict(hand_made(), "W2")["a"][0] == "undecided"
