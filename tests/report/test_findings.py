import math

import numpy as np
import pandas as pd
import pytest
from spoiling import edit

from bnnbench.evaluation.results import Results, load_results
from bnnbench.report import findings, leaderboard
from bnnbench.report.estimates import Estimate, by_seed, comparable, without_controls
from bnnbench.study.cells import COORDINATES

NAMES = {("map", ""): "MAP", ("mean_field", ""): "mean field"}
KINDS = {  # entry: (prior, hyperprior, scale, inference), test NLL above the seed's own level
    ("normal", "fixed", 1.0, "map"): 0.10,
    ("normal", "fixed", 10.0, "map"): 0.30,
    ("normal", "half_normal", math.nan, "map"): 0.06,
    ("flat", "fixed", math.nan, "map"): 0.20,
    ("normal", "fixed", 1.0, "mean_field"): 0.11,
    ("normal", "fixed", 10.0, "mean_field"): 0.12,
    ("normal", "half_normal", math.nan, "mean_field"): 0.12,
    ("flat", "fixed", math.nan, "mean_field"): 0.21,
}


def table(n_seeds: int, noise: float = 0.001) -> pd.DataFrame:
    """NLL of KINDS on two data sets; a level that all entries of a seed share, and noise that they do not."""
    rng, rows = np.random.default_rng(0), []
    for dataset in ("a", "b"):
        for seed in range(n_seeds):
            level = rng.normal(0.5, 0.1)
            for (prior, hyperprior, scale, inference), value in KINDS.items():
                where = ("s", dataset, "net", "", prior, hyperprior, scale, inference, "", seed)
                for split in ("validation", "test"):
                    nll = level + value + noise * rng.standard_normal()
                    rows.append(
                        dict(zip(COORDINATES, where, strict=True)) | {"split": split, "metric": "nll", "value": nll}
                    )
    return pd.DataFrame(rows)


TUNED = pd.DataFrame(
    [
        {
            "dataset": d,
            "network": "net",
            "likelihood": "",
            "prior": "normal",
            "inference": i,
            "recipe": "",
            "scale": 1.0,
        }
        for d in "ab"
        for i in ("map", "mean_field")
    ]
)


def made_of(metrics: pd.DataFrame) -> Results:
    """Results with these metrics, and without references."""
    made = Results("made by hand")
    made.__dict__.update(
        metrics=metrics.assign(id=""), references=pd.DataFrame({"id": [], "passed": pd.Series([], dtype=bool)})
    )
    return made


def chosen(metrics: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    nll = without_controls(by_seed(made_of(metrics), "s", "nll"))
    return nll, comparable(nll, TUNED), TUNED


def test_a_clear_difference_is_paired_and_named_with_its_interval():
    pooled, detail, *_ = findings.learned_or_set(*chosen(table(5)), NAMES)
    assert pooled.effect.mean == pytest.approx(-0.04, abs=0.002)  # levels cancel: only paired seeds show this
    assert (pooled.verdict, pooled.label, pooled.n_seeds, pooled.provisional) == ("clear", "lower test NLL", 5, True)
    assert "MAP" in pooled.sentence and "lower test NLL than the fixed scale tuned" in pooled.sentence
    assert "−0.04" in pooled.sentence and "95% interval" in pooled.sentence
    assert detail.detail and "half-normal" in detail.subject


def test_an_interval_that_covers_zero_is_no_clear_difference():
    pooled = findings.learned_or_set(*chosen(table(5, noise=0.3)), NAMES)[0]
    assert pooled.effect.covers_zero
    assert (pooled.verdict, pooled.label) == ("unclear", "no clear difference")
    assert "no clear difference" in pooled.sentence


def test_one_seed_gives_no_interval_and_no_claim():
    for finding in findings.learned_or_set(*chosen(table(1)), NAMES):
        assert (finding.verdict, finding.label, finding.n_seeds) == ("single", "one seed", 1)
        assert "no interval" in finding.sentence and "in the one seed" in finding.sentence


def test_ten_seeds_are_not_provisional():
    assert not findings.learned_or_set(*chosen(table(10)), NAMES)[0].provisional


def test_a_method_is_compared_with_map_at_its_own_tuned_scale():
    reference = chosen(table(5))[1]
    pooled, *parts = findings.against_point(reference, "NLL", "test NLL", "nats", NAMES)
    assert pooled.effect.mean == pytest.approx((0.01 + 0.06 + 0.01) / 3, abs=0.002)
    assert [p.detail for p in parts] == [True, True]  # the two data sets; one network needs no part of its own


def test_priors_are_compared_with_the_plain_network():
    reference = chosen(table(5))[1]
    of_map = findings.against_plain(reference, NAMES)[0]
    assert of_map.effect.mean == pytest.approx((-0.10 - 0.14) / 2, abs=0.002)
    assert "plain network" in of_map.sentence


def test_sensitivity_takes_both_scales_from_validation_data():
    metrics = table(5)
    nll = chosen(metrics)[0]
    validation = without_controls(by_seed(made_of(metrics), "s", "nll", "validation"))
    assert findings.sensitivity(nll, validation, NAMES)[0].effect.mean == pytest.approx(0.2, abs=0.002)
    flipped = validation.iloc[:, :] * -1
    assert findings.sensitivity(nll, flipped, NAMES)[0].effect.mean == pytest.approx(-0.2, abs=0.002)


def test_a_missing_seed_leaves_the_pair_out_for_every_seed():
    metrics = table(4)
    gone = (metrics.dataset == "a") & (metrics.hyperprior == "half_normal") & (metrics.seed == 2)
    pooled = findings.learned_or_set(*chosen(metrics[~gone]), NAMES)[0]
    assert pooled.n_seeds == 4 and "mean over 1 pair " in pooled.sentence


def test_a_methods_only_scale_is_not_called_tuned_where_another_method_has_another_scale():
    metrics = table(5)
    metrics = metrics[(metrics.scale != 10.0) | (metrics.inference == "map")]
    metrics = metrics[(metrics.scale != 1.0) | (metrics.inference == "mean_field")]
    nll = without_controls(by_seed(made_of(metrics), "s", "nll"))
    found = findings.learned_or_set(nll, comparable(nll, TUNED[:0]), TUNED[:0], NAMES)
    assert found and not any("tuned" in text for f in found for text in (f.sentence, f.subject))


def test_estimates_leave_out_what_is_not_known():
    assert Estimate.of([1.0, math.nan, 3.0]).n == 2
    assert not Estimate.of([1.0]).has_interval
    assert math.isnan(Estimate.of([]).mean)


def test_findings_of_a_real_run(small_plan, small_results):
    found = findings.of_study(small_results, "toy", leaderboard.method_names(small_plan, "toy"))
    topics = {finding.topic for finding in found}
    assert {"Learned or fixed scale?", "Gap to the Bayes rule", "Sensitivity to the scale",
            "Telling wrong from right"} <= topics  # fmt: skip
    for finding in found:
        assert finding.n_seeds == 2 and finding.provisional and finding.sentence.endswith(".")
        assert "nan" not in finding.sentence and "–" not in finding.sentence
    gap = next(f for f in found if f.topic == "Gap to the Bayes rule")
    metrics = small_results.metrics.assign(entry=small_results.metrics.id.str.rpartition("/seed-")[0])
    trained = metrics[~metrics.inference.isin(["chance", "bayes_rule"])]
    means = trained.groupby(["split", "metric", "dataset", "entry"]).value.mean()
    chosen = means["validation", "nll"].groupby("dataset").idxmin()
    expected = [means["test", "excess_nll"][key] for key in chosen]
    assert gap.effect.mean == pytest.approx(np.mean(expected))


def test_a_study_without_bayes_rule_has_no_gap(copied):
    edit(copied, "metrics", lambda m: m[(m.inference != "bayes_rule") & (m.metric != "excess_nll")])
    results = load_results(copied.results)
    found = findings.of_study(results, "toy", leaderboard.method_names(copied, "toy"))
    assert found and "Gap to the Bayes rule" not in {finding.topic for finding in found}
