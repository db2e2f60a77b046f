"""A cell's key changes when its result would, and not else: on copies of the package's source with an edit each."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bnnbench.source import digest
from bnnbench.source.definitions import Source
from bnnbench.study import cells, grid

TOY = {"studies": ["toy"], "seeds": [0, 1], "overrides": {"toy": {"models": ["normal-1", "laplace-1", "flat"]}}}


def forget_source():
    digest.of_source.cache_clear()
    cells._method_digest.cache_clear()


def keys(config=TOY) -> dict[str, str]:
    return {cell.id: cell.key for cell in grid.load(config, thorough=False).cells}


def changed(old: dict[str, str], new: dict[str, str]) -> set[str]:
    """Ids of the cells whose keys differ."""
    assert set(old) == set(new)
    return {cell_id for cell_id in old if new[cell_id] != old[cell_id]}


def methods(ids: set[str]) -> set[str]:
    return {cell_id.split("/")[4].split("+")[0] for cell_id in ids}


@pytest.fixture(scope="module")
def before() -> dict[str, str]:
    return keys()


@pytest.fixture
def after(tmp_path, monkeypatch):
    """Function of a function that edits the package's folder, giving the keys with the source as it is then."""

    def of(edit):
        root = tmp_path / "bnnbench"
        shutil.copytree(digest.PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
        edit(root)
        monkeypatch.setattr(digest, "SOURCE", Source(root))
        forget_source()
        return keys()

    yield of
    monkeypatch.undo()
    forget_source()


def replacing(file: str, old: str, new: str):
    def edit(root: Path):
        text = (root / file).read_text(encoding="utf-8")
        assert re.search(old, text), f"{file} has no {old}: point the test at what is there"
        (root / file).write_text(re.sub(old, new, text, count=1), encoding="utf-8")

    return edit


def test_what_changes_no_result_retrains_nothing(before, after):
    """Comments, docstrings and strings under constants, imports' order, formatting and types, what nobody calls."""
    edits = [
        replacing("inference/mean_field.py", "\n\nimport math", "\n\n# a comment\nimport math"),
        replacing("inference/_optimise.py", '"""Least standard deviation', '"""Smallest standard deviation'),
        replacing("likelihoods/_summary.py", "import numpy as np\n(import torch)", r"\1\nimport numpy as np"),
        replacing("inference/map.py", "steps: Count = 2000", "steps: int = (\n        2000\n    )"),
        replacing("datasets/moons.py", "def bayes_accuracy", "def new():\n    return 1\n\n\ndef bayes_accuracy"),
        replacing("study/config.py", "le=10_000", "le=20_000"),
        replacing("tasks/classification.py", r'"logit_noise"\)', '"logit_noise", "new")'),
        replacing("networks/_autoencoder.py", "LOG_SD = 10.0", "LOG_SD = 9.0"),
        replacing("likelihoods/_elbo.py", "n_samples = outputs", "n_samples = 2 * outputs"),
        lambda root: (root / "priors" / "student_t.py").write_text("PRIOR = 1\n"),
    ]

    def edit_all(root):
        for edit in edits:
            edit(root)

    assert not changed(before, after(edit_all))


def test_a_file_that_moves_retrains_nothing(before, after):
    def edit(root):
        (root / "rooms").mkdir()
        (root / "rooms" / "__init__.py").touch()
        shutil.move(root / "base" / "philox.py", root / "rooms" / "random_numbers.py")
        for file in root.rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            moved = text.replace("from bnnbench.base.philox import", "from bnnbench.rooms.random_numbers import")
            file.write_text(moved, encoding="utf-8")

    assert not changed(before, after(edit))


def of_prior(cell_id):
    return "/laplace-" in cell_id


def of_mean_field(cell_id):
    return re.search(r"/(mean_field|ensemble)[+/]", cell_id)


def of_data(cell_id):
    return "/moons-" in cell_id


EVERY = re.compile("").search


@pytest.mark.parametrize(
    ("edit", "concerned"),
    [
        (replacing("priors/laplace.py", r"math\.log\(2\)", "math.log(3)"), of_prior),
        (replacing("inference/mean_field.py", "self.warm_up", "0.5 * self.warm_up"), of_mean_field),
        (replacing("datasets/moons.py", r"REFLECTION = np.array\(\[1.0", "REFLECTION = np.array([2.0"), of_data),
        (replacing("networks/_layers.py", r"return any\(", "return all("), EVERY),
        (replacing("networks/__init__.py", "as_tuples = {", "as_tuples = {'hidden': (2,)} or {"), EVERY),
        (replacing("base/philox.py", "digest_size=", "digest_size=8 + "), EVERY),
        (replacing("prediction/predict.py", "2 \\* size >= chunk", "3 * size >= chunk"), EVERY),
        (replacing("training/inputs.py", "CURVE_DRAWS = 5", "CURVE_DRAWS = 6"), EVERY),
        (replacing("training/records.py", '"q025": 0.025', '"q025": 0.05'), EVERY),
    ],
    ids=["a prior's number", "a method", "a data set's constant", "a network's base", "a package's own code",
         "random numbers", "predictions", "the engine's constant", "what is stored"],
)  # fmt: skip
def test_what_changes_a_result_retrains_what_it_concerns_and_no_more(before, after, edit, concerned):
    wanted = {cell_id for cell_id in before if concerned(cell_id)}
    found = changed(before, after(edit))
    assert wanted and methods(found) == methods(wanted) and len(found) == len(wanted)
    assert not found - wanted


def test_a_helper_is_followed_wherever_it_is_put(before, after):
    """Into a neighbouring file by a relative import, used by one method."""

    def edit(root):
        (root / "inference" / "_helper.py").write_text("def doubled(x):\n    return 2 * x\n", encoding="utf-8")
        replacing(
            "inference/swag.py",
            "from bnnbench.base.progress",
            "from ._helper import doubled\nfrom bnnbench.base.progress",
        )(root)
        step = "self.momentum \\* path.velocity", "doubled(self.momentum) * path.velocity"
        replacing("inference/swag.py", *step)(root)

    first = after(edit)
    assert methods(changed(before, first)) == {"swag"}
    digest.SOURCE.root.joinpath("inference", "_helper.py").write_text(
        "def doubled(x):\n    return 2.5 * x\n", encoding="utf-8"
    )
    digest.SOURCE = Source(digest.SOURCE.root)
    forget_source()
    assert methods(changed(first, keys())) == {"swag"}


def overridden(**study) -> dict[str, str]:
    return keys(TOY | {"overrides": {"toy": TOY["overrides"]["toy"] | study}})


def test_numbers_written_in_another_way_are_the_same_settings(before):
    settings = {"map": {"settings": {"steps": 2000, "learning_rate": 4e-2}}}
    assert not changed(before, overridden(inference=settings, scales=[0.10, 0.3, 1.0, 3, 10]))


def test_a_learning_curve_is_part_of_a_result(before):
    assert methods(changed(before, overridden(inference={"map": {"curve": 5}}))) == {"map"}


def test_a_cell_with_another_coordinate_has_another_key():
    (cell, *_) = grid.load(TOY, thorough=False).cells
    others = [cell.with_seed(7), replace(cell, scale=0.7), replace(cell, recipe="new"), replace(cell, draws=3)]
    assert len({cell.key, *(other.key for other in others)}) == 5
    assert replace(cell.with_seed(7), seed=0).key == cell.key
