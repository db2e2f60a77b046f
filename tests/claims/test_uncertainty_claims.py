"""The claims on the two uncertainties, from tables made by hand of the study's own plan."""

import numpy as np
import pandas as pd
import pytest
from small_run import NOTHING_ELSE

from bnnbench.claims import of_study, verdicts
from bnnbench.evaluation.results import Results
from bnnbench.study import grid

STUDY = "uncertainty"
SIZES = (10, 50, 200, 800)
CONFIG = {
    "studies": [STUDY],
    "seeds": [0, 1, 2],
    "overrides": {
        STUDY: {
            "datasets": {
                "noisy_wave": {"n_train": list(SIZES), "noise": [0.2, 0.8], "quiet_share": [0.5, 0.1]},
                "noisy_labels": {"n_train": list(SIZES), "noise": [0.2], "quiet_share": [0.5]},
            },
            "models": ["normal-1", "normal-3"],
            "inference": NOTHING_ELSE | {"mean_field": {}, "ensemble": {}},
        }
    },
}  # fmt: skip
PARTS = {"noisy_wave": ("aleatoric_sd", "epistemic_sd"), "noisy_labels": ("expected_entropy", "mutual_information")}
RATIOS = {"noisy_wave": ("aleatoric_sd_ratio", "epistemic_error_ratio"),
          "noisy_labels": ("aleatoric_entropy_ratio", "information_excess_ratio")}  # fmt: skip


@pytest.fixture(scope="module")
def plan():
    return grid.load(CONFIG)


def hand_made(plan, values) -> Results:
    """`values(cell)` gives (aleatoric, epistemic, rank correlation) of a cell of scale 1; scale 3, which validation
    data do not choose, has others."""
    rows, readings = [], []
    for cell in plan.cells:
        spec, chosen = cell.dataset, cell.scale == 1
        aleatoric, epistemic, correlation = values(cell) if chosen else (7.0, 7.0, 0.9)
        shift = 1 + 0.002 * (cell.seed - 1)
        facts = cell.coordinates() | {"id": cell.id, "state": "done"}
        found = dict(zip(PARTS[spec.family], (aleatoric * shift, epistemic * shift), strict=True))
        found |= dict(zip(RATIOS[spec.family], (aleatoric * shift, epistemic * shift), strict=True))
        found["uncertainties_rank_correlation"] = correlation * shift
        rows += [facts | {"split": "test", "metric": m, "value": v} for m, v in found.items()]
        rows.append(facts | {"split": "validation", "metric": "nll", "value": 0.1 if chosen else 0.5})
        place = {"probe": "regions", "variable": "everywhere", "level": 0.0}
        value = correlation * shift - 0.3
        readings.append(facts | place | {"metric": "uncertainties_rank_correlation", "value": value})
    table = pd.DataFrame(rows)
    cells = table.drop_duplicates("id").assign(family=lambda t: t.dataset.str.partition("-")[0])
    tuned = pd.DataFrame(columns=["study", "dataset", "network", "likelihood", "prior", "inference", "recipe", "scale"])
    made = Results("made by hand")
    made.__dict__.update(
        cells=cells, metrics=table, probes=pd.DataFrame(readings), plan=plan, tuned=tuned.astype({"scale": float}),
        references=pd.DataFrame({"id": [], "passed": pd.Series(dtype=bool)}),
    )  # fmt: skip
    return made


def n_of(cell) -> int:
    return cell.dataset.options["n_train"]


def judged(results, claim_id):
    (claim,) = (c for c in of_study(STUDY) if c.id == claim_id)
    return {v.statistic: v for v in verdicts(claim, results, STUDY)}


def power_laws(a_small, a_large, e_small, e_large):
    """Uncertainties that fall with these slopes up to 200 points and from there on; of labels the mutual information,
    which goes as a variance."""

    def values(cell):
        n = n_of(cell)

        def law(small, large):
            return (min(n, 200) / 200) ** small * (max(n, 200) / 200) ** large

        labels = cell.dataset.family == "noisy_labels"
        return law(a_small, a_large), law(e_small, e_large) ** (2 if labels else 1), 0.2

    return values


SLOPE = "slope of the {} against the number of points, log-log, {}"


def decided(found):
    return {v.verdict for v in found.values() if not v.beside}


def test_statistics_have_names_of_their_own():
    for claim in of_study(STUDY):
        names = [statistic.name for statistic in claim.statistics]
        assert len(set(names)) == len(names)


def test_slopes_are_those_of_small_and_of_large_training_sets_apart(plan):
    results = hand_made(plan, power_laws(-0.34, -0.02, -0.5, -0.9))
    small, large = judged(results, "K1-small"), judged(results, "K1-large")
    for name, a, e in (("small", -0.34, -0.5), ("large", -0.02, -0.9)):
        found = {"small": small, "large": large}[name]
        for aleatoric, epistemic in (("aleatoric sd", "epistemic sd"),
                                     ("expected entropy", "root of the mutual information")):  # fmt: skip
            for how in (", no fall", ", no rise"):
                assert found[SLOPE.format(aleatoric, "mean field") + how].effect == pytest.approx(a, abs=1e-6)
            assert found[SLOPE.format(epistemic, "mean field")].effect == pytest.approx(e, abs=1e-6)
    assert decided(large) == {"reproduced"}
    assert "not reproduced" in decided(small)
    assert small[SLOPE.format("epistemic sd", "mean field")].verdict == "reproduced"


def test_noise_that_rises_with_more_data_is_not_constant_either(plan):
    found = judged(hand_made(plan, power_laws(0.3, 0.3, -0.5, -0.5)), "K1-large")
    name = SLOPE.format("aleatoric sd", "mean field")
    assert [found[name + how].verdict for how in (", no fall", ", no rise")] == ["reproduced", "not reproduced"]


def test_what_is_not_known_must_fall(plan):
    found = judged(hand_made(plan, power_laws(0, 0, -0.1, -0.1)), "K1-large")
    assert found[SLOPE.format("epistemic sd", "mean field")].verdict == "not reproduced"


def test_other_methods_stand_beside_the_one_that_decides(plan):
    found = judged(hand_made(plan, power_laws(0, 0, -0.5, -0.5)), "K1-large")
    assert found[SLOPE.format("epistemic sd", "ensemble")].beside
    assert not any("HMC" in name for name in found)  # it was not run
    assert {v.n_seeds for v in found.values() if not v.beside} == {3}


CORRELATION = "rank correlation of the aleatoric sd and the epistemic sd, {}, mean field"


def test_the_two_are_told_apart_where_their_rank_correlation_is_low(plan):
    low, high = (judged(hand_made(plan, lambda _, r=r: (1.0, 1.0, r)), "U1") for r in (0.2, 0.9))
    assert decided(low) == {"reproduced"} and decided(high) == {"not reproduced"}
    assert low[CORRELATION.format("over test points")].effect == pytest.approx(0.2)
    assert high[CORRELATION.format("in the gap and beyond too")].effect == pytest.approx(0.6)


def test_a_correlation_of_minus_one_is_low_but_says_the_same(plan):
    found = judged(hand_made(plan, lambda _: (1.0, 1.0, -0.98)), "U1")
    assert found[CORRELATION.format("over test points")].verdict == "reproduced"
    assert found[CORRELATION.format("without its sign")].verdict == "not reproduced"


def test_data_sets_with_few_quiet_inputs_are_judged_apart(plan):
    def values(cell):
        return 1.0, 1.0, 0.1 if cell.dataset.options["quiet_share"] == 0.1 else 0.8

    found = judged(hand_made(plan, values), "U1")
    assert found[CORRELATION.format("over test points")].effect == pytest.approx(0.8)
    assert found[CORRELATION.format("few inputs where there is little noise")].effect == pytest.approx(0.1)


def test_slopes_against_the_noise_and_networks_that_are_too_small(plan):
    def values(cell):
        noise = cell.dataset.options["noise"]
        return noise * (1.5 if cell.network == "mlp-2" and n_of(cell) == 800 else 1.0), noise**0.5, 0.2

    found = judged(hand_made(plan, values), "U1")
    of = "slope of the {} against the noise, log-log, mean field"
    assert found[of.format("aleatoric sd")].effect == pytest.approx(1)
    assert found[of.format("epistemic sd")].effect == pytest.approx(0.5)
    assert found[of.format("epistemic sd")].verdict == "not reproduced"
    small = found["aleatoric sd of a network too small over that of one large enough, mean field"]
    assert small.effect == pytest.approx(1.5) and small.verdict == "reproduced"


def test_each_uncertainty_is_held_against_what_it_stands_for(plan):
    found = judged(hand_made(plan, lambda cell: (1.0 if n_of(cell) >= 200 else 2.0, 0.3, 0.2)), "K1-large")
    assert found["aleatoric sd over the true one, mean field, not too little"].effect == pytest.approx(1)
    assert found["epistemic sd over the error of the mean, mean field, not too little"].effect == pytest.approx(0.3)


def test_results_without_several_sizes_decide_nothing(plan):
    results = hand_made(plan, power_laws(0, 0, -0.5, -0.5))
    for name in ("cells", "metrics"):
        results.__dict__[name] = getattr(results, name)[lambda t: t.dataset.str.endswith("-n-200")]
    found = judged(results, "K1-large")
    assert decided(found) == {"undecided"}
    assert all(np.isnan(v.effect) for v in found.values() if not v.beside)
