"""Cells and data sets of a grid: what identifies them, and the digests by which stored results are known."""

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from bnnbench import digest
from bnnbench.datasets import group

ENGINE = ("streams.py", "philox.py", "predict.py", "inference/_base.py", "inference/_optimise.py")
"""With what they import, the source that shapes every cell."""

NO_RESULT = {"config.py", "digest.py", "priors.py", "progress.py"}
"""Source that a cell's key leaves out: it shapes no result, or enters class by class."""

REFERENCE = "hmc"
"""The method whose cells, where they pass the gate of reference.py, stand for the true posterior."""

COORDINATES = ("study", "dataset", "network", "prior", "hyperprior", "scale", "inference", "recipe", "seed")


@cache
def engine(inference: str) -> tuple[str, ...]:
    """Source files that shape the result of a method, whatever the prior and the network."""
    files = {f"inference/{inference}.py", *ENGINE}
    files.update(*(digest.imported(file) for file in tuple(files)))
    return tuple(sorted(files - NO_RESULT))


def model_word(prior: str, hyperprior: str, scale: float | None) -> str:
    """Prior and scale as one word, such as `normal-0.3`, `laplace-half_cauchy` or `flat`."""
    if hyperprior != "fixed":
        return f"{prior}-{hyperprior}"
    return prior if prior == "flat" else f"{prior}-{scale:g}"


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
    def digest(self) -> str:
        shared = ("datasets/_base.py", "datasets/_bayes.py", "datasets/_idx.py", "philox.py")
        source = digest.of_package(f"datasets/{self.family}.py", *shared)
        return digest.of_value([self.family, self.options, source])


@dataclass(frozen=True)
class Cell:
    """One combination of data set, network, prior, hyperprior, scale, inference, recipe and seed.

    `hyperprior` is "fixed" when `scale` is a number, and of the flat prior; `scale` is None where it is not a number.
    `merged` names the cell whose model this one coincides with, with the reason; a merged cell is shown, never trained.
    """

    study: str
    dataset: DatasetSpec
    network: str
    network_options: dict[str, Any] = field(hash=False)
    prior: str
    prior_options: dict[str, Any] = field(hash=False)
    hyperprior: str
    scale: float | None
    inference: str
    recipe: str
    settings: dict[str, Any] = field(hash=False)
    seed: int
    draws: int
    merged: str = ""

    @property
    def model(self) -> str:
        """Prior and scale as one word, as `model_word`."""
        return model_word(self.prior, self.hyperprior, self.scale)

    @property
    def id(self) -> str:
        method = f"{self.inference}+{self.recipe}" if self.recipe else self.inference
        return f"{self.study}/{self.dataset.name}/{self.network}/{self.model}/{method}/seed-{self.seed}"

    @property
    def reference_id(self) -> str:
        """Id of the cell that stands for this one's true posterior: the same in all but inference and recipe."""
        return f"{self.study}/{self.dataset.name}/{self.network}/{self.model}/{REFERENCE}/seed-{self.seed}"

    @property
    def pair(self) -> str:
        """What cells share that are compared with each other: data, initial values and minibatch order."""
        return f"{self.dataset.name}/{self.network}/{self.seed}"

    @cached_property
    def key(self) -> str:
        """Digest of the resolved settings and of the source of everything that shapes the result."""
        settings = [self.dataset.digest, self.network_options, self.prior, self.prior_options, self.hyperprior,
                    self.scale, self.inference, self.recipe, self.settings, self.seed, self.draws]  # fmt: skip
        priors, hyperpriors = digest.classes("priors.py", "Prior"), digest.classes("priors.py", "Hyperprior")
        source = [
            digest.of_class("priors.py", priors[self.prior]),
            self.hyperprior != "fixed" and digest.of_class("priors.py", hyperpriors[self.hyperprior]),
            digest.of_package(f"networks/{self.network_options['kind']}.py"),
            digest.of_package(*engine(self.inference)),
        ]
        return digest.of_value([settings, source])

    def coordinates(self) -> dict[str, Any]:
        """The columns that identify this cell in every table."""
        values = {name: getattr(self, name) for name in COORDINATES}
        values["dataset"] = self.dataset.name
        values["scale"] = float("nan") if self.scale is None else self.scale
        return values
