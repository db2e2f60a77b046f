import re
import shutil
import subprocess

import jinja2
import pytest
from spoiling import HOSTILE, lose

from bnnbench.report import pdf, render

needs_pdftotext = pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")


def text_of(path) -> str:
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True)
    return re.sub(r"\s+", " ", done.stdout)


def test_every_value_of_the_print_template_becomes_a_string(tmp_path):
    (tmp_path / "t.typ").write_text("A {{ value }}.b({{ value }}) {{ value|string_literal }}", encoding="utf-8")
    made = pdf.environment(tmp_path).get_template("t.typ").render(value='a"b\\c#d')
    assert made == r'A #"a\"b\\c#d";.b(#"a\"b\\c#d";) "a\"b\\c#d"'
    with pytest.raises(jinja2.UndefinedError):
        pdf.environment(tmp_path).from_string("{{ typo }}").render()


@needs_pdftotext
def test_special_characters_are_printed_as_they_are(tmp_path):
    hostile = HOSTILE + ' = - + / ~ \' [x] {y} (z) <label> <!-- 100% -- … #import "x"'
    path = tmp_path / "out.pdf"
    path.write_bytes(pdf.compile_typst(f"{pdf.literal(hostile)}.field(1)", tmp_path))
    shown = text_of(path)
    for piece in re.split(r"\s+", hostile):
        assert piece.replace("'", "’") in shown or piece in shown, piece
    assert ".field(1)" in shown
    assert not list(tmp_path.glob("*.typ"))


def test_the_summary_is_a_pdf(rendered):
    content = (rendered / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF") and len(content) > 20_000
    assert b"CreationDate" not in content


@needs_pdftotext
def test_the_summary_has_findings_leaderboards_and_provenance(rendered):
    shown = text_of(rendered / "report.pdf")
    for expected in ("Findings", "moons, noise 0.4", "Bayes rule", "Chance", "plain network", "best", "provisional",
                     "Failures and skips", "flat × half-Cauchy = flat", "Provenance", "torch"):  # fmt: skip
        assert expected in shown, expected


@needs_pdftotext
def test_a_hostile_reason_is_printed(copied):
    lose(copied, "toy/moons-0.4/mlp-5-5/laplace-1/map/seed-1", HOSTILE)
    shown = text_of(render(copied) / "report.pdf")
    assert "1 cell of 56 failed" in shown and "#[code] $x$" in shown and "<b>bold</b> &" in shown
