"""A results file that is damaged, or that is another's, is refused by name; nothing is read from it in silence."""

import shutil

import numpy as np
import pandas as pd
import pytest

from bnnbench.datasets import DataError, DataSet
from bnnbench.evaluation import evaluate
from bnnbench.files import integrity
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.files.tables import about, read_table, write_table
from bnnbench.study import planning
from bnnbench.training import train


def files(plan):
    """A file of each kind with the function that reads it."""
    shard = next(iter(plan.shards))
    return {
        "table": (plan.results / "metrics.parquet", read_table),
        "shard": (plan.results / "shards" / f"{shard}.nc", ShardFile.read),
        "data": (plan.results / "data" / "moons-0.4.nc", DataSet.from_netcdf),
    }


@pytest.mark.parametrize("kind", ["table", "shard", "data"])
def test_a_flipped_bit_is_noticed_wherever_it_is(small_plan, tmp_path, kind):
    path, read = files(small_plan)[kind]
    content, copy = path.read_bytes(), tmp_path / path.name
    rng = np.random.default_rng(0)
    places = [0, 5, len(content) // 2, len(content) - 1, *rng.integers(0, len(content), 60)]
    for place in places:
        spoilt = bytearray(content)
        spoilt[place] ^= 1 << rng.integers(8)
        copy.write_bytes(spoilt)
        with pytest.raises(ValueError, match=rf"{copy.name} .*delete it and (run|generate it) again"):
            read(copy)
    copy.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=copy.name):
        read(copy)
    copy.write_bytes(content)
    read(copy)


def test_other_programs_read_sealed_files(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    write_table(frame, tmp_path / "t.parquet", shard="s")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), frame)
    assert about(tmp_path / "t.parquet")["shard"] == "s"


def test_text_that_looks_like_a_seal_stays_as_it_is(small_plan, tmp_path):
    text = integrity.PLACEHOLDER + "a" * 80
    shard = next(iter(small_plan.shards))
    stored = ShardFile.read(small_plan.results / "shards" / f"{shard}.nc")
    stored.rows[0]["reason"] = text
    stored.write(tmp_path / f"{shard}.nc", {"shard": shard})
    assert ShardFile.read(tmp_path / f"{shard}.nc").rows[0]["reason"] == text
    frame = pd.DataFrame({"reason": [text], integrity.PLACEHOLDER: [1]})
    write_table(frame, tmp_path / "t.parquet", config=text)
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), frame)
    assert about(tmp_path / "t.parquet")["config"] == text


def test_a_file_without_a_seal_is_named(tmp_path):
    (tmp_path / "old.parquet").write_bytes(b"PAR1")
    (tmp_path / "empty.nc").touch()
    for name in ("old.parquet", "empty.nc"):
        with pytest.raises(ValueError, match=f"{name} has no seal: it is damaged, or of an older version"):
            integrity.verify(tmp_path / name)


@pytest.fixture
def swapped(small_plan, tmp_path):
    """A copy of a run in which one shard's files lie under another's name: (plan, the other shard)."""
    from fake_reference import copy_of

    plan = copy_of(small_plan, tmp_path / "results")
    first, second = (s for s in plan.shards.values() if s.study == "toy")
    for folder, suffix in (("shards", "nc"), ("metrics", "parquet")):
        shutil.copy(plan.results / folder / f"{first.name}.{suffix}", plan.results / folder / f"{second.name}.{suffix}")
    return plan, second


def test_another_shards_file_is_refused_by_all_who_read_it(swapped, tmp_path):
    plan, shard = swapped
    path = plan.results / "shards" / f"{shard.name}.nc"
    for use in (
        lambda: train.train_shard(plan, shard, path),
        lambda: evaluate.evaluate_shard(plan, shard, path, tmp_path / "out.parquet"),
        lambda: planning.states(plan, shard),
    ):
        with pytest.raises(ValueError, match=f"{path.name} is the file of shard '.*', not of '{shard.name}'"):
            use()
    assert not (tmp_path / "out.parquet").exists()
    with pytest.raises(ValueError, match=f"is a table of shard '.*', not of '{shard.name}'"):
        evaluate.gather(plan)


def test_another_shards_unfinished_cells_are_trained_again(swapped, caplog):
    plan, shard = swapped
    path = plan.results / "shards" / f"{shard.name}.nc"
    path.rename(unfinished(path))
    stored, todo = train.pending(shard, path)
    assert not stored.rows and todo == shard.trainable
    assert "its cells are trained again" in caplog.text


def test_another_data_sets_file_is_refused(small_plan, tmp_path):
    path = shutil.copy(small_plan.results / "data" / "moons-0.4.nc", tmp_path / "circles-0.4.nc")
    with pytest.raises(DataError, match=r"circles-0.4.nc holds the data set 'moons-0.4', not 'circles-0.4'"):
        DataSet.from_netcdf(path, "circles-0.4")
