"""References: the gate, the join with the cells that are compared with them, and what a failed gate leaves."""

import numpy as np
import pandas as pd
import pytest
from fake_reference import GOOD, HALF, SHIFT, add_references, copy_of

from bnnbench import metrics, tasks
from bnnbench.base import gate
from bnnbench.evaluation import reference
from bnnbench.evaluation.results import load_results
from bnnbench.evaluation.select import compared
from bnnbench.files.shards import ShardFile
from bnnbench.plots.fidelity import fidelity_table
from bnnbench.report.leaderboard import boards

FAILED = "toy/moons-0.4/mlp-5-5/laplace-1/hmc/seed-1"


@pytest.fixture(scope="module")
def results(referenced):
    return load_results(referenced.results)


def of(results, cell_id: str, split: str = "test") -> pd.Series:
    table = results.metrics
    return table[(table.id == cell_id) & (table.split == split)].set_index("metric").value


@pytest.mark.parametrize(
    ("rhat", "ess", "divergences", "word"),
    [
        (1.0099, 400.5, 0, ""),
        (1.01, 900, 0, "R-hat"),
        (1.003, 400, 0, "ESS"),
        (1.003, 900, 1, "1 divergences"),
        (np.nan, 900, 0, "not known"),
    ],
)
def test_the_gate_is_open_just_within_its_bounds_only(rhat, ess, divergences, word):
    found = gate.fault({"function_rhat": rhat, "function_ess": ess, "divergences": divergences})
    assert word in found and bool(found) == bool(word)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, ""),
        ({"log_evidence_se": 0.31}, "standard error of the log evidence 0.31"),
        ({"surviving_roots": 9.0}, "9 surviving roots"),
        ({"acceptance": 0.49}, "acceptance 0.49"),
        ({"acceptance": np.nan}, "acceptance nan"),
        ({"total_variation_floor": 0.0051}, "distance of 0.0051"),
        ({"total_variation_floor": None}, ""),  # a task without a distance: R-hat decides
        ({"total_variation_floor": None, "function_rhat": 1.02}, "R-hat of predictions 1.020"),
    ],
)
def test_populations_of_particles_have_a_gate_of_their_own(changed, word):
    good = {"log_evidence_se": 0.3, "surviving_roots": 10.0, "acceptance": 0.5, "function_rhat": 1.005}
    found = good | {"total_variation_floor": 0.005} | changed
    reason = gate.fault({name: value for name, value in found.items() if value is not None})
    assert word in reason and bool(reason) == bool(word)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, ""),
        ({"energy_variance": 0.11}, "variance of the energy error 0.11"),
        ({"energy_variance": np.inf}, "variance of the energy error inf"),
        ({"function_rhat": 1.01}, "R-hat of predictions 1.010"),
        ({"function_ess": 400.0}, "ESS of predictions 400"),
        ({"total_variation_floor": 0.0051}, "halves of the chains differ by a distance of 0.0051"),
        ({"energy_variance": None}, "not known"),
    ],
)
def test_chains_without_a_metropolis_test_are_judged_by_their_energy_error_too(changed, word):
    good = {"function_rhat": 1.0099, "function_ess": 401.0, "energy_variance": 0.1, "total_variation_floor": 0.005}
    reason = gate.fault({name: value for name, value in (good | changed).items() if value is not None})
    assert word in reason and bool(reason) == bool(word)


def test_a_cell_is_compared_with_the_reference_of_its_model_data_set_and_seed(results):
    for cell_id in ("toy/circles-0.4/mlp-5-5/normal-1/map/seed-1", "toy/moons-0.4/mlp-5-5/laplace-1/mean_field/seed-0"):
        method = cell_id.split("/")[4]
        for split in ("test", "validation"):
            p = results.predictions(cell_id, split).mean_proba
            q = results.predictions(cell_id.replace(f"/{method}/", "/hmc/"), split).mean_proba
            stored = of(results, cell_id, split)
            assert stored["total_variation"] == pytest.approx(metrics.total_variation(p, q))
            assert stored["agreement"] == pytest.approx(metrics.agreement(p, q))
            assert stored["total_variation_floor"] == pytest.approx(2 * HALF, abs=1e-3)
    assert of(results, "toy/moons-0.4/mlp-5-5/laplace-1/mean_field/seed-0")["total_variation"] == pytest.approx(
        SHIFT, abs=1e-4
    )


def test_a_reference_has_diagnostics_and_floors_and_is_not_compared_with_itself(results):
    stored = of(results, "toy/circles-0.4/mlp-5-5/normal-1/hmc/seed-0")
    assert {*GOOD, *reference.floor_names("classification")} <= set(stored.index)
    assert not {"agreement", "total_variation"} & set(stored.index)
    assert "function_rhat" not in of(results, "toy/circles-0.4/mlp-5-5/normal-1/hmc/seed-0", "validation")


def test_a_reference_that_fails_the_gate_is_named_and_used_by_none(results):
    row = results.references.set_index("id").loc[FAILED]
    assert not row.passed and "R-hat of predictions 1.070" in row.reason
    assert row.total_variation_floor == pytest.approx(2 * HALF, abs=1e-3)
    for method in ("map", "mean_field"):
        assert "total_variation" not in of(results, FAILED.replace("/hmc/", f"/{method}/"))
    assert results.references.passed.sum() == len(results.references) - 1


def test_findings_leave_out_references_that_fail_the_gate_and_nothing_else(results):
    kept = reference.converged(results.metrics, results.references)
    gone = set(results.metrics.id) - set(kept.id)
    assert gone == set(results.references.id[~results.references.passed]) and FAILED in gone
    (board,) = (b for b in boards(results.plan, results, "toy") if b.dataset == "moons-0.4")
    seeds = {row.name: row.values["nll"].n for row in board.rows if row.kind == "model" and row.method == "HMC"}
    (short,) = (name for name, n in seeds.items() if n == 1)
    assert short.startswith("Laplace prior") and "learned" not in short and set(seeds.values()) == {1, 2}


def test_a_model_without_a_reference_cell_lacks_the_metrics(results):
    assert "total_variation" not in of(results, "toy/moons-0.4/mlp-5-5/cauchy-1/mean_field/seed-0")


def test_a_run_without_hmc_has_an_empty_table_and_says_why(small_plan, small_results):
    assert small_results.references.empty and "passed" in small_results.references
    assert not any(small_plan.reference_shards(shard) for shard in small_plan.shards.values())
    assert "no cell of this study that could be one" in reference.absence(small_results.references, "toy")
    assert not set(small_results.metrics.metric) & {"agreement", "total_variation", *reference.floor_names()}


def test_a_study_whose_references_all_fail_says_so(small_plan, tmp_path):
    plan = add_references(copy_of(small_plan, tmp_path / "results"), lambda c: c.model == "normal-1" and c.seed == 0,
                          {f"toy/{d}-0.4/mlp-5-5/normal-1/hmc/seed-0": {"divergences": 3.0} for d in
                           ("moons", "circles")})  # fmt: skip
    references = load_results(plan.results).references
    assert len(references) == 2 and not references.passed.any()
    said = reference.absence(references, "toy")
    assert "none of the 2 cells that could be one passed the gate (3 divergences" in said


def test_where_the_best_scale_fails_the_gate_the_next_one_is_tuned_and_compared(small_plan, tmp_path, results):
    where = "inference == 'hmc' and dataset == 'moons-0.4' and prior == 'normal'"
    (best,) = results.tuned.query(where).scale
    spoilt = {f"toy/moons-0.4/mlp-5-5/normal-{best:g}/hmc/seed-{s}": {"divergences": 2.0} for s in (0, 1)}
    plan = add_references(copy_of(small_plan, tmp_path / "results"), lambda c: c.prior == "normal", spoilt)
    found = load_results(plan.results)
    (scale,) = found.tuned.query(where).scale
    assert scale != best
    (row,) = compared(found, "toy").query(f"{where} and hyperprior == 'fixed'").itertuples()
    assert row.scale == scale and row.tuned and row.n == 2


def test_of_two_references_the_one_whose_halves_agree_better_serves(small_plan, tmp_path):
    def normal(cell):
        return cell.model == "normal-1"

    place = "toy/moons-0.4/mlp-5-5/normal-1"
    chains = add_references(copy_of(small_plan, tmp_path / "results"), normal)
    lost = {f"{place}/smc/seed-1": {"surviving_roots": 3.0}}
    plan = add_references(chains, normal, lost, method="smc", half=HALF / 4)
    results = load_results(plan.results)
    table = results.references.set_index("id")
    serving = {i for i in table.index if i.startswith(place) and table.serves[i]}
    assert (
        serving == {f"{place}/smc/seed-0", f"{place}/hmc/seed-1"} == serving & reference.serving_ids(results.references)
    )
    assert of(results, f"{place}/map/seed-0")["total_variation_floor"] == pytest.approx(HALF / 2, abs=1e-3)
    assert of(results, f"{place}/map/seed-1")["total_variation_floor"] == pytest.approx(2 * HALF, abs=1e-3)
    # The two are compared with each other where both are there, and are no rows of the table of methods.
    assert of(results, f"{place}/hmc/seed-0")["total_variation"] == pytest.approx(0, abs=1e-6)
    assert "total_variation" not in of(results, f"{place}/hmc/seed-1")
    assert not {"hmc", "smc"} & set(fidelity_table(results, "toy").inference)


def test_references_of_one_method_may_lie_in_several_files(referenced):
    """A method whose long cells are trained apart has a shard for each data set."""
    shard = next(s for s in referenced.shards.values() if s.inference == "hmc")
    ids, files = {cell.id: "hmc" for cell in shard.trainable}, []
    for dataset in ("moons-0.4", "circles-0.4"):
        stored = ShardFile.read(referenced.results / "shards" / f"{shard.name}.nc")
        stored.drop({cell_id for cell_id in ids if f"/{dataset}/" not in cell_id})
        files.append(stored)
    task = tasks.find("classification")
    found = reference.References(task, files, ids)
    for cell in (c for s in referenced.shards.values() if s.inference == "map" for c in s.trainable):
        group = files["circles" in cell.dataset.name].groups["test"]
        passed = cell.by("hmc") in ids and cell.by("hmc") != FAILED
        if not passed:
            assert found.compare(None, cell, "test") == {}
            continue
        its_own = group.mean_proba.sel(cell=cell.by("hmc")).values
        with_itself = found.compare(np.stack([1 - its_own, its_own], -1), cell, "test")
        assert with_itself["total_variation"] == pytest.approx(0, abs=1e-6)
