"""Whatever a config holds, the command line answers at once, in words, and touches nothing."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hostile import CASES, COMMANDS, RUN, laughs, listed, toy

from bnnbench import cli, inference
from bnnbench.study import config, grid
from bnnbench.study.config import ConfigError

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 5, 200


@pytest.fixture(scope="module", autouse=True)
def _imported():
    """What importing torch costs is none of the cases'."""
    inference.find("map")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder, two levels below what is watched, with links and a pipe that configs may name."""
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    (place / "a.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    os.mkfifo(place / "pipe")
    links = {"loop": "loop", "dangling": "nowhere", "sources": ROOT / "config", "zero.csv": "/dev/zero"}
    for name, target in links.items():
        (place / name).symlink_to(target)
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return place


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """All that lies below two levels above a folder: size and time of change."""
    root = folder.parents[1]
    found = {str(path.relative_to(root)): path.lstat() for path in root.rglob("*")}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}


def most_memory() -> float:
    """Megabytes that this process had at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.fixture
def plan(folder, caplog, capsys):
    """`bnnbench plan` of a config: its exit code and what it said, within seconds of work, with nothing written."""

    def late(number, frame):
        raise AssertionError("no answer in time")

    def run(content: str | bytes, *options: str) -> tuple[int, str]:
        (folder / "run.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
        before, memory = listing(folder), most_memory()
        signals = {signal.SIGPROF: (signal.ITIMER_PROF, SECONDS), signal.SIGALRM: (signal.ITIMER_REAL, 60)}
        old = {number: signal.signal(number, late) for number in signals}
        for timer, seconds in signals.values():
            signal.setitimer(timer, seconds)
        try:
            code = cli.main(["plan", "--summary", "--config", "run.yaml", *options])
        finally:
            for timer, _ in signals.values():
                signal.setitimer(timer, 0)
            for number, handler in old.items():
                signal.signal(number, handler)
        assert listing(folder) == before
        assert most_memory() - memory < MEGABYTES
        return code, caplog.text + capsys.readouterr().out

    return run


@pytest.mark.parametrize(("content", "messages"), [(c, m) for _, c, *m in CASES], ids=[name for name, *_ in CASES])
def test_a_broken_config_is_refused_with_place_and_remedy(plan, content, messages):
    code, said = plan(content)
    assert code == 2
    assert "run.yaml" in said or "study 'toy'" in said
    for message in messages:
        assert message in said, said[:2000]
    assert "Traceback" not in said and len(said) < 20_000
    assert all(c.isprintable() or c == "\n" for c in said)


def test_there_are_enough_of_them():
    assert len(CASES) >= 60 and len({name for name, *_ in CASES}) == len(CASES)


@pytest.mark.parametrize("results", COMMANDS)
def test_what_looks_like_a_command_is_a_folders_name(plan, results):
    code, said = plan(f"{RUN}results_dir: {results}\n")
    assert code == 0
    assert f"{yaml.safe_load(results)}/report/index.html" in said


@pytest.mark.parametrize("results", ["link", "link/below", "$PLACE/x"])
def test_results_may_lie_anywhere_else(plan, folder, tmp_path, monkeypatch, results):
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("PLACE", str(tmp_path))
    assert plan(f"{RUN}results_dir: {results}\n")[0] == 0


def test_a_mark_at_the_beginning_is_no_fault(plan):
    assert plan(RUN.encode("utf-8-sig"))[0] == 0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/dev/zero", "/dev/zero is a device or a pipe: give the path of a YAML file"),
        ("pipe", "pipe is a device or a pipe: give the path of a YAML file"),
        ("zero.csv", "zero.csv is a device or a pipe"),
        (".", ". is a folder: give the path of a YAML file"),
        ("", "is a folder: give the path of a YAML file"),
        ("none.yaml", "no config file at 'none.yaml': give the path of a YAML file"),
        ("a.csv/x.yaml", "no config file at 'a.csv/x.yaml'"),
        ("loop", "no config file at 'loop'"),
        ("x" * 300, "cannot be read: File name too long: correct its name"),
        ("$(touch owned)", "no config file at '$(touch owned)'"),
    ],
)
def test_what_is_no_config_file_is_refused(plan, path, message):
    code, said = plan(RUN, "--config", path)
    assert code == 2 and message in said


def test_a_file_that_may_not_be_read_is_refused(plan, monkeypatch):
    plain = Path.open

    def refused(self, mode="r", *args, **kwargs):  # the tests may run as root, who may read everything
        if mode == "rb" and self.name == "run.yaml":
            raise PermissionError(13, "Permission denied")
        return plain(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refused)
    code, said = plan(RUN)
    assert code == 2 and "run.yaml cannot be read: Permission denied: correct its name or its permissions" in said


WRONG = [None, True, -1, 0, 10**30, 1.5, float("nan"), float("inf"), "text", "", "../x", "$(touch owned)", [], [[]],
         [None], ["a", "a"], [{"a": 1}], {}, {"a": None}, {"a": {"b": [1]}}]  # fmt: skip
STUDY = {
    "name": "toy",
    "title": "T",
    "question": "Q",
    "datasets": {"moons": {"noise": [0.3], "n_test": 100}, "other": {"family": "circles", "noise": 0.2}},
    "networks": {"net": {"kind": "mlp", "hidden": [5], "activation": "tanh"}},
    "priors": {"normal": {"scales": [1.0]}, "near": {"family": "normal", "centre": {"model": "normal-1"}}},
    "scales": [1.0],
    "hyperpriors": {"half_cauchy": {"scale": 1.0}},
    "likelihoods": {"categorical": {}},
    "models": ["normal-1"],
    "inference": {
        "map": {
            "settings": {"steps": 10, "learning_rate": 0.1, "batch_size": 5},
            "recipes": {"short": {"steps": 5}},
            "only": [{"seed": [0], "dataset": ["moons-0.3"]}],
            "draws": 5, "stack": 5, "apart": ["seed"], "curve": 5, "seconds": {"net": 1.0},
        }
    },
    "references": ["map"],
    "draws": 10,
    "probes": {"regions": {"settings": {}, "only": [{"network": ["net"]}]}},
}  # fmt: skip


def places(value, *path):
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], *path, key)


def with_value(content, path: tuple, value):
    if not path:
        return value
    made = content.copy()
    made[path[0]] = with_value(made[path[0]], path[1:], value)
    return made


def test_a_wrong_value_at_any_place_of_a_study_is_a_fault_or_sound(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "STUDIES", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    run = {"studies": ["toy"], "seeds": [0], "results_dir": "results"}
    assert grid.load(run).cells
    outcomes = {True: 0, False: 0}
    for i, path in enumerate(list(places(STUDY))[1:]):
        for value in WRONG[i % 7 :: 7]:  # all of them at every place would take half a minute
            change = with_value(STUDY, path, value)
            try:
                outcomes[bool(grid.load(run | {"overrides": {"toy": change}}).cells)] += 1
            except ConfigError as error:
                outcomes[False] += 1
                assert all("toy" in fault and len(fault) < 3000 for fault in error.faults), (path, value)
    assert outcomes[False] > 3 * outcomes[True] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["toy.yaml"]


@pytest.mark.parametrize("name", ["$(touch owned)", "a;rm", "{x}", "<b>", "*bold*", "-rf", "a\tb"])
def test_a_study_whose_file_has_such_a_name_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(STUDY | {"name": name}), encoding="utf-8")
    monkeypatch.setattr(config, "STUDIES", tmp_path)
    with pytest.raises(ConfigError, match="files are named so"):
        grid.load({"studies": [name], "seeds": [0]})


NAMES = ["../x", "/x", "$(touch owned)", "a;b", "", "a b", "{{7*7}}", "x" * 300]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["study", "prior", "method", "dataset", "metric", "likelihood"])
def test_a_new_part_of_such_a_name_is_refused(folder, caplog, kind, name, monkeypatch):
    monkeypatch.setattr(config, "STUDIES", folder / "studies")
    table = ["--data", "a.csv", "--target", "y"] if kind == "study" else []
    before, sources = listing(folder), sorted((ROOT / "bnnbench").rglob("*.py"))
    assert cli.main(["new", kind, *table, "--", name]) == 2
    assert listing(folder) == before and sorted((ROOT / "bnnbench").rglob("*.py")) == sources
    assert any(remedy in caplog.text for remedy in ("write ", "begin with", "shorten"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "$(touch owned)", "{{7*7}}"])
@pytest.mark.parametrize("step", ["train --shard", "evaluate --shard", "probe --batch", "notebook --study"])
def test_a_step_of_what_there_is_not_is_refused(folder, caplog, step, name):
    (folder / "run.yaml").write_text(toy("models: [normal-1], datasets: {circles: null}"), encoding="utf-8")
    before = listing(folder)
    assert cli.main([*step.split(), name, "--config", "run.yaml"]) == 2
    assert f"'{name}' in this config: it has " in caplog.text
    assert listing(folder) == before


def limited():
    """A process that may not have the memory that a bomb asks for."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))


BNNBENCH, REPORT = ["-m", "bnnbench.cli", "plan", "--config"], [str(ROOT / "workflow" / "scripts" / "report.py")]
HUGE = f"{{moons: {{noise: [{listed(999, '0.{:04d}')}], n_train: [{listed(999)}], n_test: [{listed(999)}]}}}}"


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        (BNNBENCH, laughs("{x: 1}", "{p: *, q: *, r: *}"), "has more than 20,000 values"),
        (BNNBENCH, "!!python/object/apply:os.system ['touch owned']\n", "is not taken"),
        (BNNBENCH, toy(f"datasets: {HUGE}"), "make 997,002,999 data sets"),
        (REPORT, laughs("{x: 1}", "{<<: [*, *, *]}"), "has more than 20,000 values"),
        (REPORT, "studies: ['$(touch owned)']\n", "unknown study"),
        (REPORT, "studies: [toy]\nseeds: [true]\n", "seeds.0 is True: it must be a whole number"),
    ],
)
def test_a_process_of_its_own_ends_as_well(folder, command, content, message):
    (folder / "run.yaml").write_text(content, encoding="utf-8")
    before = listing(folder)
    done = subprocess.run(
        [sys.executable, *command, "run.yaml"], capture_output=True, text=True, timeout=60, preexec_fn=limited,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    after = {name: seen for name, seen in listing(folder).items() if ".snakemake" not in name}  # the run's own lock
    after.pop("a/b"), before.pop("a/b")
    assert after == before
