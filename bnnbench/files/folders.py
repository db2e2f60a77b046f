"""Where results may be written, and folders as users write them."""

import os
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent
PARTS = ("bnnbench", "config", "tests", "workflow", "notebooks", "reports", "benchmarks", "docs", "profiles",
         ".git", ".github", ".ci", ".venv", ".snakemake")  # fmt: skip
"""What a checkout holds beside its files: nothing of a run may be written there, nor removed."""


UNUSABLE = "{}"
"""Characters that the workflow's rules take for the names of wildcards."""


def expanded(folder: str | Path) -> Path:
    """A folder with `~` and `$NAME` or `${NAME}` filled in. ValueError that names what is not known."""
    try:
        impossible = b"\0" in os.fsencode(str(folder))
    except UnicodeEncodeError:
        impossible = True
    if impossible:
        raise ValueError(f"'{folder}' has a character that no path can have: leave it out")
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
    remedy = "name a folder of its own, such as results"
    if fault := _fault(folder, remedy):
        return fault
    if strange := [c for c in str(folder) if c in UNUSABLE or not c.isprintable()]:
        return f"'{folder}' has the character {strange[0]!r}, which the workflow's rules cannot have: {remedy}"
    if str(folder).startswith("-"):
        return f"'{folder}' begins with '-', as options do: {remedy}"
    place = expanded(folder).resolve()
    for other, what in _guarded():
        if place == other or place in other.parents:
            return f"'{folder}' is or holds {what}, which a run must not touch: {remedy}"
        if other in place.parents and other not in (CHECKOUT, Path.cwd().resolve()):
            return f"'{folder}' lies in {what}, which a run must not touch: {remedy}"
    return ""


def fault_of_data(folder: str | Path) -> str:
    """Why data cannot be read from a folder, with the remedy; "" where they can, or where there is no folder yet."""
    return _fault(folder, "name the folder that holds the data, or leave data_dir out")


def _fault(folder: str | Path, remedy: str) -> str:
    """Why there can be no folder of this name; "" where there can."""
    if not str(folder).strip():
        return f"is empty: {remedy}"
    try:
        place = expanded(folder)
        way = [place, *place.parents]
        if any(part.is_symlink() and not part.exists() for part in way):
            return f"'{folder}' goes through a link that leads nowhere: {remedy}"
        nearest = next(part for part in way if part.exists())
    except ValueError as error:
        return str(error)
    except OSError as error:  # too long a name, say
        return f"'{folder}' can be no folder ({error.strerror}): {remedy}"
    if not nearest.is_dir():
        return f"'{folder}' is a file: {remedy}" if nearest == place else f"'{folder}' lies in a file: {remedy}"
    return ""


def _guarded() -> list[tuple[Path, str]]:
    """Folders that results must not be or hold and, the checkout and the working folder apart, not lie in."""
    found = [(PACKAGE, "the package bnnbench"), (Path.cwd().resolve(), "the working folder")]
    found += [(Path(folder), f"the system's folder {folder}") for folder in ("/proc", "/sys")]
    if (CHECKOUT / "Snakefile").is_file():
        found.append((CHECKOUT, "the checkout"))
        found += [((CHECKOUT / part).resolve(), f"the checkout's folder {part}") for part in PARTS]
    return found
