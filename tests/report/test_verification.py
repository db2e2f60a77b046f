"""`bnnbench verify`: what is wrong with a results folder is named, and what can be made again is removed."""

import os
import shutil

import pytest
import yaml
from fake_reference import copy_of

from bnnbench import claims, cli
from bnnbench.evaluation import evaluate, probing
from bnnbench.files.shards import ShardFile
from bnnbench.report import verification
from bnnbench.study import grid
from bnnbench.training import train


@pytest.fixture
def whole(small_plan, tmp_path):
    """A copy of a run, but for its report, which is put in its place by hand."""
    plan = copy_of(small_plan, tmp_path / "results")
    (plan.results / "report").mkdir()
    for name in ("index.html", "report.pdf"):
        (plan.results / "report" / name).touch()
    evaluate.gather(plan)
    probing.gather(plan)
    claims.write(plan)
    return plan


def paths(found, kind):
    return {path.name for path in getattr(found, kind)}


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_run_is_whole(whole):
    found = verification.verify(whole)
    assert found.is_whole, found.lines()
    assert found.lines()[-1].startswith("0 damaged, 0 stale, 0 missing")


def test_a_flipped_bit_in_any_kind_of_file_is_damage_and_only_that_file_is_removed(whole):
    some = [next((whole.results / part).glob("*")) for part in ("data", "shards", "metrics")]
    some.append(whole.results / "cells.parquet")
    for path in some:
        flip(path)
    before = {path for path in whole.results.rglob("*") if path.is_file()}
    found = verification.verify(whole)
    assert set(found.damaged) == set(some) and not found.stale
    assert sorted(some) == verification.repair(found)
    assert before - {path for path in whole.results.rglob("*") if path.is_file()} == set(some)
    assert paths(verification.verify(whole), "missing") == {path.name for path in some}


def test_a_shards_file_under_anothers_name_is_damage(whole):
    first, second = sorted((whole.results / "shards").glob("*.nc"))[:2]
    shutil.copy(first, second)
    found = verification.verify(whole)
    assert set(found.damaged) == {second} and "is the file of shard" in found.damaged[second]


def test_cells_of_other_settings_are_stale_and_stay_for_the_next_run(whole):
    settings = {"toy": {"inference": {"map": {"settings": {"steps": 201}}}}}
    overrides = whole.config.model_dump()["overrides"]
    overrides["toy"]["inference"]["map"] = settings["toy"]["inference"]["map"]
    other = grid.load(whole.config.model_dump() | {"overrides": overrides})
    found = verification.verify(other)
    stale = [path for path in found.stale if path.suffix == ".nc"]
    assert stale and all("--map" in path.name for path in stale)
    assert {"metrics.parquet", "cells.parquet"} <= paths(found, "stale")
    removed = verification.repair(found)
    assert all(path.is_file() for path in stale) and not {path.suffix for path in removed} - {".parquet"}


def test_what_is_not_there_is_missing_and_what_no_run_writes_is_foreign_and_stays(whole):
    gone = next((whole.results / "shards").glob("*.nc"))
    gone.unlink()
    note = whole.results / "notes.txt"
    note.write_text("mine")
    found = verification.verify(whole)
    assert paths(found, "missing") == {gone.name} and note in found.foreign
    verification.repair(found)
    assert note.read_text() == "mine"


def test_a_shard_that_lacks_cells_says_how_many(whole):
    path = next((whole.results / "shards").glob("*--map.nc"))
    stored = ShardFile.read(path)
    stored.drop({stored.rows[0]["id"]})
    stored.write(path, {"shard": path.stem})
    assert "1 of its cells are not trained" in verification.verify(whole).missing[path]


def test_after_a_repair_the_same_cells_come_back(whole):
    path = next((whole.results / "shards").glob("*--map.nc"))
    before = ShardFile.read(path)
    flip(path)
    verification.repair(verification.verify(whole))
    train.train_shard(whole, whole.shards[path.stem], path)
    after = ShardFile.read(path)
    assert {r["key"] for r in after.rows} == {r["key"] for r in before.rows}
    same = after.groups["test"].mean_proba.sel(cell=before.groups["test"].cell)
    assert (same.values == before.groups["test"].mean_proba.values).all()


def test_the_command_prints_findings_and_its_exit_code_says_whether_all_is_well(whole, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(whole.config.model_dump(exclude_defaults=True)), encoding="utf-8")
    assert cli.main(["verify", "--config", str(config)]) == 0
    flip(whole.results / "tuned.parquet")
    assert cli.main(["verify", "--config", str(config)]) == 1
    assert cli.main(["verify", "--repair", "--config", str(config)]) == 1
    assert "damaged: " in capsys.readouterr().out and not (whole.results / "tuned.parquet").exists()
    assert os.listdir(whole.results / "shards")
    shutil.rmtree(whole.results)
    assert cli.main(["verify", "--config", str(config)]) == 2
