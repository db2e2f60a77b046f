"""The overview's findings: one for many of a kind, the control left out."""

from bnnbench.report.estimates import Estimate
from bnnbench.report.findings import Finding
from bnnbench.report.headlines import headlines


def finding(method, mean, label="lower test NLL", verdict="clear", topic="Against the plain network", pairs=6):
    effect = Estimate(mean, mean - 0.01, mean + 0.01, 5)
    return Finding(topic, f"{method} with a prior − plain network", f"{method}.", effect, verdict, label, pairs)


def test_few_findings_stand_for_themselves():
    found = [finding("SWAG", -0.1), finding("MAP", -0.2)]
    assert headlines(found) == found


def test_many_are_summed_up_with_every_method_under_its_own_verdict():
    found = [finding(m, -0.1 * i) for i, m in enumerate(("SWAG", "SGLD", "HMC"), 1)]
    found += [finding("MAP", 0.0, "no clear difference", "unclear"), finding("MLE", 0.2, "higher test NLL")]
    (one,) = headlines(found)
    assert one.label == "4 of 5 clear"
    assert "Lower test NLL: HMC, SGLD and SWAG; no clear difference: MAP; higher test NLL: MLE" in one.sentence
    assert "The lowest: HMC, −0.300 nats" in one.sentence and "pair" not in one.sentence


def test_the_lowest_of_methods_that_were_compared_on_different_models_is_named_with_its_pairs():
    found = [finding(m, -0.1 * i, pairs=i) for i, m in enumerate(("SWAG", "SGLD", "HMC", "MLE"), 1)]
    (one,) = headlines(found)
    assert "over 4 pairs (each method has its own: 1 to 4)" in one.sentence


def test_methods_against_map_are_of_one_kind_for_each_metric():
    found = [finding(m, -0.1, topic=f"{m} or MAP? {metric}") for m in "ABCD" for metric in ("NLL", "ECE")]
    assert [h.topic for h in headlines(found)] == ["Against MAP, NLL", "Against MAP, ECE"]


def test_the_control_one_seed_and_parts_make_no_headline():
    shown = finding("MAP", -0.1)
    assert headlines([shown, finding("prior only", 0.2), finding("HMC", -0.2, "one seed", "single")]) == [shown]


def test_one_seed_is_summed_up_by_side_and_says_that_it_is_one():
    found = [finding(m, mean, "one seed", "single") for m, mean in zip("ABCD", (-0.1, 0.1, -0.2, 0.3), strict=True)]
    (one,) = headlines(found)
    assert "Lower in the one seed: C and A; higher in the one seed: B and D" in one.sentence
    assert one.label == "0 of 4 clear"
