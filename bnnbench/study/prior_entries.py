"""An entry of a study's `priors`: a family with its options, and what pretrained weights do for it.

An entry is called as its family, or names it: `informed: {family: normal, centre: {...}}`. `centre` and `start` each
say which weights: those of a trained cell, by the coordinates in which it differs from the cell that they are for
(`model` must be given), or of a file, by its path and SHA-256.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from bnnbench import priors
from bnnbench.base.settings import Positive, Share, Text, WholeNumber, faults, faults_together


@dataclass(frozen=True)
class PretrainedCell:
    """Coordinates of a trained cell; None stands for those of the cell that its weights are for."""

    model: Text
    inference: Text = "map"
    recipe: str = ""
    dataset: Text | None = None
    network: Text | None = None
    likelihood: str | None = None
    study: Text | None = None
    seed: WholeNumber | None = None

    def id_for(self, cell) -> str:
        """Id of the trained cell whose weights `cell` is to have."""
        network, likelihood = self.network or cell.network, self.likelihood
        likelihood = cell.likelihood_word if likelihood is None else likelihood
        parts = [
            self.study or cell.study,
            self.dataset or cell.dataset.name,
            f"{network}+{likelihood}" if likelihood else network,
            self.model,
            f"{self.inference}+{self.recipe}" if self.recipe else self.inference,
            f"seed-{cell.seed if self.seed is None else self.seed}",
        ]
        return "/".join(parts)


@dataclass(frozen=True)
class PretrainedFile:
    """A file of weights: `.npz`, or a `state_dict` that torch wrote (`.pt`, `.pth`), and its SHA-256 (hex digits).

    input_mean, input_sd: of each channel, what was subtracted from the images that they were trained on, in 0 ... 1,
    and what these were divided by then; nothing and 1 by default
    """

    file: Text
    sha256: Text
    input_mean: list[Share] | None = None
    input_sd: list[Positive] | None = None


@dataclass(frozen=True)
class Pretraining:
    """What an entry says beside its family's options.

    centre: the weights that the prior is centred on; start: weights to begin with under a prior around zero
    relative, floor: the sd of a weight is the scale times max(|centre|, floor), and not the scale
    elsewhere: fixed scale of the tensors without a counterpart among the centre's, which stay centred on zero
    new_layers: so many of the last layers are among them: one, where the classes are others
    scales: the fixed scales of this prior, in place of the study's
    """

    family: Text | None = None
    centre: dict[str, Any] | None = None
    start: dict[str, Any] | None = None
    relative: bool = False
    floor: Positive = 0.01
    elsewhere: Positive = 1.0
    new_layers: WholeNumber = 1
    scales: list[Positive] | None = None

    def __post_init__(self):
        if self.centre is not None and self.start is not None:
            raise ValueError("centre and start are both given: a prior that is centred on weights begins there anyway")
        if self.centre is None and self.relative:
            raise ValueError(
                "relative: a prior that is centred on zero has no weights to be relative to: give a centre"
            )


OWN = tuple(field.name for field in fields(Pretraining))


@dataclass(frozen=True)
class PriorEntry:
    """A checked entry: `options` are those of the family."""

    family: str
    options: dict[str, Any]
    given: Pretraining

    @classmethod
    def of(cls, name: str, values: Mapping[str, Any]) -> "PriorEntry":
        """What an entry of this name says; its values must be sound."""
        given = Pretraining(**{key: value for key, value in values.items() if key in OWN})
        return cls(given.family or name, _of_family(values), given)

    @cached_property
    def pretrained(self) -> PretrainedCell | PretrainedFile | None:
        """Whose weights it is centred on, or begins with; None for a prior around zero that begins anywhere."""
        where = self.given.centre or self.given.start
        return None if where is None else _kind(where)(**where)

    @property
    def is_centred(self) -> bool:
        return self.given.centre is not None

    @property
    def fixed_scale(self) -> float | None:
        """The family's own scale where it has no free one."""
        return priors.family(self.family).fixed_scale


def family_of(name: str, values: Mapping[str, Any]) -> str:
    """The family of an entry, sound or not."""
    return values.get("family", name)


def identity(values: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for an entry in keys: for a file its digest, wherever it lies."""
    without = {key: {k: v for k, v in value.items() if k != "file"} for key, value in values.items() if key in WEIGHTS}
    return dict(values) | without


WEIGHTS = ("centre", "start")


def entry_faults(name: str, values: Mapping[str, Any]) -> list[str]:
    """What is wrong with an entry whose family there is, a line each; what its weights are is not looked at."""
    own = {key: value for key, value in values.items() if key in OWN}
    found = faults_together(priors.family(family_of(name, values)), _of_family(values), "option")
    return found + faults_together(Pretraining, own, "option")


def weights_faults(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the places that an entry names weights of, each with its key."""
    places = {key: values[key] for key in WEIGHTS if isinstance(values.get(key), dict)}
    return [f"{key}: {fault}" for key, where in places.items() for fault in faults(_kind(where), where, "coordinate")]


def _kind(where: Mapping[str, Any]) -> type:
    return PretrainedFile if "file" in where else PretrainedCell


def _of_family(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in OWN}
