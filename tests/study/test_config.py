"""Mistakes in a config are found before anything runs, and named."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from bnnbench.source import plugins
from bnnbench.study import config, grid
from bnnbench.study.config import ConfigError

GOOD = {"studies": ["toy"], "seeds": [0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"studies": ["toyy"]}, "unknown study 'toyy': did you mean 'toy'"),
        ({"studies": []}, "studies"),
        ({"seed": [1]}, "unknown key 'seed': did you mean 'seeds'"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "seeds must be distinct"),
        ({"device": "gpu"}, "device"),
        ({"overrides": {"mnist": {}}}, "'mnist' is not among the studies"),
        ({"overrides": {"toy": {"priors": {"gauss": {}}}}}, "unknown prior 'gauss'"),
        ({"overrides": {"toy": {"priors": dict.fromkeys(plugins.known("prior"))}}}, "is empty"),
        ({"overrides": {"toy": {"scales": [0.0]}}}, "scales.0 is 0.0: it must be greater than 0"),
        ({"overrides": {"toy": {"hyperpriors": ["half_norml"]}}}, "did you mean 'half_normal'"),
        ({"overrides": {"toy": {"inference": {"mapp": {}}}}}, "unknown inference 'mapp': did you mean 'map'"),
        ({"overrides": {"toy": {"inference": {"map": {"setting": {}}}}}}, "did you mean 'settings'"),
        ({"overrides": {"toy": {"inference": {"ensemble": {"curve": 5}}}}}, "ensemble has no curve: remove it"),
        ({"overrides": {"toy": {"datasets": {"moons": {"nois": 1}}}}}, "no option 'nois'"),
        (yaml.safe_load("overrides: {toy: {inference: {map: {settings: {learning_rate: 1e-3}}}}}"),
         "inference.map.settings.learning_rate is the text '1e-3', not a number: write 0.001"),
        (yaml.safe_load("overrides: {toy: {datasets: {moons: {noise: [0.1, 2e-1]}}}}"),
         "datasets.moons.noise.1 is the text '2e-1', not a number: write 0.2"),
        ({"overrides": {"toy": {"models": ["normal-7"]}}}, "no model 'normal-7': did you mean 'normal-"),
        ({"overrides": {"toy": {"models": ["normal-1"], "priors": {"normal": None}}}}, "no cell is left"),
        ({"overrides": {"toy": {"inference": {"map": {"only": {"sead": [1]}}}}}}, "unknown coordinate 'sead'"),
    ],
)  # fmt: skip
def test_mistakes_name_place_and_remedy(change, message):
    with pytest.raises(ConfigError, match=message):
        grid.load(GOOD | change)


WHOLE = "it must be a whole number of at least 1"


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ("inference: {map: {settings: {stepz: 3}}}", "map.settings: no setting 'stepz': did you mean 'steps'"),
        ("inference: {map: {settings: {schedule: cos}}}", "schedule is 'cos': it must be one of cosine, constant"),
        ("inference: {map: {settings: {steps: ten}}}", f"inference.map.settings.steps is 'ten': {WHOLE}"),
        ("inference: {map: {settings: {steps: 60.5}}}", f"settings.steps is 60.5: {WHOLE}"),
        ("inference: {map: {settings: {steps: 2026-01-01}}}", f"steps is datetime.date(2026, 1, 1): {WHOLE}"),
        ("inference: {map: {settings: {learning_rate: -0.1}}}", "learning_rate is -0.1: it must be a number above 0"),
        ("inference: {map: {settings: {learning_rate: .nan}}}", "learning_rate is nan: it must be a number above 0"),
        ("inference: {map: {settings: {batch_size: 0}}}", f"batch_size is 0: {WHOLE}, or null"),
        ("inference: {map: {recipes: {short: {steps: 0}}}}", f"inference.map.recipes.short.steps is 0: {WHOLE}"),
        ("inference: {map: {recipes: {a/b: {steps: 9}}}}", "recipe 'a/b' has the character '/'"),
        ("inference: {map: {seconds: -1}}", "inference.map.seconds: -1 is no number above 0"),
        ("inference: {map: 5}", "inference.map is 5: it must be a mapping"),
        ("inference: {mean_field: {settings: {initial_sd: -1}}}", "initial_sd is -1: it must be a number above 0"),
        ("inference: {hmc: {settings: {chains: 3}}}", "it must be a whole number of at least 2 and a multiple of 2"),
        ("inference: {hmc: {settings: {keep: 9999}}}", "keep is 9999: there are only"),
        ("inference: {ensemble: {settings: {members: 0}}}", f"members is 0: {WHOLE}"),
        ("networks: {net: {kind: mlp, hidden: [0]}}", f"networks.net.hidden.0 is 0: {WHOLE}"),
        ("networks: {net: {kind: mlp, hidden: 5}}", "networks.net.hidden is 5: it must be a list"),
        ("networks: {net: {kind: mlp, hidden: [5, '6']}}", "hidden.1 is the text '6', not a number: write 6"),
        ("networks: {net: {kind: lenet}}", "networks.net cannot be built on moons-0.2: it takes images"),
        ("networks: {a/b: {kind: mlp}}", "network 'a/b' has the character '/'"),
        ("networks: {'{a}': {kind: mlp}}", "network '{a}' has the character '{'"),
        ("networks: {<a>: {kind: mlp}}", "network '<a>' has the character '<'"),
        ("networks: {'..': {kind: mlp}}", "network '..'"),
        (f"networks: {{{'n' * 240}: {{kind: mlp}}}}", "shorten the name of the network"),
        ("datasets: {moons: {noise: .nan}}", "datasets.moons.noise is nan: it must be a number above 0"),
        ("datasets: {moons: {noise: [0.2, -1]}}", "datasets.moons.noise.1 is -1: it must be a number above 0"),
        ("datasets: {moons: {noise: []}}", "datasets.moons.noise is empty"),
        ("datasets: {moons: {n_test: 0}}", f"datasets.moons.n_test is 0: {WHOLE}"),
        ("datasets: {moons: {n_train: [100, 200]}}", "two would be called 'moons-0.2'"),
        ("priors: {scale_mixture: {weight: 2}}", "scale_mixture.weight is 2: it must be a number above 0 and"),
        ("hyperpriors: {half_cauchy: {scale: 0}}", "hyperpriors.half_cauchy.scale is 0: it must be a number above 0"),
        ("scales: [1, .inf]", "scales.1 is inf"),
        ("scales: [1, 3, 1.0]", "scales: 1.0 is there 2 times, at places 1, 3"),
        ("datasets: {moons: {noise: [0.4, 0.40]}}", "datasets.moons: noise: 0.4 is there 2 times, at places 1, 2"),
        ("models: [flat, normal-1, flat]", "models: 'flat' is there 2 times, at places 1, 3"),
        ("hyperpriors: [half_normal, half_normal]", "hyperpriors: 'half_normal' is there 2 times"),
        ("notebook: none", "there is no notebooks/none.ipynb"),
        ("draws: '10'", "draws is '10': it must be a whole number"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_run_is_refused_with_its_place_and_what_is_allowed(study, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        grid.load(GOOD | {"overrides": {"toy": yaml.safe_load(study)}})


def test_all_faults_of_all_studies_are_told_at_once():
    toy = {"inference": {"map": {"settings": {"steps": 0}}}, "scales": [0], "datasets": {"moons": {"noise": -1}}}
    digits = {"networks": {"lenet-8-16": {"kernel": 30}}, "datasets": {"digits": {"n_train": 2000}}}
    with pytest.raises(ConfigError) as error:
        grid.load({"studies": ["toy", "digits"], "seeds": [0, 0], "overrides": {"toy": toy, "digits": digits}})
    assert len(error.value.faults) == 5
    for key in ("seeds", "scales.0", "datasets.moons.noise", "inference.map.settings.steps", "datasets.digits.n_train"):
        assert sum(key in fault for fault in error.value.faults) == 1


def test_scales_that_differ_in_the_ninth_digit_have_names_of_their_own():
    scales = {"scales": [0.1, 0.10000001], "models": ["normal-0.1", "normal-0.10000001"]}
    plan = grid.load(GOOD | {"overrides": {"toy": scales}})
    assert {cell.model: cell.scale for cell in plan.cells} == {"normal-0.1": 0.1, "normal-0.10000001": 0.10000001}


def test_a_run_too_large_to_list_is_refused_at_once():
    with pytest.raises(ConfigError, match="name fewer seeds"):
        grid.load({"studies": ["toy"], "seeds": list(range(100_000))}, thorough=False)


def test_a_bare_off_means_off(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("studies: [toy]\nseeds: [0]\ncompile: off\n", encoding="utf-8")
    assert grid.load(path, thorough=False).config.compile == "off"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"studies: [toy]\nseeds: [0]\nseeds: [1]\n", "the key 'seeds' is there twice, in lines 2 and 3"),
        (b"studies: [toy]\noverrides:\n  toy: {scales: [1], scales: [2]}\n", "the key 'scales' is there twice"),
        ("studies: [toy] # ä\n".encode("latin-1"), "is not UTF-8"),
        (b"studies: &a [*a]\n", "an entry holds itself: write it out"),
        (b"[toy]", "must hold a mapping"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path, content, message):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as error:
        grid.load(path)
    assert "run.yaml" in str(error.value)


def test_planning_finds_what_a_method_refuses_where_there_is_something_to_train(tmp_path):
    path = tmp_path / "run.yaml"
    settings = {"toy": {"inference": {"map": {"settings": {"steps": 0}}}}}
    path.write_text(
        yaml.safe_dump(GOOD | {"overrides": settings, "results_dir": str(tmp_path / "results")}), encoding="utf-8"
    )
    command = [sys.executable, "-m", "bnnbench.cli", "plan", "--summary", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"run.yaml: inference.map.settings.steps is 0: {WHOLE}" in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["normal-0.1", "flatt"]}, "models: no model 'flatt': did you mean 'flat'"),
        ({"networks": {"relu_1200": None}}, "networks: there is no 'relu_1200' to remove: did you mean 'relu-1200'"),
        ({"inference": {"mean_feild": None}}, "there is no 'mean_feild' to remove: did you mean 'mean_field'"),
        ({"probes": {"pruning": {"only": {"network": ["relu400"]}}}}, "no network 'relu400': did you mean 'relu-400'"),
        ({"inference": {"mle": {"only": {"model": ["flatt"]}}}}, "mle.only: no model 'flatt': did you mean 'flat'"),
    ],
)
def test_a_name_that_is_misspelt_is_refused_with_the_nearest_one(change, message):
    with pytest.raises(ConfigError, match=message):
        grid.load({"studies": ["pruning"], "overrides": {"pruning": change}})


def test_a_name_of_what_an_override_removed_is_sound():
    change = {"networks": {"lenet-5": None}, "probes": {"shift": {"only": {"network": ["lenet-5"]}}}}
    plan = grid.load({"studies": ["fashion"], "overrides": {"fashion": change}})
    assert {cell.network for cell in plan.cells} == {"lenet-6-16-120"}


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match="no config file at"):
        grid.load(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("studies: [toy\nseeds: 3", encoding="utf-8")
    with pytest.raises(ConfigError, match="not valid YAML"):
        grid.load(broken)


def test_every_shipped_config_is_sound():
    folder = config.STUDIES.parent
    for path in folder.glob("*.yaml"):
        assert grid.load(path).cells, path


def test_planning_imports_no_torch():
    code = "import sys; from bnnbench.study import grid; grid.load({'studies': ['toy']}, thorough=False)"
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_line_says_it_in_one_line(tmp_path):
    path = tmp_path / "typo.yaml"
    path.write_text(yaml.safe_dump({"studies": ["toy"], "sedes": [0]}), encoding="utf-8")
    command = [sys.executable, "-m", "bnnbench.cli", "plan", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown key 'sedes': did you mean 'seeds'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_temperature_other_than_one_must_be_named():
    change = {"inference": {"mean_field": {"settings": {"temperature": 0.1}}}}
    with pytest.raises(ConfigError, match="put it under recipes"):
        grid.load(GOOD | {"overrides": {"toy": change}})
    named = {"inference": {"mean_field": {"recipes": {"temperature-0.1": {"temperature": 0.1}}}}}
    ids = [c.id for c in grid.load(GOOD | {"overrides": {"toy": named}}).cells]
    assert any("/mean_field+temperature-0.1/" in i for i in ids)


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_a_locale_without_utf_8_reads_the_same_files(tmp_path, locale):
    path, results = tmp_path / "run.yaml", tmp_path / "results"
    study = {
        "title": "Übung: naïve Priors",
        "models": ["normal-1"],
        "inference": dict.fromkeys(plugins.known("inference")),
    }
    study["inference"] |= {"map": {"settings": {"steps": 5}}}
    study["datasets"] = {"circles": None, "moons": {"noise": 0.4, "n_test": 50}}
    run = GOOD | {"results_dir": str(results), "overrides": {"toy": study}, "compile": "off"}
    path.write_text(yaml.safe_dump(run, allow_unicode=True), encoding="utf-8")
    environment = os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for step in (["plan"], ["dataset", "--dataset", "moons-0.4", "--output", str(results / "data" / "moons-0.4.nc")]):
        command = [sys.executable, "-m", "bnnbench.cli", *step, "--config", str(path), "--log", str(tmp_path / "log")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
