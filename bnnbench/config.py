"""The configuration as typed models: defaults, checks and messages, in this one place.

A run config (`config/*.yaml`) names studies and narrows them; a study (`config/studies/*.yaml`) holds its full
grid. Names of priors, methods and data sets are checked against the source files without importing torch.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from bnnbench import digest

STUDIES = Path(__file__).parent.parent / "config" / "studies"
WITH_CURVE = ("map", "mle", "mean_field", "full_rank", "mc_dropout")
"""Methods whose fit shows its posterior on the way, one a cell (`progress.watch`); a new one adds its name."""


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the place and the remedy."""


def known(kind: str) -> list[str]:
    """Names that a config may use: kind is prior, hyperprior, inference, network, dataset, probe, study."""
    catalogues = {
        "prior": lambda: list(digest.classes("priors.py", "Prior")),
        "hyperprior": lambda: list(digest.classes("priors.py", "Hyperprior")),
        "inference": lambda: digest.modules("inference"),
        "network": lambda: digest.modules("networks"),
        "dataset": lambda: digest.modules("datasets"),
        "probe": lambda: digest.modules("probes"),
        "study": lambda: sorted(f.stem for f in STUDIES.glob("*.yaml")),
    }
    return catalogues[kind]()


def check_name(kind: str, name: str) -> str:
    """Return `name` if there is such a prior, method, ...; otherwise ValueError with the nearest known name."""
    names = known(kind)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"unknown {kind} '{name}': {hint}known are {', '.join(names)}")
    return name


def numbers_as_text(value: Any, place: str) -> list[str]:
    """What is wrong with the numbers in nested options that YAML took for text, such as 1e-3, which lacks its point."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in numbers_as_text(inner, f"{place}.{key}")]
    if isinstance(value, list):
        return [found for i, inner in enumerate(value) for found in numbers_as_text(inner, f"{place}.{i}")]
    try:
        number = float(value) if isinstance(value, str) else None
    except ValueError:
        number = None
    return [] if number is None else [f"{place} is the text '{value}', not a number: write {number}"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Only = Annotated[list[dict[str, list]], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)]
"""Coordinates that a cell must have, e.g. {seed: [0], prior: [normal]}, or several such sets, of which it needs one."""


class InferenceConfig(_Model):
    """One inference method in a study."""

    settings: dict[str, Any] = Field({}, description="settings of the method; see its file in bnnbench/inference")
    recipes: dict[str, dict[str, Any]] = Field(
        {}, description="named variations of the settings, each a cell of its own"
    )
    only: Only = Field([{}], description="coordinates that a cell must have")
    draws: int | None = Field(None, ge=1, le=10_000, description="posterior draws; default: the study's")
    stack: int = Field(512, ge=1, description="cells trained together; bounds memory, does not change results")
    curve: int = Field(
        0, ge=0, le=100, description="points in training at which validation and test error are measured"
    )
    seconds: float | dict[str, float] = Field(
        1.0, description="expected seconds a cell on one core, or by network; for the printed estimate only"
    )

    def seconds_for(self, network: str) -> float:
        return self.seconds.get(network, 1.0) if isinstance(self.seconds, dict) else self.seconds


class ProbeConfig(_Model):
    """A probe of a study's trained cells."""

    settings: dict[str, Any] = Field({}, description="settings of the probe; see its file in bnnbench/probes")
    only: Only = Field([{}], description="coordinates of the cells that are probed")


class StudyConfig(_Model):
    """One study: its full grid."""

    name: str
    title: str
    question: str
    datasets: dict[str, dict[str, Any]]
    networks: dict[str, dict[str, Any]]
    priors: dict[str, dict[str, Any]]
    scales: list[float] = Field([1.0], description="fixed prior scales")
    hyperpriors: list[str] = []
    models: list[str] | None = Field(None, description="keep only these, e.g. [normal-1, laplace-half_cauchy]")
    inference: dict[str, InferenceConfig]
    draws: int = Field(100, ge=1, le=1000, description="posterior draws for the predictions")
    probes: dict[str, ProbeConfig] = Field({}, description="what trained cells are asked beyond the test set")
    notebook: str | None = Field(None, description="notebook in notebooks/; default: the study's name")

    @field_validator("datasets", "networks", "priors", "inference", "scales")
    @classmethod
    def _not_empty(cls, value, info):
        if not value:
            raise ValueError(f"{info.field_name} is empty, so the grid holds no cell: name at least one")
        return value

    @field_validator("datasets")
    @classmethod
    def _datasets(cls, value):
        for name in value:
            check_name("dataset", name)
        return value

    @field_validator("networks")
    @classmethod
    def _networks(cls, value):
        for name, options in value.items():
            check_name("network", options.get("kind", name))
        return value

    @field_validator("priors")
    @classmethod
    def _priors(cls, value):
        for name in value:
            check_name("prior", name)
        return value

    @field_validator("hyperpriors")
    @classmethod
    def _hyperpriors(cls, value):
        for name in value:
            check_name("hyperprior", name)
        return value

    @field_validator("inference")
    @classmethod
    def _inference(cls, value):
        for name, method in value.items():
            check_name("inference", name)
            if method.curve and name not in WITH_CURVE:
                raise ValueError(f"inference.{name} has no curve: remove it; {', '.join(WITH_CURVE)} have one")
        return value

    @field_validator("probes")
    @classmethod
    def _probes(cls, value):
        for name in value:
            check_name("probe", name)
        return value

    @model_validator(mode="after")
    def _numbers(self):
        options = {key: getattr(self, key) for key in ("datasets", "networks", "priors")}
        options["inference"] = {
            name: {"settings": m.settings, "recipes": m.recipes} for name, m in self.inference.items()
        }
        options["probes"] = {name: {"settings": probe.settings} for name, probe in self.probes.items()}
        if found := [line for key, value in options.items() for line in numbers_as_text(value, key)]:
            raise ValueError("; ".join(found))
        return self

    @field_validator("scales")
    @classmethod
    def _positive(cls, value):
        if any(scale <= 0 for scale in value):
            raise ValueError(f"scales must be positive, got {value}")
        return value


class RunConfig(_Model):
    """One run: which studies, how often, where."""

    studies: list[str] = Field(min_length=1, description="names of files in config/studies")
    seeds: list[int] = Field([0, 1, 2, 3, 4], min_length=1, description="each redraws data, initial values and batches")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    data_dir: str | None = Field(None, description="folder with real data; default: BNNBENCH_DATA, then the cache")
    results_dir: str = Field("results", description="where everything is written")
    compile: Literal["auto", "on", "off"] = Field("auto", description="torch.compile; auto: where it can run")
    threads: int = Field(1, ge=1, description="threads of one training job; jobs run side by side")
    overrides: dict[str, dict[str, Any]] = Field({}, description="by study: values that replace those of its YAML")

    @field_validator("studies")
    @classmethod
    def _studies(cls, value):
        for name in value:
            check_name("study", name)
        return value

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, value):
        if len(set(value)) < len(value) or min(value) < 0:
            raise ValueError(f"seeds must be distinct and not negative, got {value}")
        return value


def load(source: str | Path | dict) -> tuple[RunConfig, dict[str, StudyConfig]]:
    """Read and check a run config and its studies.

    `source` is a YAML file or a dictionary of its content. Raises ConfigError naming file, key and remedy.
    """
    place = "the configuration" if isinstance(source, dict) else str(source)
    content = source if isinstance(source, dict) else _read_yaml(Path(source))
    run = _check(RunConfig, content, place)
    stray = sorted(set(run.overrides) - set(run.studies))
    if stray:
        raise ConfigError(
            f"{place}: overrides: '{stray[0]}' is not among the studies {run.studies}: add it there or drop it"
        )
    return run, {name: study(name, run.overrides.get(name, {}), place) for name in run.studies}


def study(name: str, overrides: dict[str, Any] | None = None, place: str = "") -> StudyConfig:
    """A study's file, with the overrides of the run config `place`. Raises ConfigError as `load`."""
    path = STUDIES / f"{name}.yaml"
    content = _read_yaml(path)
    if not overrides:
        return _check(StudyConfig, content, path.name)
    _check_removed(content, overrides, f"{place}: overrides.{name}")
    return _check(StudyConfig, _merge(content, overrides), f"{path.name} with overrides of {place}")


def _check_removed(content: dict, overrides: dict, place: str) -> None:
    """Refuse the removal (null) of what a study has not: a name that is misspelt would stay in the run."""
    for section in ("datasets", "networks", "priors", "inference", "probes"):
        there, change = content.get(section) or {}, overrides.get(section)
        for name in change if isinstance(change, dict) else {}:
            known = section == "inference" and name in digest.modules("inference")
            if change[name] is None and name not in there and not known:
                raise ConfigError(f"{place}.{section}: there is no '{name}' to remove: {suggest(name, there)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest to one that is not, or all of them."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)) or 'none'}"


def _read_yaml(path: Path) -> dict:
    if not path.is_file():
        raise ConfigError(f"no config file at '{path}': give the path of a YAML file, e.g. config/config.yaml")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
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


def _check(model: type[_Model], content: dict, place: str):
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_describe(detail, model) for detail in error.errors()]
        raise ConfigError(f"{place}: " + "; ".join(lines)) from None


def _describe(detail: dict, model: type[_Model]) -> str:
    where = ".".join(map(str, detail["loc"]))
    if detail["type"] != "extra_forbidden":
        return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    inner = {"inference": InferenceConfig, "probes": ProbeConfig}
    place = next((inner[key] for key in detail["loc"][:-1] if key in inner), model)
    fields = list(place.model_fields)
    near = difflib.get_close_matches(str(detail["loc"][-1]), fields, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known keys are {', '.join(fields)}"
    return f"unknown key '{where}': {hint}"
