"""The whole workflow as a user runs it: snakemake on a config, in a temporary folder."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_run import NOTHING_ELSE

from bnnbench.files.shards import ShardFile

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


class Run:
    """A config in a folder of its own, and snakemake on it."""

    def __init__(self, folder: Path, config: dict):
        self.folder, self.results = folder, folder / "results"
        self.config = folder / "config.yaml"
        self.write(config)

    def write(self, config: dict) -> None:
        self.config.write_text(yaml.safe_dump(config | {"results_dir": str(self.results)}), encoding="utf-8")

    def start(self, *extra: str, snakemake: tuple[str, ...] = ("-m", "snakemake")) -> subprocess.Popen:
        options = {
            "-s": ROOT / "Snakefile",
            "--directory": self.folder,
            "--profile": ROOT / "profiles" / "default",
            "--cores": "all",
            "--configfile": self.config,
        }
        command = [sys.executable, *snakemake, *(str(word) for pair in options.items() for word in pair), *extra]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        # A shell starts its background jobs deaf to Ctrl-C, and the tests may be one.
        pipes["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)

    def finish(self, *extra: str) -> tuple[int, str]:
        process = self.start(*extra)
        output, _ = process.communicate(timeout=900)
        return process.returncode, output


@pytest.fixture(scope="module")
def ci(tmp_path_factory) -> Run:
    """config/ci.yaml, interrupted once while it trains and then finished."""
    run = Run(tmp_path_factory.mktemp("ci"), yaml.safe_load((ROOT / "config" / "ci.yaml").read_text(encoding="utf-8")))
    process = run.start()
    deadline = time.monotonic() + 300
    while not list(run.results.glob("shards/[!.]*.nc")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0, output
    run.interrupted = {path.name: ShardFile.read(path, []) for path in run.results.glob("shards/[!.]*.nc")}
    for kept in run.results.glob("shards/.*.unfinished.nc"):  # of a job of several shards, or of several stacks
        name = kept.name.removeprefix(".").replace(".unfinished", "")
        run.interrupted[name] = ShardFile.read(kept, [])
    code, run.output = run.finish()
    assert code == 0, run.output
    return run


def test_it_goes_on_where_it_was_interrupted(ci):
    assert any(r["state"] == "done" for before in ci.interrupted.values() for r in before.rows)
    for name, before in ci.interrupted.items():
        after = {r["id"]: r for r in ShardFile.read(ci.results / "shards" / name, []).rows}
        trained = [r for r in before.rows if r["state"] == "done"]
        assert [after[r["id"]]["seconds"] for r in trained] == [r["seconds"] for r in trained]  # not trained again


def test_every_cell_of_the_plan_is_done_or_merged(ci):
    cells = pd.read_parquet(ci.results / "cells.parquet")
    assert set(cells.state) == {"done", "merged"}
    assert {"map", "mean_field"} <= set(cells.inference)


def test_the_terminal_shows_jobs_steps_and_cells(ci):
    assert re.search(r"\d+ of \d+ steps \(\d+%\) done", ci.output)
    assert re.search(r"\d+ cells, step \d+ of \d+", ci.output)


def test_the_report_is_whole(ci):
    report = ci.results / "report"
    assert (report / "report.pdf").read_bytes().startswith(b"%PDF")
    for page in report.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "Traceback" not in text
        for target in re.findall(r'(?:href|src)="([^"#]+)', text):
            assert not target.startswith(("http", "/")) or target.startswith("https://doi.org"), (page, target)
            assert (report / target.split("?")[0]).exists() or target.startswith("https://doi.org"), (page, target)
    overview = (report / "index.html").read_text(encoding="utf-8")
    done = (pd.read_parquet(ci.results / "cells.parquet").state == "done").sum()
    assert str(done) in overview


def test_notebooks_ran_without_error_and_did_not_train(ci):
    for study in ("toy", "digits"):
        text = (ci.results / "notebooks" / f"{study}.ipynb").read_text(encoding="utf-8")
        assert '"output_type": "error"' not in text
        assert "image/" in text


def test_a_second_run_does_nothing(ci):
    code, output = ci.finish()
    assert code == 0
    assert "Nothing to be done" in output


def test_dry_run_of_a_wider_config_names_only_what_is_new(ci):
    config = yaml.safe_load(ci.config.read_text(encoding="utf-8"))
    models = [*config["overrides"]["toy"]["models"], "laplace-10"]
    wider = config | {"overrides": config["overrides"] | {"toy": config["overrides"]["toy"] | {"models": models}}}
    path = ci.folder / "wider.yaml"
    path.write_text(yaml.safe_dump(wider), encoding="utf-8")
    plan = [sys.executable, "-m", "bnnbench.cli", "plan", "--config", str(path)]
    cells = re.findall(r"^  (\S+)", subprocess.run(plan, capture_output=True, text=True).stdout, re.M)
    assert cells
    assert all("/laplace-10/" in cell for cell in cells)
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(ci.folder), "-n",
               "--cores", "1", "--configfile", str(path)]  # fmt: skip
    dry = subprocess.run(command, capture_output=True, text=True)
    assert dry.returncode == 0
    assert re.search(r"Train toy--short-1 \(map, ", dry.stdout + dry.stderr)
    assert "Train digits" not in dry.stdout + dry.stderr


BROKEN = """
import os
import sys

class Broken:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return 1 / 0 if name == "bnnbench" else None

if "ipykernel_launcher" in " ".join(sys.orig_argv) and not os.path.exists({mended!r}):
    sys.meta_path.insert(0, Broken)
"""
"""Of every Python that is started: the kernels of notebooks cannot import the package until they are mended."""


def test_failed_cells_data_and_notebooks_leave_the_rest_of_the_report_and_are_tried_again(tmp_path, monkeypatch):
    mended, only_map = tmp_path / "mended", NOTHING_ELSE | {"map": {"settings": {"steps": 50}}}
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BROKEN.format(mended=str(mended)), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    run = Run(
        tmp_path,
        {
            "studies": ["toy", "mnist"],
            "seeds": [0],
            "device": "cpu",
            "compile": "off",
            "data_dir": str(tmp_path / "nowhere"),
            "overrides": {
                "toy": {
                    "datasets": {"moons": {"noise": [0.4], "n_test": 1000}, "circles": None},
                    "scales": [1.0, 1e-30],
                    "models": ["normal-1", "normal-1e-30"],
                    "inference": only_map,
                },
                "mnist": {
                    "networks": dict.fromkeys(["lenet-32-32-64", "lenet-32-32-256", "lenet-6-16-120"]),
                    "models": ["normal-1"],
                    "inference": only_map,
                },
            },
        },
    )
    code, output = run.finish()
    assert code != 0 and not (run.results / "checked").exists(), output
    cells = pd.read_parquet(run.results / "cells.parquet").set_index("id")
    toy = cells[cells.study == "toy"]
    assert dict(toy.state) == {
        "toy/moons-0.4/mlp-5-5/normal-1/map/seed-0": "done",
        "toy/moons-0.4/mlp-5-5/normal-1e-30/map/seed-0": "failed",
    }
    mnist = cells[cells.study == "mnist"]
    assert set(mnist.state) == {"failed"} and mnist.reason.str.contains("nowhere").all()
    failures = (run.results / "report" / "failures.html").read_text(encoding="utf-8")
    assert all(name in failures for name in ("normal-1e-30", "nowhere", "ZeroDivisionError"))
    assert "ZeroDivisionError" in (run.results / "report" / "notebooks" / "toy.html").read_text(encoding="utf-8")
    assert all(name in output for name in ("normal-1e-30/map/seed-0", "nowhere", "ZeroDivisionError"))

    mended.touch()
    code, output = run.finish()
    assert code != 0 and not (run.results / "checked").exists()
    assert "Data set mnist" in output and "Data set moons" not in output and "Train toy" not in output
    failures = (run.results / "report" / "failures.html").read_text(encoding="utf-8")
    assert "nowhere" in failures and "ZeroDivisionError" not in failures
    assert not (run.results / "notebooks" / "toy.failed.ipynb").exists()

    retry = [sys.executable, "-m", "bnnbench.cli", "retry", "--config", str(run.config)]
    subprocess.run(retry, cwd=run.folder, check=True)
    assert "Train toy" in run.finish("-n")[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"studies": ["toi"]}, "unknown study 'toi': did you mean 'toy'"),
    ],
)
def test_mistakes_end_in_a_message_and_leave_no_results(tmp_path, change, message):
    run = Run(tmp_path, {"studies": ["toy"], "seeds": [0]} | change)
    code, output = run.finish()
    assert code != 0
    assert message in output
    assert not list(run.results.glob("data/*.nc")) and not list(run.results.glob("shards/*.nc"))


LOOKING = """
import sys
from snakemake import cli
from snakemake.scheduling.job_scheduler import JobScheduler

looks_later = JobScheduler._schedule_reevalutation

def told(self, delay):
    print("LOOKS AGAIN", flush=True)
    looks_later(self, delay)

JobScheduler._schedule_reevalutation = told
cli.main(sys.argv[1:])
"""


def test_snakemake_looks_for_work_when_a_job_ends_and_not_n_times_a_second(tmp_path):
    """Timers that each start another would take a processor for themselves in a run of some hundreds of jobs."""
    run = Run(tmp_path, {"studies": ["toy"], "seeds": [0]})
    process = run.start("--", str(run.results / "data" / "moons-0.4.nc"), snakemake=("-c", LOOKING))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "1 of 1 steps (100%) done" in output, output
    assert "LOOKS AGAIN" not in output
