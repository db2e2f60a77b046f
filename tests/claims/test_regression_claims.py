"""The claim that predictions spread away from the data, from tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from bnnbench.claims import of_study, verdicts
from bnnbench.evaluation.results import Results

STUDY = "regression"
METHODS = ("mean_field", "map")
GOOD, BAD = ("", "normal", "fixed", 0.3), ("gaussian_heteroscedastic", "normal", "half_normal", np.nan)
UNIT = ["dataset", "likelihood", "prior", "hyperprior", "scale", "inference", "seed"]


def hand_made(spread, nll=None, seeds=3) -> Results:
    """Two data sets, two models and two methods. `spread` gives a reading by data set, model, method and region, and
    `nll` a validation NLL by data set and model."""
    nll = nll or (lambda dataset, model: 0.0 if model == GOOD else 1.0)
    cells, readings = [], []
    for dataset in ("foong", "cubic"):
        for model in (GOOD, BAD):
            for method in METHODS:
                for seed in range(seeds):
                    facts = dict(zip(UNIT, (dataset, *model, method, seed), strict=True))
                    facts |= {"study": STUDY, "network": "mlp", "recipe": "", "state": "done"}
                    facts["id"] = "/".join(map(str, facts.values()))
                    cells.append(facts | {"value": nll(dataset, model) + 0.01 * seed})
                    for region in ("inside", "gap", "outside"):
                        for metric in ("width_90", "total_sd", "epistemic_sd"):
                            value = spread(dataset, model, method, region) * (1 + 0.01 * seed * (region != "inside"))
                            value *= metric != "epistemic_sd" or method != "map"
                            reading = {"probe": "regions", "variable": region, "level": 0.0, "metric": metric}
                            readings.append(facts | reading | {"value": value})
    cells = pd.DataFrame(cells)
    made = Results("made by hand")
    metrics = cells.assign(split="validation", metric="nll")
    tuned = pd.DataFrame(columns=["study", "network", "recipe", *UNIT[:3], "inference", "scale"]).astype(
        {"scale": float}
    )
    references = pd.DataFrame({"id": [], "passed": pd.Series(dtype=bool)})
    made.__dict__.update(
        cells=cells, metrics=metrics, tuned=tuned, references=references, probes=pd.DataFrame(readings)
    )
    return made


def b3(results):
    (claim,) = (c for c in of_study(STUDY) if c.id == "B3")
    return {v.statistic: v for v in verdicts(claim, results, STUDY)}


WIDTH = "width of the 90% interval, {} over inside, {}"


def by_region(inside=1.0, gap=1.1, outside=2.0):
    return lambda dataset, model, method, region: {"inside": inside, "gap": gap, "outside": outside}[region]


def test_the_width_beyond_the_data_decides_and_the_gap_stands_beside_it():
    found = b3(hand_made(by_region()))
    outside, gap = (found[WIDTH.format(region, "mean field")] for region in ("outside", "gap"))
    assert outside.verdict == "reproduced" and outside.effect == pytest.approx(2.02) and not outside.beside
    assert gap.verdict == "not reproduced" and gap.effect == pytest.approx(1.111) and gap.beside
    assert [v.statistic for v in found.values() if not v.beside] == [outside.statistic]
    narrow = b3(hand_made(by_region(outside=1.2)))[WIDTH.format("outside", "mean field")]
    assert narrow.verdict == "not reproduced"


def test_each_data_set_has_the_model_that_validation_data_chose_and_counts_the_same():
    def spread(dataset, model, method, region):
        if region == "inside":
            return 1.0 if dataset == "foong" else 100.0
        return {GOOD: 2.0, BAD: 4.0}[model] * (1.0 if dataset == "foong" else 100.0)

    chosen = b3(hand_made(spread))[WIDTH.format("outside", "mean field")]
    assert chosen.effect == pytest.approx(2.02) and "default on 2" in chosen.note

    def nll(dataset, model):
        return float((model == GOOD) == (dataset == "cubic"))

    mixed = b3(hand_made(spread, nll))[WIDTH.format("outside", "mean field")]
    assert mixed.effect == pytest.approx(3.03)
    assert "between 2.02 and 4.04" in mixed.note
    assert "default on 1" in mixed.note and "heteroscedastic Gaussian on 1" in mixed.note


def test_total_and_epistemic_spread_are_told_apart_and_a_point_estimate_has_no_epistemic_one():
    found = b3(hand_made(by_region()))
    assert found["total sd, outside over inside, mean field"].effect == pytest.approx(2.02)
    assert found["epistemic sd, outside over inside, mean field"].effect == pytest.approx(2.02)
    assert WIDTH.format("outside", "MAP") in found
    assert not any("epistemic" in name and "MAP" in name for name in found)


def test_what_was_not_probed_is_undecided():
    results = hand_made(by_region())
    results.__dict__["probes"] = results.probes[results.probes.inference == "map"]
    found = b3(results)
    deciding = found[WIDTH.format("outside", "mean field")]
    assert deciding.verdict == "undecided" and deciding.n_seeds == 0
    assert WIDTH.format("outside", "MAP") in found
