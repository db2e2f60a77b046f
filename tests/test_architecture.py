"""ARCHITECTURE.md's table of rooms is the order in which the package's modules may import each other."""

import ast
import re

import pytest

from bnnbench.digest import PACKAGE

TABLE = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Rooms")[1].split("\n## ")[0]
NAMES = re.findall(r"`(?:bnnbench/)?(\w+)(?:\.py|/)`", "".join(line.split("|")[0] for line in TABLE.split("\n| ")[1:]))


def room(path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path) -> set[str]:
    """Rooms that a file imports, in functions too; for type hints alone does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hints = [n for n in ast.walk(tree) if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"]
    left_out = {id(n) for hint in hints for n in ast.walk(hint)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in left_out:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name.split(".")[1] for name in names if name.startswith("bnnbench.")}
    return found


ROOMS = sorted({room(p) for p in PACKAGE.rglob("*.py")} - {"__init__"})


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_in_the_table_and_imports_from_rooms_before_it(name):
    assert name in NAMES
    files = PACKAGE.rglob("*.py")
    used = set().union(*(imported(f) for f in files if room(f) == name)) & set(ROOMS) - {name}
    assert not [other for other in used if NAMES.index(other) > NAMES.index(name)]
