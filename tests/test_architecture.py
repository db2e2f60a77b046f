"""ARCHITECTURE.md's table of rooms is the order in which the package's modules may import each other."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from bnnbench.source.digest import PACKAGE

TABLE = (PACKAGE.parent / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## Rooms")[1].split("\n## ")[0]
ROOMS_IN_ORDER = re.findall(r"^\| `(?:bnnbench/)?(\w+)(?:\.py|/)`", TABLE, flags=re.MULTILINE)


def module_of(path: Path) -> str:
    return ".".join(("bnnbench", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


FILES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imported(module: str) -> set[str]:
    """Modules of the package that one imports, in functions too; for type hints alone does not count."""
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    hints = [n for n in ast.walk(tree) if isinstance(n, ast.If) and getattr(n.test, "id", "") == "TYPE_CHECKING"]
    left_out = {id(n) for hint in hints for n in ast.walk(hint)}
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in left_out:
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*parents, *filter(None, [node.module])])
            names = [f"{source}.{alias.name}" for alias in node.names]
            found |= {name if name in FILES else source for name in names}
    return found & set(FILES)


GRAPH = {module: imported(module) for module in FILES}
ROOMS = sorted({room(module) for module in FILES} - {""})


def test_imports_are_seen():
    assert "bnnbench.base.settings" in GRAPH["bnnbench.networks"]
    assert "bnnbench.metrics._registry" in GRAPH["bnnbench.metrics.classification.accuracy"]
    assert "bnnbench.training.train" in GRAPH["bnnbench.commands.steps"]


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_in_the_table_and_imports_from_rooms_before_it(name):
    assert ROOMS_IN_ORDER.count(name) == 1
    wrong = [
        f"{module} imports {other}"
        for module in FILES
        for other in GRAPH[module]
        if room(module) == name and room(other) and ROOMS_IN_ORDER.index(room(other)) > ROOMS_IN_ORDER.index(name)
    ]
    assert not wrong


def test_no_room_is_in_the_table_that_is_not_there():
    assert set(ROOMS_IN_ORDER) <= set(ROOMS)


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")
