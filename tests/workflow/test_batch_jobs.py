"""Shards that share a job of the workflow: none of them is trained twice, whatever happens to the job."""

import pytest
from small_run import NOTHING_ELSE
from test_workflow import Run

from bnnbench.files.shards import ShardFile
from bnnbench.study import grid

pytestmark = pytest.mark.slow

METHODS = {"map": 50, "swag": 60}
LATER = {"sgld": {"chains": 1, "steps": 100, "keep": 5}}


def config_of(models: list[str], **more: dict) -> dict:
    inference = {name: {"settings": {"steps": steps}, "recipes": None} for name, steps in METHODS.items()}
    inference |= {name: {"settings": settings, "recipes": None, "draws": 5} for name, settings in more.items()}
    toy = {
        "datasets": {"moons": {"noise": [0.4], "n_test": 500}, "circles": None},
        "models": models,
        "inference": NOTHING_ELSE | inference,
        "draws": 10,
    }
    return {"studies": ["toy"], "seeds": [0], "device": "cpu", "compile": "off", "overrides": {"toy": toy}}


@pytest.fixture
def run(tmp_path) -> Run:
    """A run that has trained two shards in one job."""
    run = Run(tmp_path, config_of(["normal-1"]))
    code, output = run.finish(*targets(run))
    assert code == 0, output
    assert "Train toy--short-1 (map, swag)" in output and output.count("Train toy") == 1
    return run


def paths_of(run: Run, folder: str = "shards", ending: str = ".nc"):
    plan = grid.load(run.config, thorough=False)
    return {shard.inference: run.results / folder / f"{name}{ending}" for name, shard in plan.shards.items()}


def targets(run: Run) -> list[str]:
    """The files of shards and metrics, as `all` asks for them."""
    paths = [*paths_of(run).values(), *paths_of(run, "metrics", ".parquet").values()]
    return ["--", *map(str, paths)]  # or --configfile would swallow them


def seconds(path) -> dict[str, float]:
    return {row["id"]: row["seconds"] for row in ShardFile.read(path, []).rows}


def test_what_was_trained_is_kept_where_another_shard_of_the_job_fails(run):
    paths = paths_of(run)
    before = seconds(paths["map"])
    whole = paths["swag"].read_bytes()
    paths["swag"].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # of its seal
    run.write(config_of(["normal-1", "laplace-1"]))
    code, output = run.finish(*targets(run))
    assert code != 0
    assert "1 of 2 failed: toy--plane-n_test-500--mlp-5-5--swag" in output and "does not match its seal" in output
    assert (run.results / "logs" / "train" / "toy--short-1.log").is_file()
    kept = seconds(run.results / "shards" / f".{paths['map'].stem}.unfinished.nc")
    assert len(kept) == 2 and before.items() <= kept.items()

    paths["swag"].write_bytes(whole)
    code, output = run.finish(*targets(run))
    assert code == 0, output
    assert seconds(paths["map"]) == kept
    assert len(seconds(paths["swag"])) == 2


def test_a_job_that_gets_another_shard_leaves_the_files_of_the_others_as_they_are(run):
    before = {name: path.read_bytes() for name, path in paths_of(run).items()}
    run.write(config_of(["normal-1"], **LATER))
    code, output = run.finish(*targets(run))
    assert code == 0, output
    assert "Train toy--short-1 (map, swag, sgld)" in output
    paths = paths_of(run)
    assert {name: paths[name].read_bytes() for name in before} == before
    assert len(seconds(paths["sgld"])) == 1
    assert "Nothing to be done" in run.finish(*targets(run))[1]
