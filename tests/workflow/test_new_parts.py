"""`bnnbench new`: skeletons that the shared tests accept as they stand, and what is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bnnbench import cli, skeletons

ROOT = Path(__file__).parents[2]
NAMES = {
    "method": ("climb", []),
    "prior": ("rounded", []),
    "dataset": ("clouds", []),
    "likelihood": ("floored", []),
    "metric": ("sphere", []),
    "metric ": ("upper_cost", ["--task", "regression"]),
}
"""By kind the name of a new part, with its options."""

TESTS = {
    "tests/inference/test_every_method.py": "climb and not (reaches or neither or alone or diverging)",
    "tests/priors/test_priors.py": "rounded",
    "tests/datasets/test_every_dataset.py": "clouds",
    "tests/likelihoods/test_every_likelihood.py": "(floored or climb) and not compiled",
    "tests/metrics/test_every_metric.py": "sphere or upper_cost and not (bounds or defined)",
    "tests/base/test_settings.py": "climb or rounded or clouds",
}
"""The shared tests of each new part, by what is in their ids, without those that take long: what compiles, stacks of a
hundred cells, thousands of steps."""


def python(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Python on the package that lies in a folder."""
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the project, without its new parts."""
    root = tmp_path_factory.mktemp("new-parts") / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("bnnbench", "config", "notebooks", "tests"):
        shutil.copytree(ROOT / part, root / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.fixture(scope="module")
def added(copy) -> Path:
    """The same with a new part of each kind."""
    commands = [["new", kind.strip(), name, *options] for kind, (name, options) in NAMES.items()]
    code = f"import sys; from bnnbench.cli import main; sys.exit(max(main(command) for command in {commands}))"
    done = python(copy, "-c", code)
    assert done.returncode == 0, done.stderr
    for name, _ in NAMES.values():
        assert f"{name}.py\ntry it: pytest tests/" in done.stdout and f"-k {name}" in done.stdout
    return copy


def test_the_shared_tests_accept_each_as_it_stands(added):
    chosen = " or ".join(f"(({which}) and {Path(file).stem})" for file, which in TESTS.items())
    done = python(added, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS, "-k", chosen)
    assert done.returncode == 0, done.stdout[-4000:]
    passed = int(done.stdout.rsplit(" passed", 1)[0].split()[-1])
    assert passed > 40


def test_they_are_named_after_themselves(added):
    for kind, (name, _) in NAMES.items():
        (path,) = (added / "bnnbench" / skeletons.KINDS[kind.strip()].folder).rglob(f"{name}.py")
        assert "skeleton" not in path.read_text(encoding="utf-8").lower()
    assert "class Climb(Method)" in (added / "bnnbench/inference/climb.py").read_text(encoding="utf-8")


def test_a_study_uses_them(added):
    """All of them in one plan, the likelihood among those of its task."""
    task = added / "bnnbench" / "tasks" / "regression.py"
    text = task.read_text(encoding="utf-8")
    task.write_text(text.replace('LIKELIHOODS = ("gaussian"', 'LIKELIHOODS = ("gaussian", "floored"'), encoding="utf-8")
    code = """
from bnnbench.study import grid
toy = {"datasets": {"clouds": {"noise": 1.0}}, "priors": {"rounded": {}}, "inference": {"climb": {"seconds": 1}}}
curves = {"likelihoods": ["gaussian", "floored"]}
plan = grid.load({"studies": ["toy", "regression"], "seeds": [0], "overrides": {"toy": toy, "regression": curves}})
cells = {(c.dataset.name, c.prior, c.inference, c.likelihood) for c in plan.cells}
assert ("clouds-1", "rounded", "climb", "categorical") in cells
assert any(likelihood == "floored" for *_, likelihood in cells)
"""
    done = python(added, "-c", code)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("prior", "laplace", "there is a prior 'laplace' already"),
        ("method", "_base", "'_base' cannot be the name of a method"),
        ("dataset", "My Data", "write small letters, digits and '_', such as my_dataset"),
        ("likelihood", "lambda", "cannot be the name"),
        ("prior", "none", "means something else in tables"),
        ("metric", "accuracy", "there is a metric 'accuracy' already"),
        ("metric", "brier", "there is a metric 'brier' already, in metrics/classification/accuracy.py"),
    ],
)
def test_names_that_cannot_be_are_refused(kind, name, said, caplog):
    assert cli.main(["new", kind, name]) == 2
    assert said in caplog.text


def test_an_installed_package_is_not_added_to(tmp_path):
    package = tmp_path / "site-packages" / "bnnbench"
    (package / "priors").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"is installed in .* and has no sources beside it"):
        skeletons.write("prior", "mine", package=package)
    (tmp_path / "site-packages" / "pyproject.toml").touch()
    assert skeletons.write("prior", "mine", package=package).is_file()
    with pytest.raises(ValueError, match="there is a prior 'mine' already"):
        skeletons.write("prior", "mine", package=package)
    assert [path.name for path in package.rglob("*") if path.is_file()] == ["mine.py"]
