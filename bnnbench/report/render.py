"""Render the report beside its place and swap it in, so that readers see the old report or the whole new one."""

import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jinja2

from bnnbench.evaluation.results import load_results
from bnnbench.files.writing import PARTIAL, SET_ASIDE, umask
from bnnbench.report import claims, figures, pdf, site
from bnnbench.report.estimates import interval, value
from bnnbench.study import failures
from bnnbench.study.grid import Plan
from bnnbench.words import prose

TEMPLATES = Path(__file__).parents[2] / "reports"
PAGES = {
    "index.html": "Overview",
    "claims.html": "Claims",
    "failures.html": "Failures and skips",
    "provenance.html": "Provenance",
    "glossary.html": "Glossary",
}
WRITTEN, KEPT = ".written.json", ".kept"
REMOTE_SCRIPT = re.compile(r"""<script[^>]*\ssrc=["']https?://[^>]*>\s*</script>""")
"""What notebooks load from elsewhere (MathJax, RequireJS); a report must open without a network."""
log = logging.getLogger(__name__)


def render(plan: Plan) -> Path:
    """Write <results>/report: HTML pages, their assets and report.pdf. Returns the folder.

    Raises FileNotFoundError where the run has not been gathered yet.
    """
    results = load_results(plan.results)
    target = plan.results / "report"
    with swapped(target) as folder:
        shutil.copytree(TEMPLATES / "assets", folder / "assets")
        studies = []
        for name in plan.studies:
            notebook = _notebook(plan, name, folder)
            drawn, anchors = figures.draw(results, name, folder), _anchors(folder, notebook)
            studies.append(site.study(plan, results, name, drawn, notebook, anchors))
        content = site.site(plan, results, studies)
        html = environment()
        for page in PAGES:
            _write(html, f"pages/{page}", folder / page, content | {"page": page})
        for study in studies:
            _write(html, "pages/study.html", folder / study.page, content | {"page": study.page, "study": study})
        pdf.write(content, folder, TEMPLATES)
        failures.mark_figures(folder, content["broken_figures"])
    log.info("report: %s", target / "index.html")
    return target


@contextmanager
def swapped(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that takes its place when the block ends well, and is removed otherwise.

    Of the old folder only what an earlier call wrote is replaced or removed, by the list in WRITTEN; what else lies
    there is somebody's and goes over into the new one, beside a new file of its name with KEPT in its own.
    """
    target = target.resolve()  # where it is a link, that stays
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=PARTIAL, dir=target.parent))
    old = fresh.with_name(f"{fresh.name}{SET_ASIDE}")
    try:
        yield fresh
        written = sorted(str(path.relative_to(fresh)) for path in fresh.rglob("*") if not path.is_dir())
        if target.exists():
            _take_over(target, fresh)
        (fresh / WRITTEN).write_text(json.dumps(written), encoding="utf-8")
        fresh.chmod(0o777 & ~umask())
        if target.exists():
            os.replace(target, old)
        os.replace(fresh, target)
    finally:
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)


def written(folder: Path) -> set[str]:
    """Relative paths of the files in a folder that `swapped` wrote there, its list among them."""
    try:
        return {WRITTEN, *json.loads((folder / WRITTEN).read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return set()
    except ValueError:  # the list is damaged: nothing is known to be ours
        return {WRITTEN}


def _take_over(source: Path, folder: Path) -> None:
    """Give a folder what lies in `source` and was not written there by us; both have it until `source` is removed."""
    ours = written(source)
    if not (source / WRITTEN).exists():  # of a version that kept no list: what it wrote had the names of today's files
        ours = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if str(relative) in ours:
            continue
        place = folder / relative
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                place.mkdir(parents=True, exist_ok=True)
            continue
        if place.exists():
            place = place.with_name(f"{place.stem}{KEPT}{place.suffix}")
            log.warning("%s is not of this program and is kept as %s", path, place.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            place.symlink_to(os.readlink(path))
            continue
        try:
            os.link(path, place)
        except OSError:  # a file system without hard links
            shutil.copy2(path, place)


def environment() -> jinja2.Environment:
    """The Jinja2 environment of the HTML pages: every value escaped, an unknown name an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {"number": prose.number, "significant": prose.significant, "duration": prose.duration}
    made.filters |= {"upfirst": prose.upfirst}
    made.filters |= {"interval": interval, "value": value, "decimals": claims.decimals}
    made.globals |= {"pages": PAGES, "count": prose.count, "listing": prose.listing, "NONE": prose.NONE}
    return made


def _notebook(plan: Plan, study: str, folder: Path) -> str:
    """Copy a study's notebook into the report; its path there, or nothing where it has not been run."""
    source = plan.results / "notebooks" / f"{study}.html"
    if not source.is_file():
        return ""
    (folder / "notebooks").mkdir(exist_ok=True)
    text = REMOTE_SCRIPT.sub("", source.read_text(encoding="utf-8"))
    (folder / "notebooks" / source.name).write_text(text, encoding="utf-8")
    return f"notebooks/{source.name}"


def _anchors(folder: Path, notebook: str) -> frozenset[str]:
    """A notebook's page and the places in it that can be linked to."""
    if not notebook:
        return frozenset()
    ids = re.findall(r"""<h\d id=["']([^"']+)["']""", (folder / notebook).read_text(encoding="utf-8"))
    return frozenset([notebook, *(f"{notebook}#{name}" for name in ids)])


def _write(env: jinja2.Environment, template: str, path: Path, content: dict) -> None:
    path.write_text(env.get_template(template).render(content), encoding="utf-8")
