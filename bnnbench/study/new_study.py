"""A study of a user's own table, written with its run config: a small grid that takes minutes, to be changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bnnbench import datasets
from bnnbench.datasets import table
from bnnbench.files.writing import replacing
from bnnbench.source.plugins import known
from bnnbench.study import checks, config, grid, planning
from bnnbench.study.config import ConfigError, RunConfig, StudyConfig, check_word
from bnnbench.study.yaml_files import read_yaml

SEEDS = [0, 1, 2, 3, 4]
NETWORK = "mlp-50"
LIKELIHOODS = {"classification": ["categorical"], "regression": ["gaussian"]}
FEW_INPUTS = 50
"""Inputs of the network that make a step no slower; the guess of the seconds grows with what is beyond."""

METHODS = ("map", "mean_field", "mc_dropout", "ensemble", "laplace_approximation")
"""With settings and expected seconds as in the study of published tables."""
PUBLISHED = config.STUDIES / "uci.yaml"


def write(
    name: str, data: str | Path, target: str, folder: str | Path, *, say: Callable[[str], None] = print, **options
) -> tuple[Path, Path]:
    """Write studies/NAME.yaml and NAME.yaml of a table into a folder of configs; return their paths.

    data, target, options: as of the data set family `table`
    say: told, a line each, what was found in the table, and what a run would cost
    Raises ValueError for a name that is taken or that no file can have, options that are wrong, and a table that cannot
    be used. Nothing is written then, and nothing is ever overwritten.
    """
    paths = _paths(name, Path(folder))
    asked = {"file": str(data), "target": target} | {key: value for key, value in options.items() if value is not None}
    datasets.check_options("table", asked)
    found = table.opened(**asked)
    notes = table.remarks(found, table.name(str(data), asked.get("name")), SEEDS)
    for line in [*table.facts(found), *(f"note: {note}" for note in notes)]:
        say(line)
    asked["task"] = found.targets.task
    study, run = _study(name, asked, len(found.inputs.features)), _run(name)
    say(planning.summary(_plan(study, run)))
    _write_both(paths, (_study_text(name, study), _run_text(run, name)))
    return paths


def _paths(name: str, folder: Path) -> tuple[Path, Path]:
    """Of the study and of the run config. Refuses names that are taken."""
    check_word("study", name)
    if " " in name:
        raise ValueError(f"study '{name}' has a blank: it is written on command lines, write '_' or '-'")
    paths = folder / "studies" / f"{name}.yaml", folder / f"{name}.yaml"
    for path in paths:
        if path.exists():
            raise ValueError(f"{path} is there already: choose another name, or remove it first")
    return paths


def _study(name: str, data: dict[str, Any], n_inputs: int) -> dict[str, Any]:
    slower, published = max(1.0, n_inputs / FEW_INPUTS), read_yaml(PUBLISHED)["inference"]
    return {
        "name": name,
        "title": f"Own table {table.name(data['file'], data.get('name'))}",
        "question": f"Which prior and which method predict {data['target']} best, and are their uncertainties right?",
        "datasets": {"table": data},
        "networks": {NETWORK: {"kind": "mlp", "hidden": [50], "activation": "relu"}},
        "likelihoods": LIKELIHOODS[data["task"]],
        "priors": {"normal": {}, "laplace": {}},
        "scales": [1],
        "hyperpriors": ["half_normal"],
        "notebook": "tables",
        "draws": 50,
        "inference": {
            method: {
                "settings": published[method]["settings"],
                "seconds": round(published[method]["seconds"] * slower, 1),
            }
            for method in METHODS
        },
    }


def _run(name: str) -> dict[str, Any]:
    return {"studies": [name], "seeds": SEEDS, "results_dir": f"results-{name}"}


def _plan(study: dict[str, Any], run: dict[str, Any]) -> grid.Plan:
    """The plan of what is about to be written. Raises ConfigError for what could not be run."""
    checked = StudyConfig.model_validate(study)
    if faults := checks.study_faults(checked, checked):
        raise ConfigError(*faults)
    return grid.build(RunConfig.model_construct(**run), {study["name"]: checked})  # whose study has no file yet


def _study_text(name: str, study: dict[str, Any]) -> str:
    others = ", ".join(method for method in known("inference") if method not in study["inference"])
    return (
        f"# A table of your own. make report CONFIG=config/{name}.yaml runs it; config/README.md has all keys.\n"
        "# Whatever is changed here, only cells that it concerns are trained again; so too where the file changes.\n"
        f"# Methods that are not used here: {others}.\n{_yaml(study)}"
    )


def _run_text(run: dict[str, Any], name: str) -> str:
    return f"# Runs the study in studies/{name}.yaml; see README.md beside this file for all keys.\n{_yaml(run)}"


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


def _write_both(paths: tuple[Path, Path], texts: tuple[str, str]) -> None:
    """Both files or none."""
    done: list[Path] = []
    try:
        for path, text in zip(paths, texts, strict=True):
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
                read_yaml(temporary)
            done.append(path)
    except BaseException:
        for path in done:
            path.unlink()
        raise
