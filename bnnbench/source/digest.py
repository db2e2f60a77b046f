"""Digests of settings and of source code, without importing the code, the same under every supported Python."""

import hashlib
import json
from functools import cache
from pathlib import Path

from bnnbench.source.definitions import Source

PACKAGE = Path(__file__).parents[1]
SOURCE = Source(PACKAGE)


def of_value(value) -> str:
    """Digest (16 hex digits) of a JSON-like value; the order of dictionary keys does not matter, nor does 1 or 1.0."""
    text = json.dumps(_plain(value), sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(value):
    """Whole numbers as integers, in whatever way they were written."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


@cache
def of_source(*starts: str, without: tuple[str, ...] = ()) -> str:
    """Digest of what definitions of the package reach, such as `bnnbench.model.joint:LogJoint`, or of a whole module.

    Comments, docstrings, annotations, formatting, the order of imports and the places of files do not matter (see
    `definitions`). `without` names modules that are not followed. Raises KeyError where there is no such definition.
    """
    return of_value(SOURCE.reached(starts, without))


def modules(folder: str) -> list[str]:
    """Names of the public modules in a folder of the package: one file each, so the listing is the catalogue."""
    return sorted(f.stem for f in (PACKAGE / folder).glob("*.py") if not f.stem.startswith("_"))


def of_files(*paths: str | Path) -> str:
    """Digest of the bytes of files outside the package (templates, notebooks, style sheets)."""
    return of_value([hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in sorted(map(str, paths))])
