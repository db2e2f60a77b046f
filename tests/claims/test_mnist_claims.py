"""The claims on MNIST, from tables made by hand in which every answer is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bnnbench.claims import mnist, of_study, verdicts
from bnnbench.evaluation.results import Results

FIXED = ("normal", "fixed", 1.0, "mean_field")
LEARNED = ("normal", "half_normal", np.nan, "mean_field")
PLAIN = ("flat", "fixed", np.nan, "map")

VALUES = {
    FIXED: {
        "accuracy": 0.98, "nll": 0.05, "total_variance_wrong": 0.3, "total_variance_right": 0.1,
        "wrong_unanimous_per_10000": 4,
        "chi_square_label_per_draw_wrong": 3.0, "chi_square_label_per_draw_right": 8.0,
        "auroc_total_variance": 0.95, "auroc_chi_square_label": 0.96, "auroc_chi_square_argmax": 0.9,
        "auroc_chi_square_values": 0.8, "auroc_max_probability": 0.97,
        **{f"total_variance_class_{c}": 0.02 if c in (2, 7, 8, 9) else 0.01 for c in range(10)},
    },
    LEARNED: {"accuracy": 0.99, "nll": 0.04},
    PLAIN: {"auroc_max_probability": 0.94},
}  # fmt: skip


def hand_made(changes=()) -> Results:
    """Tables of one network on three seeds, which differ a little; `changes` are (model, metric, value)."""
    values = {model: dict(metrics) for model, metrics in VALUES.items()}
    for model, metric, value in changes:
        values[model][metric] = value
    rows = [
        ("mnist", "mnist", "net", *model, "", seed, "test", metric, value * (1 + 1e-4 * seed))
        for model, metrics in values.items()
        for metric, value in metrics.items()
        for seed in range(3)
    ]
    columns = ["study", "dataset", "network", "prior", "hyperprior", "scale", "inference", "recipe", "seed", "split",
               "metric", "value"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).assign(likelihood="")
    made = Results("made by hand")
    made.__dict__["probes"] = table[:0].assign(probe="")
    made.__dict__.update(metrics=table, tuned=table[:0])  # one scale only, so none was chosen
    return made


def verdict(results: Results, claim_id: str) -> dict[str, tuple[str, float]]:
    (claim,) = (c for c in of_study("mnist") if c.id == claim_id)
    return {v.part: (v.verdict, v.effect) for v in verdicts(claim, results, "mnist")}


def test_variance_of_errors_and_of_classes():
    found = verdict(hand_made(), "Z5")
    assert found["a"] == ("reproduced", pytest.approx(3.0)) and found["b"][0] == "reproduced"
    assert verdict(hand_made([(FIXED, "total_variance_wrong", 0.15)]), "Z5")["a"][0] == "not reproduced"
    assert verdict(hand_made(), "Z6")["a"] == ("reproduced", pytest.approx(0.01, rel=1e-3))


@pytest.mark.parametrize(("number", "expected"), [(4, {"reproduced"}), (0, {"not reproduced", "reproduced"}),
                                                  (11, {"reproduced", "not reproduced"})])  # fmt: skip
def test_certain_errors_are_a_few(number, expected):
    found = verdict(hand_made([(FIXED, "wrong_unanimous_per_10000", number)]), "Z7")
    assert {v for v, _ in found.values()} == expected


def test_votes_are_compared_with_the_plain_networks_largest_probability_seed_by_seed():
    found = verdict(hand_made(), "W3")
    effects = [found[part][1] for part in "bcdef"]
    assert effects == pytest.approx([0.02, -0.04, -0.14, 0.01, 0.03], abs=1e-4)
    assert found["a"] == ("reproduced", pytest.approx(-5, rel=1e-3))
    assert found["b"][0] == "reproduced" and found["c"][0] == "not reproduced"


def test_learned_scales_against_fixed_ones_in_points():
    assert verdict(hand_made(), "W4")["a"] == ("not reproduced", pytest.approx(-1.0, rel=1e-3))
    worse = hand_made([(LEARNED, "accuracy", 0.95), (LEARNED, "nll", 0.2)])
    found = verdict(worse, "W4")
    assert found["a"] == ("reproduced", pytest.approx(3.0, rel=1e-3)) and found["b"][0] == "reproduced"
    (claim,) = (c for c in of_study("mnist") if c.id == "W4")
    accuracy, nll = (v.note for v in verdicts(claim, worse, "mnist"))
    assert accuracy.endswith("98.01, 95.01.") and "-" not in nll.split(": ")[1]


def test_what_was_not_run_is_undecided_with_a_reason():
    results = hand_made()
    results.__dict__["metrics"] = results.metrics[results.metrics.prior != "flat"]
    (claim,) = (c for c in mnist.CLAIMS if c.id == "W3")
    row = verdicts(claim, results, "mnist")[1]
    assert row.verdict == "undecided" and row.n_seeds == 0 and "flat" in row.note


def test_of_several_fixed_scales_the_tuned_one_is_judged_and_named():
    results = hand_made()
    table = results.metrics
    worse = table[(table.scale == 1) & (table.inference == "mean_field")].assign(scale=0.2)
    worse["value"] = np.where(worse.metric == "total_variance_wrong", 9.0, worse.value)
    both = pd.concat([table, worse])
    key = {"study": "mnist", "dataset": "mnist", "network": "net", "prior": "normal", "inference": "mean_field"}
    for scale, ratio in ((1.0, 3.0), (0.2, 90.0)):
        tuned = pd.DataFrame([key | {"likelihood": "", "recipe": "", "scale": scale, "validation_nll": 0.1}])
        results.__dict__.update(metrics=both, tuned=tuned)
        assert verdict(results, "Z5")["a"][1] == pytest.approx(ratio, rel=1e-3)
        (claim,) = (c for c in of_study("mnist") if c.id == "Z5")
        note = verdicts(claim, results, "mnist")[0].note
        assert note.startswith(f"Mean field, normal, scale {scale:g}, net"), note


def test_a_turned_digit_is_warned_of_where_its_entropy_rises_at_a_smaller_angle_than_its_first_misreading():
    entropy = {"early": (0, 2, 2, 2), "late": (0, 0, 0, 2), "never": (0, 0, 0, 0), "same": (0, 0, 2, 2)}
    misread = {"early": (0, 0, 1, 1), "late": (0, 1, 1, 1), "never": (0, 0, 1, 0), "same": (0, 0, 1, 1)}
    entropy["fine"], misread["fine"] = (0, 2, 2, 2), (0, 0, 0, 0)
    rows = [
        (image, angle, metric, values[i])
        for metric, table in (("predictive_entropy", entropy), ("misread", misread))
        for image, values in table.items()
        for i, angle in enumerate((0, 60, 120, 180))
    ]
    facts = {"id": "x", "study": "mnist", "dataset": "mnist", "network": "net", "recipe": "", "probe": "rotation",
             "prior": "normal", "hyperprior": "fixed", "scale": 1.0, "inference": "mean_field"}  # fmt: skip
    table = pd.DataFrame(rows, columns=["variable", "level", "metric", "value"]).assign(likelihood="", **facts)
    results = hand_made()
    untuned = table.assign(scale=0.2, value=lambda t: np.where(t.metric == "predictive_entropy", 2.0, t.value))
    results.__dict__["probes"] = pd.concat([t.assign(seed=s) for t in (table, untuned) for s in range(3)])
    chosen = {"study": "mnist", "dataset": "mnist", "network": "net", "prior": "normal", "inference": "mean_field"}
    results.__dict__["tuned"] = pd.DataFrame(
        [chosen | {"likelihood": "", "recipe": "", "scale": 1.0, "validation_nll": 0.1}]
    )
    sure = SimpleNamespace(mean_proba=np.tile([0.9, 0.1], (100, 1)))
    object.__setattr__(results, "predictions", lambda cell_id: sure)
    found = mnist.warned_before_misread("mean_field")(results, "mnist")
    assert found.by_seed == pytest.approx([0.25] * 3)  # one of the four that are misread at some angle
    assert verdict(results, "G1")["a"][0] == "not reproduced" and "b" not in verdict(results, "G1")
    of_plain = table.assign(prior="flat", inference="map", scale=np.nan)
    with_plain = pd.concat([results.probes, *(of_plain.assign(seed=s) for s in range(3))])
    results.__dict__["probes"] = with_plain
    assert verdict(results, "G1") == {"a": verdict(results, "G1")["a"], "e": ("not reproduced", pytest.approx(0.25))}
    results.__dict__["probes"] = results.probes[results.probes.scale == 0.2]  # the scale that was not chosen, alone
    assert verdict(results, "G1")["a"][0] == "undecided"


def test_a_warning_is_an_entropy_above_that_of_19_in_20_upright_images():
    """.5 nats is more than the middle image's entropy and less than the 95th of 100."""
    proba = np.tile([0.9, 0.1], (100, 1))
    proba[:10] = 0.5  # ten images of .69 nats
    results = SimpleNamespace(predictions=lambda cell_id: SimpleNamespace(mean_proba=proba))

    def share(entropy):
        rows = [("a", angle, metric, value) for metric, values in
                (("predictive_entropy", (0.1, entropy, entropy)), ("misread", (0, 0, 1)))
                for angle, value in zip((0, 60, 120), values, strict=True)]  # fmt: skip
        return mnist._share_warned(
            results, pd.DataFrame(rows, columns=["variable", "level", "metric", "value"]).assign(likelihood="", id="x")
        )

    assert share(0.5) == 0 and share(0.7) == 1
