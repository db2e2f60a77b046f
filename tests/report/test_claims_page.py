"""Claims, references and the distance to them, as the site and the PDF show them."""

import re

import pandas as pd
import pytest
from spoiling import edit
from test_pdf import needs_pdftotext, text_of
from test_site import Page

from bnnbench import claims
from bnnbench.evaluation.results import load_results
from bnnbench.files.tables import plain
from bnnbench.report import across, render
from bnnbench.report.claims import cards, tally

GATE = "no reference: R-hat of predictions 1.070 is not below 1.01"


@pytest.fixture(scope="module")
def site(referenced, tmp_path_factory):
    """The report of the run with made-up references; a notebook's page with one of its headings among it."""
    claims.write(referenced)
    (referenced.results / "notebooks").mkdir(exist_ok=True)
    page = '<html><body><h2 id="Uncertainty-over-the-plane">Uncertainty</h2></body></html>'
    (referenced.results / "notebooks" / "toy.html").write_text(page, encoding="utf-8")
    return render(referenced)


@pytest.fixture(scope="module")
def results(referenced, site):
    return load_results(referenced.results)


def test_every_claim_is_shown_with_its_verdict_effect_and_interval(site, results):
    page = (site / "claims.html").read_text(encoding="utf-8")
    assert re.findall(r'<article class="claim [^"]+" id="(Z\d)"', page) == ["Z1", "Z2", "Z3", "Z4"]
    text = re.sub(r"\s+", " ", Page(site / "claims.html").text)
    for row in results.claims.itertuples():
        assert row.claim in text and (not row.note or row.note in text)
    first = results.claims.iloc[0]
    assert f"{first.effect:.4f}" in text or f"{first.effect:.3f}" in text
    assert "provisional" in text and "reference with itself 0.008" in text


def test_a_claim_shows_the_verdict_that_its_deciding_statistics_give(results):
    for card in cards(results, "toy", set()):
        rows = results.claims[(results.claims.id == card.id) & ~results.claims.beside]
        assert card.verdict == claims.overall(list(rows.verdict))
        assert all(not row.link for row in card.rows)  # nothing is linked to that is not there


def test_links_lead_to_the_figure_or_else_to_its_page(site):
    links = [link for link in Page(site / "claims.html").links if "#" in link or "notebooks" in link]
    assert "study-toy.html#figure-cost" in links and "figure-cost" in Page(site / "study-toy.html").ids
    assert "notebooks/toy.html#Uncertainty-over-the-plane" in links
    assert "notebooks/toy.html" in links  # the page stands in for a heading that it lacks


def test_overview_and_study_sum_the_claims_up(site, results):
    summary = tally(cards(results, "toy", set()))
    assert summary in Page(site / "index.html").text and "claims.html#Z3" in Page(site / "index.html").links
    assert summary in Page(site / "study-toy.html").text


def test_the_study_has_a_table_of_distances_and_names_models_without_reference(site, results):
    page = Page(site / "study-toy.html")
    table = (site / "study-toy.html").read_text(encoding="utf-8").split('id="distance"')[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">([^<]+)</th>', table) == ["mean field", "MAP"]
    rows = results.metrics.query("metric == 'agreement' and split == 'test' and inference == 'mean_field'")
    units = rows.fillna({"scale": 0}).groupby(["dataset", "prior", "hyperprior", "scale"]).seed.nunique()
    assert f"<td>{2 * (units == 2).sum()}</td></tr>" in table  # a seed alone has nothing to be averaged with
    assert GATE in page.text and "figures/toy-cost.svg" in page.links


def test_without_references_the_page_says_why(rendered):
    text = Page(rendered / "study-toy.html").text
    assert "Distance to the reference not shown: no reference, because the run has no cell of this study that" in text
    assert "figure-excess" in Page(rendered / "study-toy.html").ids
    assert "Not measured: no reference" in Page(rendered / "claims.html").text


def test_a_study_without_claims_shows_none(copied):
    edit(copied, "claims", lambda c: c[:0])
    folder = render(copied)
    assert "No study of this run tests a claim" in Page(folder / "claims.html").text
    assert "put to the test" not in Page(folder / "index.html").text
    assert "claims" not in Page(folder / "study-toy.html").ids


@needs_pdftotext
def test_the_summary_for_print_has_claims_and_distances(site):
    shown = text_of(site / "report.pdf")
    for expected in ("Claims put to the test", "Z1 Variational inference", "claimed below 0.05", "provisional",
                     "Distance to the reference", "cells that could be references passed the gate"):  # fmt: skip
        assert expected in shown, expected


@needs_pdftotext
def test_hostile_words_in_a_claim_are_printed_as_they_are(copied):
    from spoiling import HOSTILE

    edit(copied, "claims", lambda c: c.assign(claim=HOSTILE, note=HOSTILE))
    folder = render(copied)
    assert HOSTILE in Page(folder / "claims.html").text and not Page(folder / "claims.html").all("b")
    assert "#[code] $x$" in text_of(folder / "report.pdf")


def test_methods_are_ranked_across_data_sets_only_where_there_are_eight(results):
    names = {("map", ""): "MAP", ("mean_field", ""): "mean field"}
    assert across.against_point(results, "toy", names) == []
    table = plain(results.metrics[results.metrics.inference.isin(["map", "mean_field"])])
    eight = [table.assign(dataset=table.dataset + f"-{k}", value=table.value + 0.01 * k) for k in range(4)]
    more = type(results)(results.folder)
    more.__dict__.update(metrics=pd.concat(eight), tuned=results.tuned)
    (row,) = across.against_point(more, "toy", names)
    assert (row.method, row.n) == ("mean field", 8) and 0 < row.p <= row.p_holm <= 1


def test_across_data_sets_a_method_on_few_seeds_is_compared_on_those(results):
    nll = results.metrics.query("metric == 'nll' and split == 'test' and inference == 'map' and scale == 1")
    nll = nll[nll.dataset == "moons-0.4"]
    nll = pd.concat([nll.assign(dataset=f"set-{k}", value=0.3 + 0.01 * k + nll.seed) for k in range(8)])
    few = nll[nll.seed == 0].assign(inference="sgld", value=lambda t: t.value + 0.1)  # worse, on the one seed it has
    one = type(results)(results.folder)
    one.__dict__.update(metrics=pd.concat([nll, few]), tuned=results.tuned[:0], references=results.references)
    (row,) = across.against_point(one, "toy", {("map", ""): "MAP", ("sgld", ""): "SGLD"})
    assert row.method == "SGLD" and row.median == pytest.approx(0.1)
