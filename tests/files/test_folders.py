"""Results are written where nothing else is, and only what runs wrote is removed."""

import os
import subprocess
import sys

import pytest
from fake_reference import copy_of

from bnnbench import load_results
from bnnbench.files import folders
from bnnbench.report import leftovers, render
from bnnbench.study import grid
from bnnbench.study.config import ConfigError

RUN = {"studies": ["toy"], "seeds": [0]}


@pytest.mark.parametrize(
    "folder",
    ["", " ", ".", "..", "/", "bnnbench", "bnnbench/", "tests/data", "config/../config", ".git", "./workflow/rules",
     "README.md", str(folders.CHECKOUT), str(folders.CHECKOUT.parent), str(folders.PACKAGE / "new")],
)  # fmt: skip
def test_a_folder_of_the_sources_is_refused_when_planning(folder, monkeypatch):
    monkeypatch.chdir(folders.CHECKOUT)
    with pytest.raises(ConfigError, match=r"results_dir .*name a folder of its own"):
        grid.load(RUN | {"results_dir": folder}, thorough=False)


def test_a_link_to_the_sources_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(folders.CHECKOUT / "config")
    with pytest.raises(ConfigError, match=r"lies in|is or holds"):
        grid.load(RUN | {"results_dir": str(tmp_path / "link")}, thorough=False)


@pytest.mark.parametrize("folder", ["results", "results/new", "results-ci", "../elsewhere"])
def test_other_folders_are_sound(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folders.CHECKOUT)
    assert folders.fault_of_results(folder) == ""
    assert folders.fault_of_results(tmp_path / "new") == ""


def test_home_and_variables_are_filled_in(monkeypatch, tmp_path, small_plan):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", str(small_plan.results.parent))
    assert grid.load(RUN | {"results_dir": "~/some"}, thorough=False).results == tmp_path / "some"
    plan = grid.load(RUN | {"results_dir": "$HOME/a", "data_dir": "${HOME}/data"}, thorough=False)
    assert plan.results == tmp_path / "a" and plan.config.data_dir == str(tmp_path / "data")
    assert len(load_results("$PLACE/results").cells)
    with pytest.raises(ConfigError, match=r"results_dir .*variable \$NOWHERE is not set"):
        grid.load(RUN | {"results_dir": "$NOWHERE/a"}, thorough=False)
    with pytest.raises(ConfigError, match=r"data_dir .*variable \$NOWHERE is not set"):
        grid.load(RUN | {"data_dir": "$NOWHERE/a"}, thorough=False)
    with pytest.raises(ValueError, match="NOWHERE is not set"):
        load_results("$NOWHERE/results")


def test_only_what_runs_wrote_is_removed(small_plan, tmp_path):
    plan = copy_of(small_plan, tmp_path / "results")
    render(plan)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "metrics.parquet").write_text("not in there", encoding="utf-8")
    mine = ["notes.txt", "data/mine.csv", "data/mine.nc", "shards/copy.nc", "report/mine.html", "logs/mine.log"]
    for name in mine:
        path = plan.results / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    (plan.results / "linked").symlink_to(elsewhere)
    removed, left = leftovers.remove(plan)
    assert removed > 10
    assert sorted(map(str, left)) == sorted([*mine, "linked"])
    assert (elsewhere / "metrics.parquet").exists()
    for name in mine:
        (plan.results / name).unlink()
    (plan.results / "linked").unlink()
    (plan.results / "checked").touch()
    assert leftovers.remove(plan) == (1, []) and not plan.results.exists()


def test_results_of_studies_that_the_config_names_no_more_are_known_by_their_seals(small_plan, tmp_path):
    plan = copy_of(small_plan, tmp_path / "results")
    other = grid.load({"studies": ["digits"], "results_dir": str(plan.results)}, thorough=False)
    assert not list((plan.results / "shards").glob("digits*"))
    leftovers.remove(other)
    assert not (plan.results / "shards").exists() and not (plan.results / "data").exists()


def test_the_commit_is_that_of_the_checkout_that_tracks_the_package(tmp_path):
    """Not that of another repository that a copy lies in, nor of one that the environment names."""
    code = "from bnnbench.files.provenance import git_commit; print(repr(git_commit()))"

    def commit(root, **environment):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
            env=os.environ | {"PYTHONPATH": str(root)} | environment,
        )  # fmt: skip
        return done.stdout.strip()

    other = tmp_path / "other"
    other.mkdir()
    git = ["git", "-C", str(other), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    (other / "copy").mkdir()
    subprocess.run(["cp", "-r", str(folders.PACKAGE), str(other / "copy")], check=True)
    assert commit(other / "copy") == "''"
    assert commit(folders.CHECKOUT) == commit(folders.CHECKOUT, GIT_DIR=str(other / ".git"))
