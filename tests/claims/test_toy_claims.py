"""The claims of the toy study on runs, against the tables that they come from."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from bnnbench import claims
from bnnbench.claims import toy
from bnnbench.evaluation.results import Results, load_results
from bnnbench.evaluation.select import NothingToDraw
from bnnbench.plots.weights import last_weights


@pytest.fixture(scope="module")
def results(referenced) -> Results:
    claims.write(referenced)
    return load_results(referenced.results)


def row(results, claim_id: str, part: str) -> pd.Series:
    return results.claims.set_index(["id", "part"]).loc[(claim_id, part)]


def test_every_claim_has_a_row_and_a_verdict(results):
    table = results.claims
    assert list(table.id.unique()) == ["Z1", "Z2", "Z3", "Z4", "E1", "E2"]
    assert set(table.verdict) <= {claims.REPRODUCED, claims.NOT_REPRODUCED, claims.UNDECIDED}
    assert table.provisional.all() and (table.n_seeds <= 2).all()


def test_fidelity_is_a_mean_over_models_that_have_a_reference_in_every_seed(results):
    t = results.metrics.query("metric == 'total_variation' and split == 'test' and inference == 'mean_field'")
    seeds = t.groupby(["dataset", "prior", "hyperprior", "scale"], dropna=False).seed.transform("size")
    found = row(results, "Z1", "a")
    assert found.effect == pytest.approx(t[seeds == 2].groupby("seed").value.mean().mean())
    assert found.floor == pytest.approx(0.008, abs=1e-3) and found.n_seeds == 2


def test_the_sd_of_the_logit_is_that_of_the_cells_draws(results):
    cell = "toy/moons-0.4/mlp-5-5/normal-1/mean_field/seed-0"
    x, distance = toy._points(results, "moons-0.4")
    p = results.trained(cell).sample_proba(x, toy.LOGIT_DRAWS)[:, :, 1]
    by_hand = spearmanr(np.log(p / (1 - p)).std(0), distance).statistic
    assert toy._logit_correlation(results, cell, x, distance) == pytest.approx(by_hand, abs=1e-3)


def test_gains_compare_a_hyperprior_with_the_tuned_fixed_scale_of_its_prior():
    gain = toy.gains(hand_made({0.2: 0.0, 0.4: 0.1}), "toy", "mean_field")
    assert list(gain.index.get_level_values("prior").unique()) == ["normal"]  # laplace has one scale, so no grid
    assert gain.loc["moons-0.4"].to_numpy() == pytest.approx(0.1)


@pytest.mark.parametrize(("at_low", "at_high", "share"), [(0.05, 0.1, 1.0), (-0.05, 0.1, 0.5), (-0.1, -0.1, 0.0)])
def test_share_of_wins_and_slope_on_noise(at_low, at_high, share):
    results = hand_made({0.2: at_low, 0.4: at_high})
    assert toy.share_of_wins("mean_field")(results, "toy").by_seed == pytest.approx([share] * 3)
    slope = toy.slope_on_noise("mean_field")(results, "toy").by_seed
    assert slope == pytest.approx([(at_high - at_low) / 0.2] * 3)


def test_one_noise_level_has_no_slope():
    with pytest.raises(NothingToDraw, match="several noise levels"):
        toy.slope_on_noise("mean_field")(hand_made({0.4: 0.1}), "toy")


def hand_made(gain: dict[float, float]) -> Results:
    """Tables of moons at some noise levels, on three seeds, with a given gain of the half-normal hyperprior."""
    rows = []
    for noise, value in gain.items():
        models = {("normal", "fixed", 1.0): 0.5, ("normal", "fixed", 3.0): 0.7, ("laplace", "fixed", 1.0): 0.6}
        models |= {("normal", "half_normal", np.nan): 0.5 - value, ("laplace", "half_normal", np.nan): 0.1}
        for (prior, hyperprior, scale), nll in models.items():
            for seed in range(3):
                rows.append(("toy", f"moons-{noise}", "moons", noise, "net", "", prior, hyperprior, scale, "mean_field",
                             "", seed, "test", "nll", nll + 0.01 * seed))  # fmt: skip
    columns = ["study", "dataset", "family", "noise", "network", "likelihood", "prior", "hyperprior", "scale",
               "inference", "recipe", "seed", "split", "metric", "value"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    tuned = table.query("prior == 'normal' and scale == 1").drop_duplicates("dataset")
    made = Results(f"made by hand {gain}")
    made.__dict__.update(metrics=table, cells=table, tuned=tuned)
    return made


def test_sparsity_is_laplace_minus_cauchy_with_the_same_way_of_setting_the_scale(results):
    shares = {
        p: [last_weights(results, f"toy/{d}-0.4/mlp-5-5/{p}-1/mean_field/seed-{s}").covers_zero.mean() for s in (0, 1)
            for d in ("moons", "circles")]
        for p in ("laplace", "cauchy")
    }  # fmt: skip
    assert row(results, "Z4", "a").effect == pytest.approx(np.mean(shares["laplace"]) - np.mean(shares["cauchy"]))


def test_without_a_reference_the_first_claim_is_undecided_and_says_why(small_results):
    found = small_results.claims[small_results.claims.id == "Z1"]
    assert len(found) == 2 and set(found.verdict) == {"undecided"}
    assert found.note.str.contains("the run has no cell").all()


def test_a_study_without_claims_has_none():
    assert claims.of_study("digits") == () and len(claims.of_study("toy")) == 6


def test_claims_cope_with_a_run_of_which_nothing_is_left(small_results):
    empty = Results(small_results.folder)
    table = small_results.metrics
    empty.__dict__.update(
        metrics=table[table.prior == "none"], cells=small_results.cells.assign(state="failed"),
        tuned=small_results.tuned[:0], references=small_results.references,
    )  # fmt: skip
    found = [v for claim in claims.of_study("toy") for v in claims.verdicts(claim, empty, "toy")]
    assert {v.verdict for v in found} == {"undecided"} and all(v.n_seeds == 0 for v in found)
