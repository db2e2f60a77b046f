"""Mistakes in a config are found before anything runs, and named."""

import subprocess
import sys

import pytest
import yaml

from bnnbench import config, grid
from bnnbench.config import ConfigError

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
        ({"overrides": {"toy": {"priors": dict.fromkeys(config.known("prior"))}}}, "is empty"),
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


def test_an_unknown_setting_is_found_before_training():
    with pytest.raises(
        ConfigError, match="no setting 'stepz': did you mean 'steps'? known are steps".replace("?", "[?]")
    ):
        grid.load(GOOD | {"overrides": {"toy": {"inference": {"map": {"settings": {"stepz": 3}}}}}})


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
    broken.write_text("studies: [toy\nseeds: 3")
    with pytest.raises(ConfigError, match="not valid YAML"):
        grid.load(broken)


def test_every_shipped_config_is_sound():
    folder = config.STUDIES.parent
    for path in folder.glob("*.yaml"):
        assert grid.load(path).cells, path


def test_planning_imports_no_torch():
    code = "import sys; from bnnbench import grid; grid.load({'studies': ['toy']}, thorough=False)"
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_line_says_it_in_one_line(tmp_path):
    path = tmp_path / "typo.yaml"
    path.write_text(yaml.safe_dump({"studies": ["toy"], "sedes": [0]}))
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
