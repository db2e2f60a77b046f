"""What users may call things, and what errors may say, stands in the report and the notebooks as it was written."""

import re
import shutil
import subprocess

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from nbconvert import HTMLExporter
from small_run import run
from spoiling import lose
from test_site import Page, pages

from bnnbench.datasets import table
from bnnbench.plots import sentences
from bnnbench.report import notebooks, pdf, render
from bnnbench.study import config, failures, new_study
from bnnbench.words import prose

HOSTILE = ["<script>alert(1)</script>", "{{7*7}}", '#eval("1")', "$(touch owned)", "*bold*", "[link](x)"]
FAILURE = "ValueError: " + " ".join(HOSTILE)
TYPST_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The plan of a run of a table whose columns and classes, and the study of it, are called so; one cell failed."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    labels = np.repeat(HOSTILE, 12)
    columns = {name: np.ones(len(labels)) for name in HOSTILE[1:]}
    rows = pd.DataFrame({HOSTILE[0]: labels, "x": rng.normal(size=len(labels))} | columns)
    rows.to_csv(folder / "table.csv", index=False)
    (folder / "studies").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "STUDIES", folder / "studies")
        patch.setattr(table, "CONTROLS", ())  # which take most of the time, and say nothing
        path, _ = new_study.write("mine", folder / "table.csv", HOSTILE[0], folder, say=lambda line: None)
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
        study |= {"title": " ".join(HOSTILE), "hyperpriors": [], "draws": 5, "priors": {"normal": {}}}
        study["inference"] = {"map": {"settings": {"steps": 20}}}
        study["datasets"]["table"]["name"] = "table"
        path.write_text(yaml.safe_dump(study), encoding="utf-8")
        made = run({
            "studies": ["mine"], "seeds": [0, 1], "device": "cpu", "compile": "off",
            "results_dir": str(folder / "results"),
        })  # fmt: skip
        lose(made, "mine/table/mlp-50/normal-1/map/seed-1", FAILURE)
        yield made


@pytest.fixture(scope="module")
def shown(own, tmp_path_factory):
    """The folder of its report, and the Typst source of its PDF."""
    sources = []
    with pytest.MonkeyPatch.context() as patch:
        compiled = pdf.compile_typst
        patch.setattr(pdf, "compile_typst", lambda source, root: sources.append(source) or compiled(source, root))
        patch.setattr(failures, "notebook_faults", lambda plan: {"mine": FAILURE})
        yield render(own), sources[0]


def test_pages_hold_them_as_text(shown):
    folder, _ = shown
    found = pages(folder)
    for page in found.values():
        assert [tag.get("src") for tag in page.all("script")] in ([], ["assets/tables.js"])
        assert not page.all("b") and "x" not in page.links
    study, failed = found[folder / "study-mine.html"], found[folder / "failures.html"]
    text = {name: " ".join(page.text.split()) for name, page in (("study", study), ("failed", failed))}
    for name in HOSTILE:
        assert name in text["study"].split("Which prior")[0], "the title"
        assert name in text["failed"], "a reason"
        assert re.search(rf"Classes of[^.]*{re.escape(name)}", text["study"]), "a class"
    assert f"predict {HOSTILE[0]} best" in text["study"], "the target's name, in the question"
    for name in HOSTILE[1:]:
        assert re.search(rf"'{re.escape(name)}' never varies", text["study"]), "a column"


def test_the_print_source_holds_them_in_string_literals_alone(shown):
    folder, source = shown
    literals = "".join(TYPST_STRING.findall(source)).replace('\\"', '"')
    outside = TYPST_STRING.sub('""', source)
    for name in HOSTILE:
        assert name in literals and name not in outside
    assert "alert" not in outside and "touch" not in outside
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")
def test_the_pdf_shows_them(shown):
    folder, _ = shown
    done = subprocess.run(["pdftotext", "-layout", folder / "report.pdf", "-"], capture_output=True, text=True)
    for name in HOSTILE:
        assert name in re.sub(r"\s+", " ", done.stdout)


def page_of(*texts: str, tmp_path) -> Page:
    """Markdown as the page of a notebook."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text) for text in texts])
    path = tmp_path / "page.html"
    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    path.write_text(body, encoding="utf-8")
    return Page(path)


def only_text(page: Page) -> bool:
    tags = {name for name, attributes in page.tags if name != "a" or attributes.get("class") != "anchor-link"}
    return tags <= {"div", "h1", "p", "strong"}


def test_a_notebook_begins_with_title_and_question_as_text(own, tmp_path):
    from bnnbench.evaluation.results import load_results

    page = page_of(sentences.study_in_words(load_results(own.results), "mine"), tmp_path=tmp_path)
    assert only_text(page)
    assert " ".join(HOSTILE) in page.text and f"predict {HOSTILE[0]} best" in page.text


def test_a_notebook_that_ended_says_so_as_text(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[])
    notebooks._end_at_fault(notebook, FAILURE)
    page = page_of(*(cell.source for cell in notebook.cells), tmp_path=tmp_path)
    assert only_text(page) and FAILURE in page.text


@pytest.mark.parametrize(
    "text",
    [*HOSTILE, "- item", "+ item", "1. item", "10) item", "`a` _b_ ~~c~~ $x$ | & \\", "<!-- x -->", "# head", "> x"],
)
def test_markdown_of_any_text_is_that_text(text, tmp_path):
    page = page_of(prose.markdown(text), tmp_path=tmp_path)
    assert only_text(page) and page.text.strip() == text


def test_markdown_of_common_words_stays_readable():
    text = "Which prior, and which method, predict price best (MNIST, 0.5/5 %)? A test-set's uncertainty: 5-5 tanh!"
    assert prose.markdown(text) == text
