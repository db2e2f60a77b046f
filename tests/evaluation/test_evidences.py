"""Evidences and divergences: tables, claims and figures, against made-up evidences of a real run's models."""

import numpy as np
import pytest
from fake_reference import add_references, copy_of
from matplotlib.figure import Figure

from bnnbench import claims, plots
from bnnbench.claims import _evidence
from bnnbench.evaluation.evidences import PLACE, divergences, elbos, evidences, rank_correlations
from bnnbench.evaluation.results import load_results
from bnnbench.evaluation.select import NothingToDraw

MISSED = "toy/moons-0.4/mlp-5-5/cauchy-1/smc/seed-1"


def made_up(cell_id: str) -> dict[str, float]:
    """An evidence for each cell: another for each prior, and a little for each seed."""
    prior = cell_id.split("/")[3].split("-")[0]
    evidence = {"normal": -250.0, "laplace": -252.0, "cauchy": -260.0}.get(prior, -300.0)
    return {"log_evidence": evidence - 0.1 * int(cell_id[-1]), "log_evidence_se": 0.9 if cell_id == MISSED else 0.1}


@pytest.fixture(scope="module")
def results(small_plan, tmp_path_factory):
    plan = copy_of(small_plan, tmp_path_factory.mktemp("evidences") / "results")
    ids = [cell.by("smc") for shard in plan.shards.values() if shard.inference == "mean_field" for cell in shard.cells]
    plan = add_references(plan, spoilt={i: made_up(i) for i in ids}, method="smc", half=0.001)
    claims.write(plan)
    return load_results(plan.results)


def test_each_model_has_the_evidence_of_its_reference_where_that_passed(results):
    table = evidences(results, "toy")
    passed = results.references[results.references.passed]
    assert len(table) == len(passed) == len(results.references) - 1 and not passed.id.eq(MISSED).any()
    row = table[(table.dataset == "moons-0.4") & (table.prior == "laplace") & (table.hyperprior == "fixed")]
    assert row[row.seed == 1].log_evidence.tolist() == [-252.1] and set(table.se) == {0.1}
    nll = results.metrics.query("metric == 'nll' and split == 'test'").set_index("id").value
    assert row[row.seed == 1].nll.tolist() == [nll["toy/moons-0.4/mlp-5-5/laplace-1/smc/seed-1"]]


def test_the_divergence_is_evidence_minus_elbo_and_less_the_symmetries_of_five_and_five_units(results):
    table = divergences(results, "toy")
    assert set(table.inference) == {"mean_field"}
    both = table.merge(evidences(results, "toy"), on=PLACE)
    np.testing.assert_allclose(both.kl, both.log_evidence - both.elbo)
    np.testing.assert_allclose(table.kl - table.less_symmetry, 2 * np.log(120) + 10 * np.log(2))
    assert (table.se > 0.1).all() and (table.elbo < -200).all() and table.total_variation.notna().all()


def test_ranks_are_those_within_a_data_set_and_seed(results):
    table = evidences(results, "toy").assign(same=lambda t: 3 * t.log_evidence + 5, turned=lambda t: -t.log_evidence)
    assert rank_correlations(table, "log_evidence", "same").to_numpy() == pytest.approx(1)
    assert rank_correlations(table, "log_evidence", "turned").to_numpy() == pytest.approx(-1)
    with pytest.raises(NothingToDraw, match="99 models"):
        rank_correlations(table, "log_evidence", "same", fewest=99)


def test_the_claims_are_the_mean_correlations(results):
    found = results.claims.set_index(["id", "part"])
    table = elbos(results, "toy", "mean_field")
    for key, (a, b, sign) in {
        ("E1", "a"): ("log_evidence", "nll", -1),
        ("E2", "a"): ("elbo", "log_evidence", 1),
    }.items():
        expected = [
            np.mean([sign * g[a].corr(g[b], method="spearman") for _, g in of_seed.groupby("dataset")])
            for _, of_seed in (table if key[0] == "E2" else evidences(results, "toy")).groupby("seed")
        ]
        assert found.effect[key] == pytest.approx(np.mean(expected)) and found.n_seeds[key] == 2
        assert (found.margin[key], found.direction[key]) == (0.5, "above")
    assert ("E2", "b") not in found.index  # full rank was not run


def test_figures_and_words_show_them(results):
    for plot in (
        plots.evidence_of_models,
        plots.evidence_against_nll,
        plots.divergence_by_method,
        plots.divergence_against_distance,
    ):
        assert isinstance(plot(results, "toy"), Figure)
    lines = [line.get_xdata()[0] for line in plots.divergence_by_method(results, "toy").axes[0].lines]
    assert any(x == pytest.approx(16.5, abs=0.1) for x in lines)
    kl = divergences(results, "toy").groupby("seed").kl.mean().mean()
    assert f"| mean field | {len(divergences(results, 'toy'))} | {kl:.1f} [" in plots.divergences_table(results, "toy")


def test_models_are_compared_on_the_seeds_that_most_of_them_have(results):
    lost = results.references.id.str.contains("/cauchy-1/") & (results.references.dataset == "circles-0.4")
    lost &= results.references.seed == 1
    partly = load_results(results.folder)
    partly.__dict__.update(references=results.references.assign(passed=results.references.passed & ~lost))
    ax = plots.evidence_against_nll(partly, "toy").axes
    of_circles = next(a for a in ax if a.get_title(loc="left").startswith("circles"))
    marks = sorted({round(line.get_xdata()[0], 6) for line in of_circles.lines})
    assert marks == [-300.0, -260.0, -252.0, -250.0]  # of seed 0 alone: evidences of seed 1 are a tenth lower


def test_without_an_evidence_there_is_nothing_to_draw_and_the_claims_say_why(small_results):
    with pytest.raises(NothingToDraw, match="log_evidence"):
        plots.evidence_of_models(small_results, "toy")
    found = claims.verdicts(_evidence.CLAIMS[0], small_results, "toy")
    assert [v.verdict for v in found] == ["undecided"] and "Not measured" in found[0].note
