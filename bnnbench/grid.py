"""From a config to cells and shards. No torch here: planning must be quick."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bnnbench import config, digest
from bnnbench.cells import REFERENCE, Cell, DatasetSpec
from bnnbench.config import ConfigError, RunConfig, StudyConfig
from bnnbench.expand import check_known, check_names, dataset_specs, matches, study_cells

SEEDS = 5
"""Seeds that a job trains together at most: a run of more seeds has more jobs, for more cores."""


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

    @property
    def on_processor(self) -> bool:
        """Whether it is trained on the processor wherever the others are: PyMC's own methods are."""
        return self.inference.startswith("pymc_")

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
            if cells := [cell for cell in shard.trainable if matches(cell, probe.only, place)]:
                found[name] = cells
        return found


def load(source: str | Path | dict) -> Plan:
    """Read a config (file or dictionary) into a plan. Raises ConfigError naming place and remedy."""
    run, studies = config.load(source)
    for name, study in studies.items():
        check_names(study, config.study(name))
    return build(run, studies)


def build(run: RunConfig, studies: dict[str, StudyConfig]) -> Plan:
    """The plan of configs that are checked already."""
    shards, datasets = {}, {}
    for study in studies.values():
        specs = dataset_specs(study)
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
        for name, probe in study.probes.items():
            place = f"study '{study.name}': probes.{name}"
            check_known(probe.settings, f"probes/{name}.py", f"{place}.settings")
            matches(cells[0], probe.only, place)  # refuses coordinates that there are not
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
