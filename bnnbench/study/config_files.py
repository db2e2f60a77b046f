"""Config files: read, merged with a run's overrides and checked, with all faults named at once."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bnnbench.base.settings import shown
from bnnbench.files import folders
from bnnbench.source.plugins import known
from bnnbench.study import config
from bnnbench.study.config import ConfigError, InferenceConfig, ProbeConfig, RunConfig, StudyConfig
from bnnbench.study.yaml_files import read_yaml


def load(source: str | Path | dict) -> tuple[RunConfig, dict[str, StudyConfig], list[str]]:
    """A run config, those of its studies that can be used, and the faults of both, each naming file, key and remedy.

    `source` is a YAML file or a dictionary of its content. Raises ConfigError where the run config cannot be used.
    """
    place = place_of_run(source)
    content = source if isinstance(source, dict) else read_yaml(Path(source))
    run, faults = _checked(RunConfig, content, {}, place)
    if run is None:
        raise ConfigError(*faults)
    run, wrong = _with_folders(run, place)
    faults += wrong
    if stray := sorted(set(run.overrides) - set(run.studies)):
        faults.append(
            f"{place}: overrides: '{stray[0]}' is not among the studies {run.studies}: add it there or drop it"
        )
    studies = {}
    for name in run.studies:
        found, wrong = _study(name, run.overrides.get(name, {}), place)
        studies |= {name: found} if found else {}
        faults += wrong
    return run, studies, faults


def _with_folders(run: RunConfig, place: str) -> tuple[RunConfig, list[str]]:
    """The run with its folders as they are, and what is wrong with them."""
    faults, found = [], {}
    for key, fault_of in (("results_dir", folders.fault_of_results), ("data_dir", folders.fault_of_data)):
        given = getattr(run, key)
        if given is None:
            continue
        if fault := fault_of(given):
            faults.append(f"{place}: {key} {fault}")
        else:
            found[key] = str(folders.expanded(given))
    return run.model_copy(update=found), faults


def place_of_run(source: str | Path | dict) -> str:
    """What a run config is called in messages."""
    return "the configuration" if isinstance(source, dict) else str(source)


def place_of_study(name: str, run_place: str, overrides: dict | None) -> str:
    """What the file, or files, of a study are called in messages."""
    return f"{name}.yaml with overrides of {run_place}" if overrides else f"{name}.yaml"


def study(name: str) -> StudyConfig:
    """A study's file, without overrides. Raises ConfigError naming all that is wrong."""
    found, faults = _study(name, {}, "")
    if faults:
        raise ConfigError(*faults)
    return found


def _study(name: str, overrides: dict[str, Any], place: str) -> tuple[StudyConfig | None, list[str]]:
    """A study with the overrides of the run config `place`, as far as it can be used, and what is wrong with it."""
    path = config.STUDIES / f"{name}.yaml"
    try:
        whole = read_yaml(path)
    except ConfigError as error:
        return None, error.faults
    faults = _stray_removals(whole, overrides, f"{place}: overrides.{name}")
    try:
        merged = _merge(whole, overrides)
    except RecursionError:  # of a dictionary: a file was refused
        return None, [f"{place}: overrides.{name}: an entry holds itself: write it out"]
    found, wrong = _checked(StudyConfig, merged, whole, place_of_study(name, place, overrides))
    faults += wrong
    if found and found.name != name:
        faults.append(f"{path.name}: name is '{found.name}': it must be '{name}', as the file is called")
    return found, faults


def _stray_removals(content: dict, overrides: dict, place: str) -> list[str]:
    """Removals (null) of what a study has not: a name that is misspelt would stay in the run."""
    faults = []
    for section in ("datasets", "networks", "priors", "inference", "probes"):
        there, change = content.get(section) or {}, overrides.get(section)
        for name in change if isinstance(change, dict) else {}:
            is_method = section == "inference" and name in known("inference")
            if change[name] is None and name not in there and not is_method:
                faults.append(f"{place}.{section}: there is no '{name}' to remove: {suggest(name, there)}")
    return faults


def suggest(name: str, among: Iterable[str]) -> str:
    """The known name that is nearest to one that is not, or all of them."""
    near = difflib.get_close_matches(str(name), list(among), n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(among)) or 'none'}"


def _merge(base: dict, change: dict) -> dict:
    """`base` with the values of `change`; dictionaries merge, everything else replaces, and null removes."""
    merged = dict(base)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = _merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _checked(model: type, content: dict, sound: dict, place: str) -> tuple[Any, list[str]]:
    """The model and what is wrong with the content.

    Where something is, the model is that of the other keys, with those of `sound` in place of the wrong ones, so that
    the rest can be checked too; None where that does not make one.
    """
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        details = error.errors()
    except RecursionError:
        return None, [f"{place}: an entry holds itself: write it out"]
    wrong = {detail["loc"][0] for detail in details if detail["loc"]}
    rest = {key: value for key, value in content.items() if key not in wrong}
    try:
        partial = model.model_validate(rest | {key: sound[key] for key in wrong if key in sound})
    except ValidationError:
        partial = None
    return partial, list(dict.fromkeys(f"{place}: {_describe(detail, model)}" for detail in details))


WORDS = {
    "Input should be": "it must be",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "text",
    "a valid list": "a list",
    "a valid dictionary or instance of InferenceConfig": "a mapping with the keys of a method, such as 'settings:'",
    "a valid dictionary or instance of ProbeConfig": "a mapping with the keys of a probe, such as 'settings:'",
    "a valid dictionary": "a mapping",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "Field required": "it is missing: write it",
    "List should have at least 1 item after validation, not 0": "it is empty: name at least one",
    "Value should have at least 1 item after validation, not 0": "it is empty: name at least one",
    "Keys should be strings": "a key must be text",
}
"""pydantic's words in ours."""


def _describe(detail: dict, model: type) -> str:
    where = ".".join(map(str, detail["loc"]))
    if detail["type"] != "extra_forbidden":
        said = detail["msg"].removeprefix("Value error, ")
        for theirs, ours in WORDS.items():
            said = said.replace(theirs, ours)
        given = detail["input"]
        given_as = (
            f" is {shown(given)}" if not isinstance(given, dict | list) and detail["type"] != "value_error" else ""
        )
        return f"{where}{given_as}: {said}"
    inner = {"inference": InferenceConfig, "probes": ProbeConfig}
    place = next((inner[key] for key in detail["loc"][:-1] if key in inner), model)
    fields = list(place.model_fields)
    near = difflib.get_close_matches(str(detail["loc"][-1]), fields, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known keys are {', '.join(fields)}"
    return f"unknown key '{where}': {hint}"
