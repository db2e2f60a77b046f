"""From a config to cells and shards. Nothing here but a thorough check needs torch: planning must be quick."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bnnbench.source import digest
from bnnbench.study import checks, config_files, pretraining
from bnnbench.study.cells import Cell, DatasetSpec
from bnnbench.study.config import ConfigError, RunConfig, StudyConfig
from bnnbench.study.expand import dataset_specs, likelihoods, matches, models, study_cells

SEEDS = 5
"""Seeds that a job trains together at most: a run of more seeds has more jobs, for more cores."""
LONG = 20.0
"""Expected seconds of a long job: compiling takes 10 to 30 itself, and makes training two to three times as fast."""
MOST_CELLS = 500_000
"""So many are planned in less than a minute, and every shipped study with all its methods has a third of them."""
LONGEST_NAME = 200
"""Bytes in the name of a shard: its files' names are somewhat longer, and 255 are the most that file systems take."""


@dataclass(frozen=True)
class Shard:
    """The cells of a study that share the shape of their data, network, likelihood, inference and a stretch of five
    seeds, or where they are trained one by one the seed: trained by one job, which short ones share."""

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

    @property
    def takes_weights(self) -> bool:
        """Whether its cells have pretrained weights: all have, or none."""
        return self.cells[0].entry.pretrained is not None

    @property
    def on_processor(self) -> bool:
        """Whether it is trained on the processor wherever the others are. Imports the method, and so torch."""
        from bnnbench import inference

        return inference.find(self.inference).on_processor

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

    def expected_seconds(self, shard: Shard) -> float:
        """Of training the whole shard on one core, by the costs in its study."""
        method = self.study_configs[shard.study].inference[shard.inference]
        return sum(method.seconds_for(cell.network) for cell in shard.trainable)

    def is_long(self, shard: Shard) -> bool:
        """Whether its job is worth preparing: it compiles its kernels."""
        return self.expected_seconds(shard) >= LONG

    def holds_references(self, shard: Shard) -> bool:
        """Whether its cells, where they pass their gate, stand for the true posterior of others."""
        return shard.inference in self.study_configs[shard.study].references

    def reference_shards(self, shard: Shard) -> list[Shard]:
        """The shards of the references of a shard's cells, in the order of the study's methods, without itself."""
        study = self.study_configs[shard.study]
        methods = [m for m in study.references if m in study.inference and m != shard.inference]
        ids = (cell.by(method) for method in methods for cell in shard.trainable)
        return [self.shards[name] for name in dict.fromkeys(self.shard_of.get(i) for i in ids) if name]

    def pretraining_shards(self, shard: Shard) -> list[str]:
        """Names of the shards that pretrained weights of a shard's cells are of, which are trained before it."""
        ids = dict.fromkeys(cell.pretrained.id for cell in shard.trainable if cell.pretrained)
        return list(dict.fromkeys(self.shard_of[cell_id] for cell_id in ids))

    @cached_property
    def shard_of(self) -> dict[str, str]:
        """The name of each cell's shard, by the cell's id."""
        return {cell.id: shard.name for shard in self.shards.values() for cell in shard.cells}

    def probes(self, shard: Shard) -> dict[str, list[Cell]]:
        """Probes of a shard's study with those of the shard's cells that they are put to, where there are any."""
        found = {}
        for name, probe in self.study_configs[shard.study].probes.items():
            if cells := [cell for cell in shard.trainable if matches(cell, probe.only)]:
                found[name] = cells
        return found


def load(source: str | Path | dict, thorough: bool = True) -> Plan:
    """Read a config (file or dictionary) into a plan. Raises ConfigError naming place and remedy of all that is wrong.

    `thorough` also checks the settings of methods and probes, for which torch is imported, and files of the user's that
    data sets are read from; see `check_methods` and `check_files`.
    """
    run, studies, faults = config_files.load(source)
    place = config_files.place_of_run(source)
    for name, study in studies.items():
        found = checks.study_faults(study, config_files.study(name))
        faults += _placed(found, name, place, run)
    if thorough or faults:  # where something is wrong anyway, all of it is told
        faults += _method_faults(run, studies, place)
        faults += _file_faults(run, studies, place)
    if faults:
        raise ConfigError(*dict.fromkeys(faults))
    return build(run, studies)


def check_methods(plan: "Plan", source: str | Path | dict) -> None:
    """The part of a thorough check that a plan loaded from `source` without it lacks. Raises ConfigError as `load`."""
    if faults := _method_faults(plan.config, plan.study_configs, config_files.place_of_run(source)):
        raise ConfigError(*faults)


def check_files(plan: "Plan", source: str | Path | dict) -> None:
    """Refuse a plan whose data sets are made of files of the user's that are missing or wrong, before keys need them.

    Raises ConfigError as `load`.
    """
    if faults := _file_faults(plan.config, plan.study_configs, config_files.place_of_run(source)):
        raise ConfigError(*faults)


def _file_faults(run: RunConfig, studies: dict[str, StudyConfig], place: str) -> list[str]:
    return [fault for name, study in studies.items() for fault in _placed(checks.file_faults(study), name, place, run)]


def _method_faults(run: RunConfig, studies: dict[str, StudyConfig], place: str) -> list[str]:
    return [
        fault for name, study in studies.items() for fault in _placed(checks.method_faults(study), name, place, run)
    ]


def _placed(faults: list[str], study: str, place: str, run: RunConfig) -> list[str]:
    where = config_files.place_of_study(study, place, run.overrides.get(study))
    return [f"{where}: {fault}" for fault in faults]


def build(run: RunConfig, studies: dict[str, StudyConfig]) -> Plan:
    """The plan of configs that are checked already."""
    shards: dict[str, list[Cell]] = {}
    datasets: dict[str, DatasetSpec] = {}
    every: list[Cell] = []
    n_cells = 0
    for study in studies.values():
        specs = dataset_specs(study)
        n_cells += _most_cells(study, specs, len(run.seeds))
        _check_size(study, n_cells, len(run.seeds))
        for spec in specs:
            if spec.name in datasets and datasets[spec.name].options != spec.options:
                raise ConfigError(
                    f"data set '{spec.name}' has other options in the studies {datasets[spec.name].study} and "
                    f"{study.name}: give them the same options, or run the studies with separate configs"
                )
            datasets.setdefault(spec.name, spec)
        cells = study_cells(study, specs, run.seeds)
        if not cells:
            raise ConfigError(f"study '{study.name}': no cell is left: widen 'models' or 'only'")
        every += cells
    every, faults = pretraining.resolved(every)
    if faults:
        raise ConfigError(*(f"study '{study}': {fault}" for study, fault in faults))
    for cell in every:
        name = shard_name(cell, _apart(cell, studies[cell.study]))
        shards.setdefault(name, []).append(cell)
    made = {name: Shard(name, c[0].study, c[0].dataset.group, c[0].inference, tuple(c)) for name, c in shards.items()}
    _check_names(made)
    # A narrowed run may have no cell of some: nobody makes those.
    used = {name for shard in made.values() for name in shard.datasets}
    return Plan(run, studies, made, {name: spec for name, spec in datasets.items() if name in used})


def _most_cells(study: StudyConfig, specs: list[DatasetSpec], n_seeds: int) -> int:
    """Cells of a study's grid before `only` and `models`."""
    recipes = sum(1 + len(method.recipes) for method in study.inference.values())
    on_data = sum(len(likelihoods(study, spec)) for spec in specs)
    return on_data * len(study.networks) * len(models(study)) * recipes * n_seeds


def _check_size(study: StudyConfig, n_cells: int, n_seeds: int) -> None:
    """Refuse a run that could not even be listed; `n_cells` are those of the study and of the ones before it."""
    if n_cells > MOST_CELLS:
        raise ConfigError(
            f"study '{study.name}': with its grid there are {n_cells:,} cells before 'only' and 'models', of "
            f"{n_seeds:,} seeds: {MOST_CELLS:,} are the most; name fewer seeds, or run parts of it with configs of "
            "their own"
        )


def _check_names(shards: dict[str, Shard]) -> None:
    """Refuse names that no file can have, and cells that could not be told apart."""
    for name, shard in shards.items():
        if len(name.encode()) > LONGEST_NAME:
            parts = {"network": shard.cells[0].network, "data set": shard.cells[0].dataset.name}
            kind = max(parts, key=lambda part: len(parts[part]))
            raise ConfigError(
                f"study '{shard.study}': its files would have names of {len(name.encode())} bytes, and {LONGEST_NAME} "
                f"are the most: shorten the name of the {kind} '{parts[kind]}'"
            )
        if len({(cell.network, cell.inference) for cell in shard.cells}) > 1:
            raise ConfigError(f"study '{shard.study}': several networks would share the file {name}: rename one")
        if len({cell.id for cell in shard.cells}) < len(shard.cells):
            ids = Counter(cell.id for cell in shard.cells)
            raise ConfigError(
                f"study '{shard.study}': several cells would be called {max(ids, key=ids.get)}: rename one"
            )


def shard_name(cell: Cell, apart: Collection[str] = ()) -> str:
    """Name of the shard of the cells like this one; `apart` are the coordinates that each shard has one value of."""
    network = f"{cell.network}+{cell.likelihood_word}" if cell.likelihood_word else cell.network
    data = cell.dataset.name if "dataset" in apart else cell.dataset.group
    name = f"{cell.study}--{data}--{network}--{cell.inference}"
    # Apart from cells without pretrained weights, which these may be of: no shard can need itself.
    name += "--pretrained" if cell.entry.pretrained else ""
    if "seed" in apart:
        return f"{name}--seed-{cell.seed}"
    first = cell.seed // SEEDS * SEEDS
    return f"{name}--seeds-{first}-{first + SEEDS - 1}" if first else name


def _apart(cell: Cell, study: StudyConfig) -> set[str]:
    """Cells that are trained one by one gain nothing from sharing a job: a job for each seed keeps all cores busy."""
    method = study.inference[cell.inference]
    return {*method.apart, *(["seed"] if method.stack == 1 else [])}
