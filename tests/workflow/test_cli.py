"""Commands end in a sentence and an exit code, whatever is closed, full or in use around them."""

import errno
import os
import subprocess
import sys

import pytest
import yaml

from bnnbench import cli
from bnnbench.base import lifetime
from bnnbench.files.writing import PARTIAL, remove_leftovers
from bnnbench.study import grid, planning

BNNBENCH = [sys.executable, "-m", "bnnbench.cli"]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(
        yaml.safe_dump({"studies": ["toy"], "seeds": [0], "results_dir": str(tmp_path / "results")}), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("arguments", [["plan"], ["plan", "--summary"], ["--help"]])
def test_a_reader_that_has_enough_is_no_error(config, arguments):
    if arguments != ["--help"]:
        arguments = [*arguments, "--config", str(config)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*BNNBENCH, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.stderr == "" and done.returncode in (0, 141)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device", "results/cells.parquet"),
                                   OSError("HDF5: write failed (errno = 28, 'No space left on device')")])  # fmt: skip
def test_a_full_disk_is_a_sentence(config, monkeypatch, caplog, error):
    def refused(plan):
        raise error

    monkeypatch.setattr(planning, "listing", refused)
    assert cli.main(["plan", "--config", str(config)]) == 2
    message = caplog.text
    assert "No space left on device" in message and "make room on the disk" in message and "Traceback" not in message


def test_retry_is_refused_while_a_run_goes_on(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with lifetime.claimed(tmp_path / ".snakemake", "process 1, CONFIG=first"):
        assert cli.main(["retry", "--config", str(config)]) == 2
    assert cli.main(["retry", "--config", str(config)]) == 0


def test_only_what_killed_processes_were_writing_is_removed(config):
    results = grid.load(config).results
    (results / "shards").mkdir(parents=True)
    kept = [".a.unfinished.nc", ".a.0123.checkpoint", "a.nc", "my.partial.nc", ".hidden"]
    for name in kept:
        (results / "shards" / name).touch()
    (results / f".report-abcdefgh{PARTIAL}" / "assets").mkdir(parents=True)
    (results / "shards" / f".a-abcdefgh{PARTIAL}.nc").touch()
    remove_leftovers(results)
    assert sorted(path.name for path in (results / "shards").iterdir()) == sorted(kept)
    assert [path.name for path in results.iterdir()] == ["shards"]
