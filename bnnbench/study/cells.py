"""Cells and data sets of a grid: what identifies them, and the digests by which stored results are known."""

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from bnnbench.datasets import group, identity, task
from bnnbench.source import digest
from bnnbench.study.prior_entries import PriorEntry
from bnnbench.study.prior_entries import identity as identity_of_prior
from bnnbench.tasks import default_likelihood

ENGINE = (
    "bnnbench.networks:make",
    "bnnbench.inference:make",
    "bnnbench.model.streams:Streams",
    "bnnbench.model.joint:LogJoint",
    "bnnbench.training.device:prepare",
    "bnnbench.prediction.predict:predict",
    "bnnbench.prediction.trained:build_model",
    "bnnbench.prediction.trained:build_network",
    "bnnbench.training.stack:fit_stack",
    "bnnbench.training.inputs:Inputs",
    "bnnbench.training.records:flaw",
    "bnnbench.training.records:groups",
    "bnnbench.training.records:moments",
)
"""With what they reach, the source that shapes every cell."""

PRETRAINED = (
    "bnnbench.training.pretrained:informed_model",
    "bnnbench.training.weight_files:named",
    "bnnbench.training.weight_files:of_plain_inputs",
)
"""With what they reach, the source that shapes cells with pretrained weights besides."""

NO_RESULT = (
    "bnnbench.base.progress",
    "bnnbench.base.settings",
    "bnnbench.files.folders",
    "bnnbench.files.integrity",
    "bnnbench.metrics",
    "bnnbench.source.digest",
    "bnnbench.source.plugins",
    "bnnbench.study.config",
    "bnnbench.study.prior_entries",
)
"""Modules that a cell's key does not follow: they check, find and report, and shape no result."""

COORDINATES = (
    "study",
    "dataset",
    "network",
    "likelihood",
    "prior",
    "hyperprior",
    "scale",
    "inference",
    "recipe",
    "seed",
)


def _source(*starts: str) -> str:
    return digest.of_source(*starts, without=NO_RESULT)


@cache
def _method_digest(inference: str) -> str:
    """Of the source that shapes a method's results, whatever the prior and the network."""
    return _source(*ENGINE, f"bnnbench.inference.{inference}:METHOD")


def model_word(prior: str, hyperprior: str, scale: float | None) -> str:
    """Prior and scale as one word, such as `normal-0.3`, `laplace-half_cauchy` or `flat`."""
    if hyperprior != "fixed":
        return f"{prior}-{hyperprior}"
    return prior if scale is None else f"{prior}-{number_word(scale)}"


def number_word(value: float) -> str:
    """The number in few digits, such as 0.3 or 1e-30, from which it can be read back exactly."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


@dataclass(frozen=True)
class DatasetSpec:
    """A data set of a study: a family (its file in `datasets/`) with its options, e.g. moons at noise 0.4."""

    study: str
    name: str
    family: str
    options: dict[str, Any] = field(hash=False)

    @cached_property
    def group(self) -> str:
        """What data sets share whose cells can be stacked."""
        return group(self.family, self.options)

    @cached_property
    def task(self) -> str:
        """The task that its family, or its options, name."""
        return task(self.family, self.options)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What stands for the options in digests."""
        return identity(self.family, self.options)

    @cached_property
    def digest(self) -> str:
        """Of the options, of what files of the user's hold, and of all that its family's file reaches."""
        return digest.of_value([self.family, self.identity, digest.of_source(f"bnnbench.datasets.{self.family}")])

    @cached_property
    def key(self) -> str:
        """Of the options, what files of the user's hold, and the source: what shapes what networks are trained on."""
        source = _source(f"bnnbench.datasets.{self.family}:generate", "bnnbench.datasets:DataSet")
        return digest.of_value([self.family, self.identity, source])


@dataclass(frozen=True)
class Cell:
    """One combination of data set, network, prior, hyperprior, scale, inference, recipe and seed.

    `hyperprior` is "fixed" when `scale` is a number, and of the flat prior; `scale` is None where it is not a number.
    `merged` names the cell whose model this one coincides with, with the reason; a merged cell is shown, never trained.
    `pretrained` is the cell whose weights its prior is centred on, or its training begins with.
    """

    study: str
    dataset: DatasetSpec
    network: str
    network_options: dict[str, Any] = field(hash=False)
    likelihood: str
    likelihood_options: dict[str, Any] = field(hash=False)
    prior: str
    prior_options: dict[str, Any] = field(hash=False)
    hyperprior: str
    hyperprior_options: dict[str, Any] = field(hash=False)
    scale: float | None
    inference: str
    recipe: str
    settings: dict[str, Any] = field(hash=False)
    seed: int
    draws: int
    curve: int = 0
    merged: str = ""
    pretrained: "Cell | None" = None

    @property
    def entry(self) -> PriorEntry:
        """What the study says of its prior."""
        return self._kind.entry

    @property
    def family(self) -> str:
        """The family of its prior."""
        return self.entry.family

    @property
    def family_options(self) -> dict[str, Any]:
        return self.entry.options

    @property
    def model(self) -> str:
        """Prior and scale as one word, as `model_word`."""
        return model_word(self.prior, self.hyperprior, self.scale)

    @property
    def likelihood_word(self) -> str:
        """The likelihood's name as ids and tables have it: "" where it is the task's default."""
        return self._kind.likelihood_word

    @property
    def id(self) -> str:
        return f"{self._kind.place}/{self._kind.method}/seed-{self.seed}"

    def by(self, inference: str) -> str:
        """Id of the cell of another method, without a recipe, that is the same in all else."""
        return f"{self._kind.place}/{inference}/seed-{self.seed}"

    @property
    def pair(self) -> str:
        """What cells share that are compared with each other: data, initial values and minibatch order."""
        return f"{self.dataset.name}/{self.network}/{self.seed}"

    @cached_property
    def key(self) -> str:
        """Digest of the resolved settings and of the source of everything that shapes the result."""
        return digest.of_value([self._kind.key, self.seed, *([self.pretrained.key] if self.pretrained else [])])

    @cached_property
    def _kind(self) -> "_Kind":
        return _Kind(self)

    def with_seed(self, seed: int) -> "Cell":
        """The same combination with another seed."""
        return self._changed(seed=seed)

    def with_pretrained(self, cell: "Cell") -> "Cell":
        """The same cell with the weights of a trained one."""
        return self._changed(pretrained=cell)

    def _changed(self, **values) -> "Cell":
        made = object.__new__(Cell)
        made.__dict__.update(self.__dict__, _kind=self._kind, **values)
        made.__dict__.pop("key", None)
        return made

    def coordinates(self) -> dict[str, Any]:
        """The columns that identify this cell in every table."""
        values = {name: getattr(self, name) for name in COORDINATES}
        values |= {"dataset": self.dataset.name, "likelihood": self.likelihood_word}
        values["scale"] = float("nan") if self.scale is None else self.scale
        return values


class _Kind:
    """What cells that differ in the seed alone share, computed once."""

    def __init__(self, cell: Cell):
        self._cell = cell

    @cached_property
    def entry(self) -> PriorEntry:
        return PriorEntry.of(self._cell.prior, self._cell.prior_options)

    @cached_property
    def likelihood_word(self) -> str:
        named = self._cell.likelihood
        return "" if named == default_likelihood(self._cell.dataset.task) else named

    @cached_property
    def place(self) -> str:
        """What ids begin with: the cell's data, network and model."""
        cell = self._cell
        network = f"{cell.network}+{cell.likelihood_word}" if cell.likelihood_word else cell.network
        return f"{cell.study}/{cell.dataset.name}/{network}/{cell.model}"

    @cached_property
    def method(self) -> str:
        """The method as ids have it, with its recipe."""
        return f"{self._cell.inference}+{self._cell.recipe}" if self._cell.recipe else self._cell.inference

    @cached_property
    def key(self) -> str:
        cell = self._cell
        model = [
            cell.prior,
            identity_of_prior(cell.prior_options),
            cell.hyperprior,
            cell.hyperprior_options,
            cell.scale,
        ]
        method = [cell.inference, cell.recipe, cell.settings, cell.draws]
        settings = [cell.dataset.key, cell.network_options, cell.likelihood, cell.likelihood_options, *model, *method]
        source = [
            _source(f"bnnbench.priors.{self.entry.family}:PRIOR"),
            cell.hyperprior != "fixed" and _source(f"bnnbench.hyperpriors.{cell.hyperprior}:HYPERPRIOR"),
            _source(f"bnnbench.networks.{cell.network_options['kind']}:build"),
            _source(f"bnnbench.tasks.{cell.dataset.task}:TASK"),
            _source(f"bnnbench.likelihoods.{cell.likelihood}:LIKELIHOOD"),
            _method_digest(cell.inference),
            *([_source(*PRETRAINED)] if self.entry.pretrained else []),
        ]
        return digest.of_value([settings, source, *([f"curve {cell.curve}"] if cell.curve else [])])
