"""Files are written beside their place and renamed, so that none is ever half written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

PARTIAL = ".partial"
"""In the names of files that are being written: one that is found while nobody writes was left by a killed process."""


SET_ASIDE = "-old"
"""In the names of folders whose place a new one is about to take."""


def remove_leftovers(results: str | Path) -> None:
    """Remove what killed processes were writing in a results folder. Not while anybody writes there.

    A folder that was set aside for a new one that did not come is put back.
    """
    for old in Path(results).glob(f".*-????????{PARTIAL}{SET_ASIDE}"):
        target = old.with_name(old.name[1 : -len(f"-????????{PARTIAL}{SET_ASIDE}")])
        if not target.exists():
            os.replace(old, target)
    for pattern in (f".*-????????{PARTIAL}*", ".*.nc.*.tmp"):
        for path in Path(results).rglob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is removed otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=f"{PARTIAL}{path.suffix}", dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@cache
def umask() -> int:
    """The process's mask of permissions, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
