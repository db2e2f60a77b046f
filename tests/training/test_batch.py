"""Shards that one job trains one after the other."""

import pytest
import torch
import yaml
from small_run import NOTHING_ELSE, SMALL

from bnnbench import cli, datasets
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.study import failures, grid, planning
from bnnbench.study.batches import batches
from bnnbench.training import train

METHODS = ("map", "mle", "mc_dropout")
QUICK = {"settings": {"steps": 20}, "recipes": None}


@pytest.fixture
def config(tmp_path):
    toy = SMALL["overrides"]["toy"] | {
        "datasets": {"moons": {"noise": [0.4], "n_test": 500}, "circles": None},
        "models": ["normal-1", "flat"],
        "inference": NOTHING_ELSE | dict.fromkeys(METHODS, QUICK),
    }
    return SMALL | {"seeds": [0], "results_dir": str(tmp_path / "results"), "overrides": {"toy": toy}}


@pytest.fixture
def plan(config):
    plan = grid.load(config)
    for spec in plan.datasets.values():
        made = datasets.make(spec.family, spec.options, plan.config.seeds)
        made.to_netcdf(plan.results / "data" / f"{spec.name}.nc")
    return plan


def paths_of(plan):
    return {name: plan.results / "shards" / f"{name}.nc" for name in plan.shards}


def bytes_of(paths):
    return {name: path.read_bytes() for name, path in paths.items() if path.is_file()}


@pytest.fixture
def asked(monkeypatch):
    """Methods of the stacks that are trained."""
    found, train_stack = [], train.train_stack

    def noted(cells, *rest):
        found.append(cells[0].inference)
        return train_stack(cells, *rest)

    monkeypatch.setattr(train, "train_stack", noted)
    return found


def raising(monkeypatch, method, error):
    """Let the stacks of a method raise, as nothing that the cells themselves do."""
    train_stack = train.train_stack

    def one(cells, *rest):
        if cells[0].inference == method:
            raise error
        return train_stack(cells, *rest)

    monkeypatch.setattr(train, "train_stack", one)


def test_a_shard_that_raises_leaves_the_others_trained_and_waiting_beside_their_files(plan, monkeypatch, asked):
    """Snakemake takes away the files of a job that failed."""
    paths = paths_of(plan)
    with monkeypatch.context() as patch:
        raising(patch, "mle", OSError("unreadable"))
        with pytest.raises(OSError, match=r"1 of 3 failed: toy--.*--mle: OSError: unreadable"):
            train.train_shards(plan, paths)
    assert not bytes_of(paths) and asked == ["map", "mc_dropout"]
    left = {shard.inference for shard in plan.shards.values() if planning.pending(plan, shard)}
    assert left == {"mle"}
    train.train_shards(plan, paths)
    assert asked == ["map", "mc_dropout", "mle"]
    assert all({row["state"] for row in ShardFile.read(path).rows} <= {"done", "skipped"} for path in paths.values())
    assert sorted(path.name for path in (plan.results / "shards").iterdir()) == sorted(f"{n}.nc" for n in plan.shards)


def test_an_interrupted_job_goes_on_where_it_was(plan, monkeypatch, asked):
    paths = paths_of(plan)
    with monkeypatch.context() as patch:
        raising(patch, "mle", KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            train.train_shards(plan, paths)
    assert not bytes_of(paths)
    kept = unfinished(next(iter(paths.values()))).read_bytes()
    train.train_shards(plan, paths)
    assert asked == ["map", "mle", "mc_dropout"]
    assert next(iter(paths.values())).read_bytes() == kept


def test_a_broken_gpu_ends_the_job_at_once(plan, monkeypatch, asked):
    raising(monkeypatch, "map", torch.AcceleratorError("broken"))
    with pytest.raises(torch.AcceleratorError):
        train.train_shards(plan, paths_of(plan))
    assert asked == []


def test_whole_files_are_left_as_they_are_where_a_job_gets_another_shard(plan, asked):
    paths = paths_of(plan)
    *old, new = paths
    train.train_shards(plan, {name: paths[name] for name in old})
    before, times = bytes_of(paths), {name: paths[name].stat().st_mtime_ns for name in old}
    asked.clear()
    train.train_shards(plan, paths)
    assert asked == [plan.shards[new].inference]
    assert {name: paths[name].read_bytes() for name in old} == before
    assert {name: paths[name].stat().st_mtime_ns for name in old} == times


def test_a_shard_without_cells_to_train_has_a_file_all_the_same(plan, config):
    """As where all that a study asks of it is merged into others."""
    config["overrides"]["toy"] |= {"hyperpriors": ["half_normal"], "models": ["flat-half_normal"]}
    merged = grid.load(config)
    assert not any(shard.trainable for shard in merged.shards.values())
    train.train_shards(merged, paths_of(merged))
    assert all(path.is_file() for path in paths_of(merged).values())


def test_commands_take_a_shard_or_a_batch(plan, config, tmp_path, caplog):
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    (batch, names), *_ = batches(plan).items()
    assert names == tuple(plan.shards)
    assert cli.main(["train", "--config", str(file), "--batch", batch]) == 0
    assert cli.main(["evaluate", "--config", str(file), "--batch", batch]) == 0
    assert cli.main(["evaluate", "--config", str(file), "--shard", names[0], "--output", str(tmp_path / "one")]) == 0
    made = {path.stem for path in (plan.results / "metrics").iterdir()}
    assert made == set(names) and (tmp_path / "one").is_file()
    paths_of(plan)[names[0]].write_bytes(b"damaged")
    (plan.results / "metrics" / f"{names[1]}.parquet").unlink()
    assert cli.main(["evaluate", "--config", str(file), "--batch", batch]) == 2
    assert f"1 of 3 failed: {names[0]}: ValueError" in caplog.text
    assert (plan.results / "metrics" / f"{names[1]}.parquet").is_file()
    assert cli.main(["train", "--config", str(file), "--batch", "toy--short-9"]) == 2
    assert "no batch 'toy--short-9' in this config: it has toy--short-1" in caplog.text


def test_files_that_lack_cells_are_set_aside_and_others_are_not(plan, config):
    """Snakemake takes what it puts back where a job failed for what the job was to make."""
    paths = paths_of(plan)
    train.train_shards(plan, paths)
    config["overrides"]["toy"]["inference"]["map"] = {"settings": {"steps": 21}}
    config["overrides"]["toy"]["models"].append("laplace-1")
    wider = grid.load(config)
    lacking = {name for name, shard in wider.shards.items() if planning.pending(wider, shard)}
    assert lacking == {name for name in paths if not name.endswith("--mle")}
    extended, damaged = sorted(lacking)
    newer = bytes_of(paths)[extended]
    unfinished(paths[extended]).write_bytes(newer)
    content = paths[damaged].read_bytes()
    paths[damaged].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    failures.set_aside(wider)
    assert set(bytes_of(paths)) == paths.keys() - {extended}
    assert unfinished(paths[extended]).read_bytes() == newer

    paths[damaged].write_bytes(content)
    failures.set_aside(wider)
    assert unfinished(paths[damaged]).read_bytes() == content and not paths[damaged].is_file()
    (plan.results / "data" / "moons-0.4.nc").unlink()  # its cells cannot be had
    unfinished(paths[damaged]).rename(paths[damaged])
    failures.set_aside(wider)
    assert paths[damaged].is_file()
