"""What planning asks of a large table, remembered by its content: every job plans, and reading takes long."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bnnbench.datasets._base import Shape
from bnnbench.datasets._reading import Stamp, content
from bnnbench.files.writing import replacing
from bnnbench.source import digest

log = logging.getLogger(__name__)

LARGE = 2_000_000
"""Bytes of a file from which on it takes longer to be read than to be looked up."""


class Planned(NamedTuple):
    """The task of a table, and its shape."""

    task: str
    shape: Shape


def planned(files: list[Stamp], options: list, source: str, read: Callable[[], Planned]) -> Planned:
    """What `read` gives, or gave for files of the same content, the same options and the same source of how it is read.

    source: the definition that reads the table, as `digest.of_source` names it
    What is remembered is a small file in the user's cache, of no use but to be quick: it may be removed at any time,
    and where it cannot be read or written the table is read. Raises what `read` raises; that is not remembered.
    """
    if sum(file.size for file in files) < LARGE:
        return read()
    key = digest.of_value([[content(file) for file in files], options, digest.of_source(source)])
    path = folder() / f"{key}.json"
    if found := _remembered(path):
        return found
    found = read()
    try:
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(found), encoding="utf-8")
    except OSError as error:
        log.debug("%s cannot be written: %s", path, error)
    return found


def folder() -> Path:
    """Where what is known of tables lies."""
    import pooch

    return Path(pooch.os_cache("bnnbench")) / "tables"


def _remembered(path: Path) -> Planned | None:
    with suppress(OSError, ValueError, TypeError):
        task, (inputs, *sizes) = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(task, str) and all(isinstance(n, int) and n > 0 for n in (*inputs, *sizes)):
            return Planned(task, Shape(tuple(inputs), *sizes))
    return None
