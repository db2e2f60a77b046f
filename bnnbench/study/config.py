"""The configuration as typed models: defaults and bounds, in this one place.

A run config (`config/*.yaml`) names studies and narrows them; a study (`config/studies/*.yaml`) holds its full
grid. How files are read and merged is in `config_files`, what a study's parts may be set to in `checks`.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from bnnbench.base.settings import MOST, Positive, WholeNumber, repeated, shown
from bnnbench.source.plugins import check_name

STUDIES = Path(__file__).parents[2] / "config" / "studies"
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names place and remedy of each of its `faults`."""

    def __init__(self, *faults: str):
        self.faults = [_readable(fault) for fault in faults]
        several = "\n".join([f"{len(faults)} faults:", *(f"- {fault}" for fault in self.faults)])
        super().__init__(several if len(faults) > 1 else self.faults[0])


def studies() -> list[str]:
    """Names of the studies that there are."""
    return sorted(f.stem for f in STUDIES.glob("*.yaml"))


LONG_WORD = re.compile(r"\S{400,}")


def _readable(message: str) -> str:
    """A message that any terminal can show: values in it may be of any length, and hold what moves the cursor."""
    plain = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message)
    return LONG_WORD.sub(lambda found: f"{found[0][:60]}... ({len(found[0])} characters)", plain)


USABLE = " _-.+=,"
"""Besides letters and digits, what names may have: nothing that paths, shells, the workflow's rules or pages take for
more than text."""
LONGEST_WORD = 200


def check_word(kind: str, name: str) -> str:
    """Return a name that the user chose if files can be named so; otherwise ValueError."""
    bad = [c for c in name if not c.isalnum() and c not in USABLE]
    if bad:
        raise ValueError(
            f"{kind} '{name}' has the character {bad[0]!r}: files are named so, write letters, digits, '_', '-' and '.'"
        )
    if not name[:1].isalnum() or name != name.strip() or ".." in name:
        raise ValueError(
            f"{kind} '{name}': files are named so: begin with a letter or number, without space around it or '..'"
        )
    if len(name.encode()) > LONGEST_WORD:
        raise ValueError(
            f"{kind} '{name[:30]}...' has {len(name.encode())} bytes: files are named so, shorten the name of "
            f"the {kind}"
        )
    return name


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _as_mapping(value: Any) -> Any:
    """A list of names as a mapping of names to no options."""
    if not isinstance(value, list):
        return value
    if strange := [name for name in value if not isinstance(name, str)]:
        raise ValueError(f"{shown(strange[0])} is no name: write texts")
    if found := repeated(value):
        raise ValueError("; ".join(found))
    return {name: {} for name in value}


def _as_word(value: Any) -> Any:
    """YAML takes a bare `on` and `off` for true and false."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


def _as_coordinate(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{shown(value)} is neither text nor number: write one")
    return value


Coordinate = Annotated[Any, BeforeValidator(_as_coordinate)]
Wanted = dict[str, Annotated[list[Coordinate], Field(min_length=1)]]
Only = Annotated[list[Wanted], BeforeValidator(_as_list), Field(min_length=1)]
"""Coordinates that a cell must have, e.g. {seed: [0], prior: [normal]}, or several such sets, of which it needs one."""


class InferenceConfig(_Model):
    """One inference method in a study."""

    settings: dict[str, Any] = Field({}, description="settings of the method; see its file in bnnbench/inference")
    recipes: dict[str, dict[str, Any]] = Field(
        {}, description="named variations of the settings, each a cell of its own"
    )
    only: Only = Field([{}], description="coordinates that a cell must have")
    draws: int | None = Field(None, ge=1, le=10_000, description="posterior draws; default: the study's")
    stack: int = Field(512, ge=1, le=MOST, description="cells trained together; bounds memory, does not change results")
    apart: list[Literal["dataset", "seed"]] = Field(
        [], description="cells that differ in these are trained by jobs of their own, so that long ones use all cores"
    )
    curve: int = Field(
        0, ge=0, le=100, description="points in training at which validation and test error are measured"
    )
    seconds: float | dict[str, float] = Field(
        1.0,
        description="expected seconds a cell on one core, or by network: for the printed estimate and `compile: auto`",
    )

    @field_validator("seconds", mode="before")
    @classmethod
    def _positive(cls, value):
        for seconds in value.values() if isinstance(value, dict) else [value]:
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= MOST:
                raise ValueError(
                    f"{shown(seconds)} is no number above 0, at most {MOST:,}: give one, or one for each network"
                )
        return value

    @field_validator("recipes")
    @classmethod
    def _words(cls, value):
        for name in value:
            check_word("recipe", name)
        return value

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
    datasets: dict[str, dict[str, Any]] = Field(description="families with their options, or names with a family")
    networks: dict[str, dict[str, Any]]
    priors: dict[str, dict[str, Any]] = Field(description="families with their options, or names with a family")
    scales: list[Positive] = Field([1.0], description="fixed prior scales")
    hyperpriors: Annotated[dict[str, dict[str, Any]], BeforeValidator(_as_mapping)] = Field(
        {}, description="names, or names with their options"
    )
    likelihoods: Annotated[dict[str, dict[str, Any]], BeforeValidator(_as_mapping)] = Field(
        {}, description="names, or names with their options; default: that of the data set's task"
    )
    models: list[str] | None = Field(None, description="keep only these, e.g. [normal-1, laplace-half_cauchy]")
    inference: dict[str, InferenceConfig]
    references: list[str] = Field(
        [], description="methods that, where a cell passes its gate, stand for the true posterior, e.g. [smc, hmc]"
    )
    draws: int = Field(100, ge=1, le=1000, description="posterior draws for the predictions")
    probes: dict[str, ProbeConfig] = Field({}, description="what trained cells are asked beyond the test set")
    notebook: str | None = Field(None, description="notebook in notebooks/; default: the study's name")

    @field_validator("name", "notebook")
    @classmethod
    def _words(cls, value, info):
        return value if value is None else check_word("study" if info.field_name == "name" else "notebook", value)

    @field_validator("datasets", "networks", "priors", "inference", "scales")
    @classmethod
    def _not_empty(cls, value, info):
        if not value:
            raise ValueError(f"{info.field_name} is empty, so the grid holds no cell: name at least one")
        return value

    @field_validator("likelihoods", "hyperpriors", "inference", "probes")
    @classmethod
    def _known(cls, value, info):
        kind = info.field_name if info.field_name == "inference" else info.field_name.removesuffix("s")
        for name in value:
            check_name(kind, name)
        return value

    @field_validator("references")
    @classmethod
    def _methods(cls, value):
        for name in value:
            check_name("inference", name)
        return value

    @field_validator("datasets", "priors")
    @classmethod
    def _families(cls, value, info):
        kind = info.field_name.removesuffix("s")
        for name, options in value.items():
            check_word(kind, name)
            check_name(kind, options.get("family", name))
        return value

    @field_validator("networks")
    @classmethod
    def _networks(cls, value):
        for name, options in value.items():
            check_word("network", name)
            check_name("network", options.get("kind", name))
        return value

    @field_validator("scales", "models", "references")
    @classmethod
    def _once(cls, value):
        if value and (found := repeated(value)):
            raise ValueError("; ".join(found))
        return value


class RunConfig(_Model):
    """One run: which studies, how often, where."""

    studies: list[str] = Field(min_length=1, description="names of files in config/studies")
    seeds: list[WholeNumber] = Field(
        [0, 1, 2, 3, 4], min_length=1, description="each redraws data, initial values and batches"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU where there is one")
    data_dir: str | None = Field(None, description="folder with real data; default: BNNBENCH_DATA, then the cache")
    results_dir: str = Field("results", description="where everything is written")
    compile: Annotated[Literal["auto", "on", "off"], BeforeValidator(_as_word)] = Field(
        "auto", description="torch.compile; auto: where it can run, in jobs that are long enough"
    )
    threads: int = Field(1, ge=1, le=1024, description="threads of one training job; jobs run side by side")
    job_seconds: Positive = Field(20.0, description="expected seconds of training up to which short shards share a job")
    overrides: dict[str, dict[str, Any]] = Field({}, description="by study: values that replace those of its YAML")

    @field_validator("studies")
    @classmethod
    def _studies(cls, value):
        for name in value:
            check_name("study", name, studies())
        if found := repeated(value):
            raise ValueError("; ".join(found))
        return value

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, value):
        if found := repeated(value):
            raise ValueError(f"seeds must be distinct: {'; '.join(found)}")
        return value
