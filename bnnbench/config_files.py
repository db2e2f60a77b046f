"""Config files: read, merged with a run's overrides and checked, with all faults named at once."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bnnbench import config
from bnnbench.config import ConfigError, InferenceConfig, ProbeConfig, RunConfig, StudyConfig, known


def load(source: str | Path | dict) -> tuple[RunConfig, dict[str, StudyConfig], list[str]]:
    """A run config, those of its studies that can be used, and the faults of both, each naming file, key and remedy.

    `source` is a YAML file or a dictionary of its content. Raises ConfigError where the run config cannot be used.
    """
    place = place_of_run(source)
    content = source if isinstance(source, dict) else read_yaml(Path(source))
    run, faults = _checked(RunConfig, content, place)
    if run is None:
        raise ConfigError(*faults)
    if stray := sorted(set(run.overrides) - set(run.studies)):
        faults.append(
            f"{place}: overrides: '{stray[0]}' is not among the studies {run.studies}: add it there or drop it"
        )
    studies = {}
    for name in run.studies:
        try:
            studies[name] = study(name, run.overrides.get(name, {}), place)
        except ConfigError as error:
            faults += error.faults
    return run, studies, faults


def place_of_run(source: str | Path | dict) -> str:
    """What a run config is called in messages."""
    return "the configuration" if isinstance(source, dict) else str(source)


def place_of_study(name: str, run_place: str, overrides: dict | None) -> str:
    """What the file, or files, of a study are called in messages."""
    return f"{name}.yaml with overrides of {run_place}" if overrides else f"{name}.yaml"


def study(name: str, overrides: dict[str, Any] | None = None, place: str = "") -> StudyConfig:
    """A study's file, with the overrides of the run config `place`. Raises ConfigError as `load`."""
    path = config.STUDIES / f"{name}.yaml"
    content = read_yaml(path)
    if overrides:
        _check_removed(content, overrides, f"{place}: overrides.{name}")
        content = _merge(content, overrides)
    found, faults = _checked(StudyConfig, content, place_of_study(name, place, overrides))
    if found and found.name != name:
        faults.append(f"{path.name}: name is '{found.name}': it must be '{name}', as the file is called")
    if faults:
        raise ConfigError(*faults)
    return found


def _check_removed(content: dict, overrides: dict, place: str) -> None:
    """Refuse the removal (null) of what a study has not: a name that is misspelt would stay in the run."""
    for section in ("datasets", "networks", "priors", "inference", "probes"):
        there, change = content.get(section) or {}, overrides.get(section)
        for name in change if isinstance(change, dict) else {}:
            is_method = section == "inference" and name in known("inference")
            if change[name] is None and name not in there and not is_method:
                raise ConfigError(f"{place}.{section}: there is no '{name}' to remove: {suggest(name, there)}")


def suggest(name: str, among: Iterable[str]) -> str:
    """The known name that is nearest to one that is not, or all of them."""
    near = difflib.get_close_matches(str(name), list(among), n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(among)) or 'none'}"


class _Loader(yaml.SafeLoader):
    """YAML in which no key may be given twice: the last would win in silence."""

    def construct_mapping(self, node, deep=False):
        seen = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key '{key.value}' is there twice, in lines {seen[key.value]} and {line}"
                    )
                seen[key.value] = line
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict:
    """The mapping in a YAML file. Raises ConfigError where it is missing, unreadable or no mapping."""
    if not path.is_file():
        raise ConfigError(f"no config file at '{path}': give the path of a YAML file, e.g. config/config.yaml")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a mapping with the keys of RunConfig, such as 'studies:'")
    return content


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


def _checked(model: type, content: dict, place: str) -> tuple[Any, list[str]]:
    """The model, or None, and what is wrong with the content."""
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        details = error.errors()
        return None, list(dict.fromkeys(f"{place}: {_describe(detail, model)}" for detail in details))
    except RecursionError:
        return None, [f"{place}: an entry holds itself: write it out"]


def _describe(detail: dict, model: type) -> str:
    where = ".".join(map(str, detail["loc"]))
    if detail["type"] != "extra_forbidden":
        said = detail["msg"].removeprefix("Value error, ").replace("Input should be", "it must be")
        given = detail["input"]
        shown = f" is {given!r}" if not isinstance(given, dict | list) and detail["type"] != "value_error" else ""
        return f"{where}{shown}: {said}"
    inner = {"inference": InferenceConfig, "probes": ProbeConfig}
    place = next((inner[key] for key in detail["loc"][:-1] if key in inner), model)
    fields = list(place.model_fields)
    near = difflib.get_close_matches(str(detail["loc"][-1]), fields, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known keys are {', '.join(fields)}"
    return f"unknown key '{where}': {hint}"
