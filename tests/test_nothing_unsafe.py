"""Nothing that is read is run: not by the package, its scripts and notebooks, nor by the shell of rules."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = [p for folder in ("bnnbench", "workflow", "benchmarks", "reports") for p in (ROOT / folder).rglob("*.py")]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "commands", "xmlrpc", "telnetlib"}
"""What runs what it reads, or sends what it reads in the clear."""
BUILTINS = {"eval", "exec", "compile", "__import__"}
CALLS = {
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "pd.read_pickle",
    "torch.jit.load", "torch.hub.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "tempfile.mktemp",
    "ssl._create_unverified_context", "jinja2.Template", "pandas.read_pickle",
}  # fmt: skip
MUST_SAY = {
    "torch.load": ("weights_only", True),
    "extractall": ("filter", "data"),
    "jinja2.Environment": ("autoescape", True),
}
"""Calls that must be given an argument of this value."""
MUST_NOT_SAY = {"shell": (True,), "allow_pickle": (True,), "verify": (False,), "weights_only": (False,)}
"""Arguments that no call may be given with these values."""
LOADERS = {"_Loader"}
"""Of `yaml.load`: a `SafeLoader`, see `yaml_files`."""
SAID = {
    ("bnnbench/report/pdf.py", "jinja2.Environment"),  # of Typst, where `literal` is what escapes every value
}
"""Exceptions, by file and call."""


def name_of(node: ast.AST) -> str:
    """`a.b.c` of the node that is called so; "" of others."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def faults_of_call(call: ast.Call, file: str) -> list[str]:
    name = name_of(call.func)
    if (file, name) in SAID:
        return []
    given = {k.arg: getattr(k.value, "value", ...) for k in call.keywords}
    found = [f"{name}()"] if name in BUILTINS | CALLS else []
    for ending, (argument, value) in MUST_SAY.items():
        if name == ending or name.endswith(f".{ending}"):
            found += [] if given.get(argument, ...) == value else [f"{name}() without {argument}={value!r}"]
    found += [
        f"{name}({argument}={given[argument]})"
        for argument, values in MUST_NOT_SAY.items()
        if given.get(argument, ...) in values
    ]
    if name == "yaml.load":
        loaders = [*call.args[1:], *(k.value for k in call.keywords if k.arg == "Loader")]
        found += [] if loaders and name_of(loaders[0]) in LOADERS else ["yaml.load() by a loader that is not safe"]
    return found


def faults(code: str, file: str = "") -> list[str]:
    """What in a piece of Python could run what it reads, with lines."""
    found = []
    for node in ast.walk(ast.parse(code)):
        line = f"{file}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            found += [f"{line}: {a.name}" for a in node.names if a.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{a.name}" for a in node.names]
            found += [f"{line}: {n}" for n in names if n.split(".")[0] in MODULES or n in CALLS | set(MUST_SAY)]
        elif isinstance(node, ast.Call):
            found += [f"{line}: {fault}" for fault in faults_of_call(node, file)]
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "import joblib.numpy_pickle", "eval(x)", "exec(x)",
        "__import__(x)", "os.system(x)", "from os import system", "subprocess.run(x, shell=True)",
        "np.load(x, allow_pickle=True)", "torch.load(x)", "torch.load(x, weights_only=False)", "from torch import load",
        "yaml.load(x)",
        "yaml.load(x, yaml.Loader)", "yaml.load(x, Loader=yaml.UnsafeLoader)", "yaml.unsafe_load(x)",
        "archive.extractall(x)", "archive.extractall(x, filter='fully_trusted')", "pd.read_pickle(x)",
        "jinja2.Environment(loader=x)", "jinja2.Template(x)", "requests.get(x, verify=False)", "def f():\n    eval(x)",
    ],
)  # fmt: skip
def test_what_runs_what_it_reads_is_seen(code):
    assert faults(code, "x.py")


@pytest.mark.parametrize(
    "code",
    ["model.eval()", "torch.load(x, weights_only=True)", "np.load(x, allow_pickle=False)", "yaml.load(x, _Loader)",
     "yaml.safe_load(x)", "archive.extractall(x, filter='data')", "subprocess.run([x])", "re.compile(x)"],
)  # fmt: skip
def test_what_only_reads_is_not(code):
    assert not faults(code, "x.py")


def test_no_source_runs_what_it_reads():
    assert len(PYTHON) > 200
    found = [f for path in PYTHON for f in faults(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))]
    assert not found


def test_no_notebook_does():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        assert not [fault for text in code for fault in faults(text, path.name)]
        assert not [text for text in code if re.search(r"^\s*[%!]", text, flags=re.MULTILINE)]


def test_the_loader_of_configs_makes_plain_values_alone():
    import yaml

    from bnnbench.study import yaml_files

    assert issubclass(yaml_files._Loader, yaml.SafeLoader)
    assert yaml_files._Loader.yaml_constructors.keys() <= yaml.SafeLoader.yaml_constructors.keys()


def shell_texts(path: Path) -> list[str]:
    """The commands of a file's rules."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^( +)shell:\n((?:\1 +.*\n)+)", text, flags=re.MULTILINE)
    assert len(blocks) == len(re.findall(r"^ +shell:", text, flags=re.MULTILINE)), path
    return ["".join(ast.literal_eval(line.strip()) for line in block.splitlines()) for _, block in blocks]


def test_rules_quote_every_name_that_they_give_to_the_shell():
    texts = {path: shell_texts(path) for path in RULES}
    assert sum(map(len, texts.values())) >= 10
    for path, commands in texts.items():
        for command in commands:
            assert command.startswith("bnnbench "), path
            for field in re.findall(r"\{([^}]*)\}", command):
                assert field.endswith(":q") or field == "threads", f"{path.name}: {{{field}}} of: {command}"


def test_rules_run_nothing_else():
    for path in RULES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s+(run|script|notebook|wrapper|cwl):", text, flags=re.MULTILINE), path
        assert not re.search(r"\b(shell\(|os\.system|subprocess|eval\(|exec\()", text), path


@pytest.mark.parametrize("path", sorted((ROOT / "workflow" / "scripts").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_quote_what_they_are_given(path):
    text = path.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text and not re.search(r"\beval\b", text)
    assert not re.search(r'(?<!["\w=${])\$[@*1-9]', text), "an argument outside quotation marks"
