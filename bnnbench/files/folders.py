"""Where results may be written, and folders as users write them."""

import os
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
PARTS = ("bnnbench", "config", "tests", "workflow", "notebooks", "reports", "benchmarks", "docs", "profiles",
         ".git", ".github", ".ci", ".venv", ".snakemake")  # fmt: skip
"""What a checkout holds beside its files: nothing of a run may be written there, nor removed."""


def expanded(folder: str | Path) -> Path:
    """A folder with `~` and `$NAME` or `${NAME}` filled in. ValueError that names what is not known."""
    found = os.path.expandvars(os.path.expanduser(str(folder)))
    if found.startswith("~"):
        raise ValueError(f"'{folder}': there is no user {found.split('/')[0]!r}")
    if unknown := re.search(r"\$\{?\w+\}?", found):
        raise ValueError(f"'{folder}': the variable {unknown[0]} is not set: set it, or write the folder out")
    return Path(found)


def fault_of_results(folder: str | Path) -> str:
    """Why results cannot be written to a folder, with the remedy; "" where they can.

    What a run writes is replaced and removed by later ones, so the folder must not be, hold or lie in the sources, nor
    be or hold the working folder.
    """
    try:
        place = expanded(folder).resolve()
    except (ValueError, RuntimeError) as error:
        return str(error)
    remedy = "name a folder of its own, such as results"
    if not str(folder).strip():
        return f"is empty: {remedy}"
    if place.exists() and not place.is_dir():
        return f"'{folder}' is a file: {remedy}"
    for other, what in _guarded():
        if place == other or place in other.parents:
            return f"'{folder}' is or holds {what}, which a run must not touch: {remedy}"
        if other in place.parents and other not in (CHECKOUT, Path.cwd().resolve()):
            return f"'{folder}' lies in {what}, which a run must not touch: {remedy}"
    return ""


def _guarded() -> list[tuple[Path, str]]:
    """Folders that results must not be or hold and, the checkout and the working folder apart, not lie in."""
    found = [(PACKAGE, "the package bnnbench"), (Path.cwd().resolve(), "the working folder")]
    if (CHECKOUT / "Snakefile").is_file():
        found.append((CHECKOUT, "the checkout"))
        found += [((CHECKOUT / part).resolve(), f"the checkout's folder {part}") for part in PARTS]
    return found
