"""What a definition reaches, and its form: other forms of the same program are the same, other programs are not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bnnbench.source import digest
from bnnbench.source.definitions import Source

MODULES = {
    "__init__": "",
    "model": """
import math
import numpy as np
from sample import tables, helpers as h
from .parts import Scaled
from .parts.deep import deepest as bottom

FACTOR = 2.0
"What the factor is for."


class Model(Scaled):
    \"\"\"A model.\"\"\"

    size: int = 3

    def value(self, x: float) -> float:
        \"\"\"Its value.\"\"\"
        def inner(FACTOR):
            return FACTOR
        return inner(x) * FACTOR + h.shift(x) + tables.TABLE["a"] + bottom() + math.pi + np.float64(1)


def unused():
    return h.other()
""",
    "helpers": """
CONSTANT = 0.1


def shift(x):
    from sample import late

    return x + CONSTANT + late.late_value


def other():
    return "nobody asks"
""",
    "late": "late_value = 4\n",
    "tables": """
TABLE = {"a": 1}
TABLE["b"] = 2
for key in ("c", "d"):
    TABLE[key] = 3


def fill():
    TABLE.clear()


TABLE.update(e=5)
""",
    "parts/__init__": "from sample.parts._scaled import *\n",
    "parts/_scaled": """
from abc import ABC


class Scaled(ABC):
    scale = 1
""",
    "parts/deep": """
try:
    from sample.fast import deepest
except ImportError:
    def deepest():
        return 1
""",
}


@pytest.fixture
def reach(tmp_path):
    """Function of edits {module: (old, new)} giving what `sample.model:Model` reaches."""

    def of(**edits):
        root = tmp_path / "sample"
        shutil.rmtree(root, ignore_errors=True)
        for name, text in MODULES.items():
            path = root / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            for old, new in edits.get(name.replace("/", "__"), ()):
                assert old in text
                text = text.replace(old, new)
            path.write_text(text, encoding="utf-8")
        return Source(root).reached(["sample.model:Model"])

    return of


@pytest.mark.parametrize(
    "edits",
    [
        {"model": [("import math", "# why\nimport math  # and how")]},
        {"model": [('"""A model."""', '"""Another\n\n    text."""'), ('"What the factor is for."', '"Reworded."')]},
        {"model": [('"What the factor is for."\n', "")]},
        {"model": [("import math\nimport numpy as np\n", "import numpy as np\nimport math\n")]},
        {"model": [("size: int = 3", "size: float = 3"), ("x: float) -> float", "x)")]},
        {"model": [("FACTOR = 2.0", "FACTOR = (\n    2.0\n)")]},
        {"model": [("return h.other()", "return h.other() + 1")]},
        {"helpers": [('"nobody asks"', "'still nobody'")]},
        {"helpers": [("CONSTANT = 0.1", "UNUSED = 7\nCONSTANT = 0.1")]},
        {"tables": [('{"a": 1}', "{\n    'a': 1,\n}")]},
        {"tables": [("TABLE.clear()", "TABLE.popitem()")]},
    ],
)
def test_what_changes_no_result_changes_nothing(reach, edits):
    assert reach(**edits) == reach()


@pytest.mark.parametrize(
    "edits",
    [
        {"model": [("FACTOR = 2.0", "FACTOR = 2.5")]},
        {"model": [("size: int = 3", "size: int = 4")]},
        {"model": [("import numpy as np", "import torch as np")]},
        {"model": [("math.pi", "math.e")]},
        {"model": [("from sample import tables, helpers as h", "from sample import tables, late as h")]},
        {"helpers": [("CONSTANT = 0.1", "CONSTANT = 0.2")]},
        {"late": [("4", "5")]},
        {"tables": [('{"a": 1}', '{"a": 2}')]},
        {"tables": [('TABLE["b"] = 2', 'TABLE["b"] = 3')]},
        {"tables": [("TABLE[key] = 3", "TABLE[key] = 4")]},
        {"tables": [("e=5", "e=6")]},
        {"parts__init__": []} | {"parts___scaled": [("scale = 1", "scale = 2")]},
        {"parts__deep": [("return 1", "return 2")]},
        {"tables": [("TABLE = {", "import numpy\n\nnumpy.seterr(all='raise')\nTABLE = {")]},
    ],
)
def test_what_may_change_a_result_is_seen_wherever_it_stands(reach, edits):
    assert reach(**edits) != reach()


def test_a_file_that_moves_changes_nothing(reach, tmp_path):
    before = reach()
    root = tmp_path / "sample"
    (root / "rooms").mkdir()
    (root / "rooms" / "__init__.py").write_text("", encoding="utf-8")
    shutil.move(root / "helpers.py", root / "rooms" / "aids.py")
    text = (root / "model.py").read_text(encoding="utf-8").replace(
        "from sample import tables, helpers as h", "from sample import tables\nfrom sample.rooms import aids as h"
    )  # fmt: skip
    (root / "model.py").write_text(text, encoding="utf-8")
    assert Source(root).reached(["sample.model:Model"]) == before


def test_a_missing_start_is_named(reach):
    reach()
    with pytest.raises(KeyError, match="nothing"):
        digest.of_source("bnnbench.model.joint:nothing")
    with pytest.raises(KeyError, match=r"bnnbench\.nowhere"):
        digest.of_source("bnnbench.nowhere")


FORMS = """
import os.path as p
from dataclasses import dataclass, field
from typing import ClassVar

NAMES = ("ä", "\\u200b", b"\\xff", 0xFF, 1e-7, 1_000, 2j, ..., None, True, -0.0)


@dataclass(frozen=True)
class Forms:
    kept: ClassVar[int] = 1
    items: list = field(default_factory=list)

    async def wait(self, *args, key=None, **rest):
        async with self as found, open(p.sep) as (a, *b):
            return [x async for x in found if (y := x) is not None], {**rest}, {*args}, a, b, y

    def texts(self, x, width=3):
        return f"{x!r:>{width}}" f" and {x:}" "plain" f'{x["a"] if x else "b"}{{}}{x = }'

    def match(self, x):
        match x:
            case {"a": [1, *rest], **more} if rest:
                return more
            case Forms(kept=1) | None as found:
                return found
            case _:
                return lambda a, /, b=2, *, c: (a, b, c)

    def walk(self):
        try:
            yield from (NAMES[i:-1] for i in range(3) if i < 2 <= 4)
        except* ValueError as group:
            del group
        finally:
            global NAMES
            NAMES += (1,)
        assert not NAMES, "x"
        while True:
            continue
"""
FORM = "149a85cc7db673e1"
"""The digest of FORMS under every supported Python."""


def test_the_form_is_the_same_in_every_python(tmp_path):
    root = tmp_path / "forms"
    root.mkdir()
    (root / "__init__.py").write_text(FORMS, encoding="utf-8")
    assert digest.of_value(Source(root).reached(["forms"])) == FORM


OTHERS = [f"python3.{minor}" for minor in (11, 12, 13, 14) if minor != sys.version_info.minor]


@pytest.mark.parametrize("name", OTHERS)
def test_another_python_finds_the_same_digests(name):
    """Of the whole package, where that Python is installed: what it takes needs nothing but the standard library."""
    starts = [
        f"bnnbench.{kind}" for kind in ("inference", "priors", "hyperpriors", "networks", "datasets", "model.joint")
    ]
    code = (
        "import sys, types; package = types.ModuleType('bnnbench'); package.__path__ = [sys.argv[1]];"
        "sys.modules['bnnbench'] = package; from bnnbench.source import digest;"
        "print([digest.of_source(start) for start in sys.argv[2:]])"
    )

    def digests(python):
        command = [python, "-I", "-c", code, str(digest.PACKAGE), *starts]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")

    python = find_python(name)
    if python is None:
        pytest.skip(f"{name} is not installed")
    found = digests(python)
    assert found.returncode == 0, found.stderr
    assert found.stdout == digests(sys.executable).stdout


def find_python(name: str) -> str | None:
    """An interpreter that runs: on the path, or beside the one that this environment was made with."""
    beside = Path(sys.base_prefix).parent.glob(f"{name.removeprefix('python')}*/bin/{name}")
    for candidate in (shutil.which(name), *map(str, beside)):
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None
