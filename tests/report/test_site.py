import html.parser
import json
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
from spoiling import HOSTILE, edit, lose

from bnnbench import cli
from bnnbench.files import writing
from bnnbench.report import render
from bnnbench.report.leaderboard import columns
from bnnbench.study import failures


class Page(html.parser.HTMLParser):
    """Links, ids, tags with their attributes, and text of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.ids, self.tags, self.text = [], set(), [], ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.links += [attributes[k] for k in ("href", "src") if k in attributes]
        self.ids |= {attributes["id"]} if "id" in attributes else set()

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def pages(folder: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(folder.glob("*.html"))}


def test_every_page_is_there(rendered):
    assert {p.name for p in pages(rendered)} == {
        "index.html", "claims.html", "study-toy.html", "failures.html", "provenance.html", "glossary.html",
    }  # fmt: skip
    assert (rendered / "report.pdf").is_file()


def test_links_are_relative_and_lead_somewhere(rendered):
    found = pages(rendered)
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            assert not parts.scheme and not parts.netloc and not parts.path.startswith("/"), f"{path.name}: {link}"
            target = path.parent / unquote(parts.path) if parts.path else path
            assert target.is_file(), f"{path.name}: {link}"
            if parts.fragment:
                assert parts.fragment in found[target].ids, f"{path.name}: {link}"


def test_nothing_is_loaded_from_elsewhere(rendered):
    for path in [*rendered.rglob("*.html"), *rendered.rglob("*.css"), *rendered.rglob("*.js")]:
        assert not re.search(
            r"""(src|href)=["']?https?:|@import|url\(["']?https?:""", path.read_text(encoding="utf-8")
        ), path.name


def test_pages_can_be_used_without_seeing_them(rendered):
    for path, page in pages(rendered).items():
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("h1")) == len(page.all("main")) == 1, path.name
        assert all(nav.get("aria-label") for nav in page.all("nav"))
        assert all(len(image["alt"]) > 20 for image in page.all("img"))
        assert all(th.get("scope") for th in page.all("th")), path.name
        regions = [div for div in page.all("div") if "scroll" in div.get("class", "")]
        assert all(div.get("aria-label") and div.get("tabindex") == "0" for div in regions)
        assert len(page.ids) == sum("id" in attributes for _, attributes in page.tags), f"{path.name}: an id twice"


def test_values_shown_are_those_of_the_metrics_table(rendered):
    metrics = pd.read_parquet(rendered.parent / "metrics.parquet")
    board = (rendered / "study-toy.html").read_text(encoding="utf-8").split('id="circles-0.4"')[1]
    chance = re.search(r'<tr class="chance.*?</tr>', board, re.DOTALL)[0]
    shown = [float(v) for v in re.findall(r'data-v="([^"]+)"', chance)]
    rows = metrics[(metrics.inference == "chance") & (metrics.dataset == "circles-0.4") & (metrics.split == "test")]
    values = {name: part.value.mean() for name, part in rows.groupby("metric")}
    wanted = [values[c.metric] * c.factor for c in columns() if c.metric in values]
    assert shown[: len(wanted)] == pytest.approx(wanted, rel=1e-5)


def test_controls_and_plain_network_are_marked(rendered):
    page = (rendered / "study-toy.html").read_text(encoding="utf-8")
    for kind in ("chance", "bayes_rule", "plain"):
        assert page.count(f'<tr class="{kind}') == 2
    assert "maximum likelihood" in page and "tuned (" in page


def test_overview_says_what_was_found_and_that_it_is_provisional(rendered):
    text = Page(rendered / "index.html").text
    assert "provisional" in text and "95% interval" in text and "moons, noise 0.4" in text
    assert "no clear difference" in text or "lower test NLL" in text
    assert "of 48 failed" not in text


def test_merged_cells_are_grouped_with_their_reason(rendered):
    text = Page(rendered / "failures.html").text
    assert "flat × half-Cauchy = flat" in text and "no scale to learn" in text


def test_provenance_has_versions_sizes_and_config_but_no_paths(rendered):
    text = Page(rendered / "provenance.html").text
    for expected in ("torch", "2 features", "1,000", "mean_field:", "Processor", "Memory"):
        assert expected in text
    for path in rendered.glob("*.html"):
        assert str(rendered.parent.parent) not in path.read_text(encoding="utf-8")


def test_glossary_defines_every_metric(rendered):
    metrics = pd.read_parquet(rendered.parent / "metrics.parquet")
    assert set(metrics.metric) <= Page(rendered / "glossary.html").ids


def test_notebook_is_copied_without_remote_scripts(rendered):
    assert "notebooks/toy.html" in Page(rendered / "study-toy.html").links
    assert (rendered / "notebooks" / "toy.html").read_text(
        encoding="utf-8"
    ) == "<html><head></head><body>plots</body></html>"


def test_a_failed_cell_raises_the_banner_and_is_named_with_its_reason(copied):
    cell = "toy/moons-0.4/mlp-5-5/laplace-1/map/seed-1"
    lose(copied, cell, HOSTILE)
    folder = render(copied)
    overview = (folder / "index.html").read_text(encoding="utf-8")
    assert 'role="alert"' in overview and "1 cell of 56 failed" in overview
    failures = Page(folder / "failures.html")
    assert cell in failures.text and HOSTILE in failures.text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp;" in (folder / "failures.html").read_text(encoding="utf-8")
    assert not failures.all("b")
    assert "1 of 2" in Page(folder / "study-toy.html").text


def test_a_run_whose_cells_all_failed_still_has_a_report(copied):
    edit(copied, "cells", lambda c: c.assign(state="failed", reason="out of memory", seconds=float("nan")))
    edit(copied, "metrics", lambda m: m[m.prior == "none"])
    edit(copied, "tuned", lambda t: t[:0])
    folder = render(copied)
    assert "56 cells of 56 failed" in Page(folder / "index.html").text
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")


def test_one_seed_has_no_intervals_and_says_so(copied):
    for name in ("cells", "metrics"):
        edit(copied, name, lambda t: t[t.seed == 0])
    copied.config.__dict__["seeds"] = [0]
    try:
        folder = render(copied)
    finally:
        copied.config.__dict__["seeds"] = [0, 1]
    assert "one seed, so nothing here has an interval" in Page(folder / "index.html").text
    study = Page(folder / "study-toy.html")
    assert "no intervals (shown as –)" in study.text and "[0." not in study.text and ">tied<" not in study.text


def test_data_without_an_exact_answer(copied):
    edit(copied, "metrics", lambda m: m[(m.inference != "bayes_rule") & (m.metric != "excess_nll")])
    folder = render(copied)
    assert "bayes_rule" not in (folder / "study-toy.html").read_text(encoding="utf-8").split('<h2 id="comparisons"')[0]


def test_equal_results_give_equal_bytes(copied):
    folder = render(copied)
    first = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert render(copied) == folder
    second = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert first.keys() == second.keys()
    assert [str(p) for p in first if first[p] != second[p]] == []


def test_a_report_that_cannot_be_made_leaves_the_old_one(copied, monkeypatch):
    folder = render(copied)
    before = (folder / "index.html").read_bytes()
    monkeypatch.setattr("bnnbench.report.pdf.write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        render(copied)
    assert (folder / "index.html").read_bytes() == before
    assert not list(folder.parent.glob(".report*"))


def test_a_figure_that_fails_is_named_and_fails_the_run(copied, monkeypatch, caplog):
    monkeypatch.setattr("bnnbench.plots.priors.prior_heat_map", lambda *_, **__: 1 / 0)
    folder = render(copied)
    for page in ("index.html", "failures.html"):
        text = Page(folder / page).text
        assert "heat-map" in text and "ZeroDivisionError: division by zero" in text
    assert "toy" in str(failures.figure_faults(copied))
    config = copied.results / "run.yaml"
    config.write_text(json.dumps(copied.config.model_dump() | {"results_dir": str(copied.results)}), encoding="utf-8")
    caplog.clear()
    assert cli.main(["check", "--config", str(config)]) == 1
    assert "a figure of the report failed: toy, heat-map" in caplog.text
    monkeypatch.undo()
    render(copied)
    assert failures.figure_faults(copied) == {}


def test_what_others_put_into_the_report_stays(copied):
    folder = render(copied)
    (folder / "notes").mkdir()
    (folder / "empty").mkdir()
    (folder / "notes" / "mine.txt").write_text("keep me", encoding="utf-8")
    (folder / "link").symlink_to("/nowhere")
    (folder / "study-gone.html").write_text("of an earlier run", encoding="utf-8")
    listed = json.loads((folder / ".written.json").read_text(encoding="utf-8"))
    (folder / ".written.json").write_text(json.dumps([*listed, "study-gone.html"]), encoding="utf-8")
    render(copied)
    assert (folder / "notes" / "mine.txt").read_text(encoding="utf-8") == "keep me"
    assert (folder / "empty").is_dir() and (folder / "link").is_symlink()
    assert not (folder / "study-gone.html").exists()
    assert not list(folder.parent.glob(".report*"))


def test_a_report_that_was_set_aside_when_its_run_was_killed_comes_back(copied):
    folder = render(copied)
    (folder / "mine.txt").write_text("keep me", encoding="utf-8")
    folder.rename(folder.with_name(".report-abcd1234.partial-old"))
    folder.with_name(".report-efgh5678.partial").mkdir()
    writing.remove_leftovers(copied.results)
    assert (folder / "mine.txt").read_text(encoding="utf-8") == "keep me"
    assert not list(copied.results.glob(".report*"))


def test_nothing_gathered_yet_is_said(small_plan, tmp_path):
    import dataclasses

    config = small_plan.config.model_copy(update={"results_dir": str(tmp_path)})
    with pytest.raises(FileNotFoundError, match="no results"):
        render(dataclasses.replace(small_plan, config=config))


def test_a_witness_on_one_seed_is_shown_and_makes_no_headline(copied):
    for name in ("cells", "metrics"):
        edit(copied, name, lambda t: t[(t.inference != "mean_field") | (t.seed == 0)])
    folder = render(copied)
    study, overview = Page(folder / "study-toy.html").text, Page(folder / "index.html").text
    assert "1 of 2" in study and "one seed" in study
    assert "Learned or fixed scale?" in overview and "Mean field or MAP?" not in overview
