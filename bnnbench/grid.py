"""From a config to cells and shards. No torch here: planning must be quick."""

import itertools
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from bnnbench import config as config_module
from bnnbench import digest
from bnnbench.config import RunConfig, StudyConfig
from bnnbench.datasets import check_options, dataset_name, group

ENGINE = ("streams.py", "philox.py", "predict.py", "inference/_base.py", "inference/_optimise.py")
"""With what they import, the source that shapes every cell."""

NO_RESULT = {"config.py", "digest.py", "priors.py", "progress.py"}
"""Source that a cell's key leaves out: it shapes no result, or enters class by class."""

REFERENCE = "hmc"
"""The method whose cells, where they pass the gate of reference.py, stand for the true posterior."""

SEEDS = 5
"""Seeds that a job trains together at most: a run of more seeds has more jobs, for more cores."""

COORDINATES = ("study", "dataset", "network", "prior", "hyperprior", "scale", "inference", "recipe", "seed")


@cache
def engine(inference: str) -> tuple[str, ...]:
    """Source files that shape the result of a method, whatever the prior and the network."""
    files = {f"inference/{inference}.py", *ENGINE}
    files.update(*(digest.imported(file) for file in tuple(files)))
    return tuple(sorted(files - NO_RESULT))


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

    `hyperprior` is "fixed" when `scale` is a number, and `scale` is None otherwise. `merged` names the cell whose
    model this one coincides with, with the reason; a merged cell is shown and never trained.
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
        """Prior and scale as one word, such as `normal-0.3`, `laplace-half_cauchy` or `flat`."""
        if self.hyperprior != "fixed":
            return f"{self.prior}-{self.hyperprior}"
        return self.prior if self.prior == "flat" else f"{self.prior}-{self.scale:g}"

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


@dataclass(frozen=True)
class Shard:
    """The cells of a study that share the shape of their data, network, inference and a stretch of five seeds, or where
    they are trained one by one the seed: one training job."""

    name: str
    study: str
    group: str
    inference: str
    cells: tuple[Cell, ...]

    @property
    def datasets(self) -> list[str]:
        return list(dict.fromkeys(cell.dataset.name for cell in self.cells))

    @property
    def trainable(self) -> list[Cell]:
        return [cell for cell in self.cells if not cell.merged]

    @cached_property
    def digest(self) -> str:
        return digest.of_value([(cell.id, cell.key) for cell in self.cells])


@dataclass(frozen=True)
class Plan:
    """A checked config with everything that follows from it."""

    config: RunConfig
    study_configs: dict[str, StudyConfig]
    shards: dict[str, Shard]
    datasets: dict[str, DatasetSpec]

    @property
    def studies(self) -> list[str]:
        return list(self.study_configs)

    @property
    def cells(self) -> list[Cell]:
        return [cell for shard in self.shards.values() for cell in shard.cells]

    @property
    def results(self) -> Path:
        return Path(self.config.results_dir)

    def reference_shard(self, shard: Shard) -> Shard | None:
        """The shard of the references of a shard's cells; None where there is none, or where it is one itself."""
        if shard.inference == REFERENCE:
            return None
        return self.shards.get(shard_name(shard.cells[0], REFERENCE))

    def probes(self, shard: Shard) -> dict[str, list[Cell]]:
        """Probes of a shard's study with those of the shard's cells that they are put to, where there are any."""
        found = {}
        for name, probe in self.study_configs[shard.study].probes.items():
            place = f"study '{shard.study}': probes.{name}"
            if cells := [cell for cell in shard.trainable if _matches(cell, probe.only, place)]:
                found[name] = cells
        return found


def load(source: str | Path | dict) -> Plan:
    """Read a config (file or dictionary) into a plan. Raises ConfigError naming place and remedy."""
    return build(*config_module.load(source))


def build(run: RunConfig, studies: dict[str, StudyConfig]) -> Plan:
    """The plan of configs that are checked already."""
    shards, datasets = {}, {}
    for study in studies.values():
        specs = dataset_specs(study)
        for spec in specs:
            if spec.name in datasets and datasets[spec.name].options != spec.options:
                raise config_module.ConfigError(
                    f"data set '{spec.name}' has other options in the studies {datasets[spec.name].study} and "
                    f"{study.name}: give them the same options, or run the studies with separate configs"
                )
            datasets.setdefault(spec.name, spec)
        cells = study_cells(study, specs, run.seeds)
        if not cells:
            raise config_module.ConfigError(f"study '{study.name}': no cell is left: widen 'models' or 'only'")
        for name, probe in study.probes.items():
            place = f"study '{study.name}': probes.{name}"
            _check_known(probe.settings, f"probes/{name}.py", f"{place}.settings")
            _matches(cells[0], probe.only, place)  # refuses coordinates that there are not
        for cell in cells:
            shards.setdefault(shard_name(cell, cell.inference, _alone(cell, study)), []).append(cell)
    return Plan(
        run,
        studies,
        {name: Shard(name, c[0].study, c[0].dataset.group, c[0].inference, tuple(c)) for name, c in shards.items()},
        datasets,
    )


def shard_name(cell: Cell, inference: str, alone: bool = False) -> str:
    """Name of the shard of the cells like this one, of a method; `alone` where each seed has one of its own."""
    name = f"{cell.study}--{cell.dataset.group}--{cell.network}--{inference}"
    if alone:
        return f"{name}--seed-{cell.seed}"
    first = cell.seed // SEEDS * SEEDS
    return f"{name}--seeds-{first}-{first + SEEDS - 1}" if first else name


def _alone(cell: Cell, study: StudyConfig) -> bool:
    """Cells that are trained one by one gain nothing from sharing a job: a job for each seed keeps all cores busy."""
    return study.inference[cell.inference].stack == 1 and REFERENCE not in study.inference


def dataset_specs(study: StudyConfig) -> list[DatasetSpec]:
    """The data sets of a study; a list of noise levels, or of classes to leave out, stands for one data set each."""
    specs = []
    for family, options in study.datasets.items():
        varied = next((name for name in ("noise", "without") if name in options), "noise")
        levels = options.get(varied, [None])
        for level in levels if isinstance(levels, list) else [levels]:
            resolved = {k: v for k, v in options.items() if k != varied}
            if level is not None:
                resolved[varied] = float(level) if varied == "noise" else level
            try:
                check_options(family, resolved)
            except ValueError as error:
                raise config_module.ConfigError(f"study '{study.name}': datasets: {error}") from None
            specs.append(DatasetSpec(study.name, dataset_name(family, resolved), family, resolved))
    return specs


def models(study: StudyConfig) -> list[tuple[str, str, float | None, str]]:
    """(prior, hyperprior or "fixed", scale, merged-into-and-why) of every model in a study's grid."""
    found = []
    for prior in study.priors:
        if prior == "flat":
            found.append((prior, "fixed", None, ""))
            reason = "flat: a flat prior is N(0, 100²), which has no scale to learn"
            found += [(prior, hyperprior, None, reason) for hyperprior in study.hyperpriors]
            continue
        found += [(prior, "fixed", float(scale), "") for scale in study.scales]
        found += [(prior, hyperprior, None, "") for hyperprior in study.hyperpriors]
    return found


def study_cells(study: StudyConfig, specs: list[DatasetSpec], seeds: list[int]) -> list[Cell]:
    """Every cell of a study, in a stable order."""
    cells = []
    for inference, method in study.inference.items():
        for recipe, settings in ({"": {}} | method.recipes).items():
            _check_settings(study.name, inference, method.settings | settings, recipe)
    for (inference, method), spec, (network, options), model in itertools.product(
        study.inference.items(), specs, study.networks.items(), models(study)
    ):
        prior, hyperprior, scale, merged = model
        recipes = {"": {}} | method.recipes
        for (recipe, change), seed in itertools.product(recipes.items(), seeds):
            cell = Cell(
                study=study.name, dataset=spec, network=network, network_options={"kind": network} | options,
                prior=prior, prior_options=study.priors[prior], hyperprior=hyperprior, scale=scale,
                inference=inference, recipe=recipe, settings=method.settings | change, seed=seed,
                draws=method.draws or study.draws, merged=merged,
            )  # fmt: skip
            if _kept(cell, study, method.only):
                cells.append(cell)
    return cells


def _check_settings(study: str, inference: str, settings: dict[str, Any], recipe: str) -> None:
    for name in ("temperature", "entropy_weight"):
        if not recipe and settings.get(name, 1) != 1:
            raise config_module.ConfigError(
                f"study '{study}': inference.{inference}.settings: {name} {settings[name]} changes the target and "
                f"must show in the cell's name: put it under recipes, e.g. recipes: {{{name}-{settings[name]}: ...}}"
            )
    place = f"inference.{inference}" + (f".recipes.{recipe}" if recipe else ".settings")
    _check_known(settings, f"inference/{inference}.py", f"study '{study}': {place}")


def _check_known(settings: dict[str, Any], source: str, place: str) -> None:
    known = digest.dataclass_fields(source)
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise config_module.ConfigError(f"{place}: no setting '{unknown[0]}': known are {', '.join(known)}")


def _kept(cell: Cell, study: StudyConfig, only: list[dict[str, list]]) -> bool:
    wanted = study.models is None or cell.model in study.models
    return wanted and _matches(cell, only, f"study '{study.name}': inference.{cell.inference}")


def _matches(cell: Cell, only: list[dict[str, list]], place: str) -> bool:
    """Whether a cell has the coordinates that one of the sets in `only` names."""
    facts = cell.coordinates() | {"model": cell.model}
    unknown = sorted({name for wanted in only for name in wanted} - set(facts))
    if unknown:
        raise config_module.ConfigError(
            f"{place}.only: unknown coordinate '{unknown[0]}': known are {', '.join(facts)}"
        )
    return any(all(facts[name] in allowed for name, allowed in wanted.items()) for wanted in only)
