"""The PDF summary: a Jinja2 template of Typst source, in which every value is a string literal, never markup."""

import tempfile
from pathlib import Path
from typing import Any

import jinja2

from bnnbench.report import claims
from bnnbench.words import prose

ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "", "\t": " "}


class Code(str):
    """Typst code, which is not escaped again."""


def string(value: Any) -> Code:
    """A value as a string literal in Typst code."""
    text = "".join(ESCAPES.get(c, c) for c in str(value) if c.isprintable() or c in "\n\t")
    return Code(f'"{text}"')


def literal(value: Any) -> str:
    """A value in Typst markup: a string literal, ended, so that nothing in it or after it is read as code."""
    return value if isinstance(value, Code) else f"#{string(value)};"


def environment(folder: Path) -> jinja2.Environment:
    """The Jinja2 environment of the print template: every `{{ value }}` goes through `literal`."""
    from bnnbench.report.estimates import interval, value

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), finalize=literal, autoescape=False, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"number": prose.number, "significant": prose.significant, "duration": prose.duration}
    made.filters |= {"interval": interval, "value": value, "string_literal": string, "decimals": claims.decimals}
    made.globals |= {"count": prose.count, "listing": prose.listing, "NONE": prose.NONE}
    return made


def write(content: dict[str, Any], folder: Path, templates: Path) -> None:
    """Write <folder>/report.pdf. Paths of figures are relative to `folder`. Equal content gives equal bytes."""
    source = environment(templates).get_template("print/report.typ").render(content)
    (folder / "report.pdf").write_bytes(compile_typst(source, folder))


def compile_typst(source: str, root: Path) -> bytes:
    """Typst source to PDF bytes, with the fonts that come with Typst and no others."""
    import typst

    with tempfile.NamedTemporaryFile("w", suffix=".typ", dir=root, encoding="utf-8") as file:
        file.write(source)
        file.flush()
        return typst.compile(file.name, root=str(root), ignore_system_fonts=True, timestamp=0)
