"""Whether a results folder holds what its config would make: what is damaged, stale, missing, or not of any run.

Nothing is trained or computed: seals are checked, keys compared, and names looked at.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bnnbench.evaluation.evaluate import config_json
from bnnbench.files import integrity
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.files.tables import about, read_table
from bnnbench.report.leftovers import SEALED, TABLES, written
from bnnbench.study.grid import Plan, Shard


@dataclass
class Findings:
    """Paths below the results folder with what is wrong with each, by kind.

    damaged: the content does not match its seal, or cannot be read by this version, or is another file's
    stale: made with another config, or with settings or source that have changed since
    missing: what a whole run would have written
    foreign: what no run of this config writes; it is nobody's business here, and never removed
    """

    damaged: dict[Path, str] = field(default_factory=dict)
    stale: dict[Path, str] = field(default_factory=dict)
    missing: dict[Path, str] = field(default_factory=dict)
    foreign: dict[Path, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether all that a run writes is there, sound, and made with the config and source as they are."""
        return not (self.damaged or self.stale or self.missing)

    def lines(self) -> list[str]:
        """A line each finding, and one that sums up."""
        kinds = {name: getattr(self, name) for name in ("damaged", "stale", "missing", "foreign")}
        found = [f"{kind}: {path}: {reason}" for kind, paths in kinds.items() for path, reason in sorted(paths.items())]
        return [*found, ", ".join(f"{len(paths)} {kind}" for kind, paths in kinds.items())]


def verify(plan: Plan) -> Findings:
    """What is wrong with a plan's results folder. FileNotFoundError where there is none."""
    folder = plan.results
    if not folder.is_dir():
        raise FileNotFoundError(f"no results at {folder}: make report with this config makes them")
    found = Findings()
    for path in _sealed(folder):
        if fault := _raised(integrity.verify, path):
            found.damaged[path] = fault
    for name, shard in plan.shards.items():
        _look_at_shard(found, folder, name, shard)
    for name in plan.datasets:
        _look_for(found, folder / "data" / f"{name}.nc", "the data step makes it")
    for name in TABLES:
        _look_at_table(found, plan, folder / f"{name}.parquet")
    for path in (folder / "report" / "index.html", folder / "report" / "report.pdf"):
        _look_for(found, path, "the report step makes it")
    known = {path.resolve() for path in written(plan)}
    for path in folder.rglob("*"):
        if path.is_file() and path.resolve() not in known:
            found.foreign[path] = "no run of this config writes it"
    return found


def repair(findings: Findings) -> list[Path]:
    """Remove what is damaged, and stale tables, so that the next run makes these again and nothing else; returns them.

    Stale cells stay in their shard's file: the next run trains those alone and keeps the others.
    """
    removed = [*findings.damaged, *(path for path in findings.stale if path.suffix == ".parquet")]
    for path in removed:
        path.unlink(missing_ok=True)
    return sorted(removed)


def _sealed(folder: Path) -> list[Path]:
    """Files that runs seal, finished or not."""
    found = [folder / f"{name}.parquet" for name in TABLES]
    for part, pattern in SEALED.items():
        found += [*(folder / part).glob(pattern), *(folder / part).glob(f".*.unfinished{pattern[1:]}")]
    return [path for path in found if path.is_file()]


def _raised(check: Callable, *arguments) -> str:
    """What a check raises, without the path, which stands beside it; "" where it raises nothing."""
    try:
        check(*arguments)
    except ValueError as error:
        return str(error).removeprefix(str(arguments[0])).strip()
    return ""


def _look_for(found: Findings, path: Path, remedy: str) -> None:
    if not path.is_file():
        found.missing[path] = remedy


def _look_at_shard(found: Findings, folder: Path, name: str, shard: Shard) -> None:
    """Whether a shard's file and tables are there, are its own, and hold its cells as they would be trained now."""
    path = folder / "shards" / f"{name}.nc"
    _look_for(found, folder / "metrics" / f"{name}.parquet", "the evaluation makes it")
    if not path.is_file() and not unfinished(path).is_file():
        found.missing[path] = f"its {len(shard.trainable)} cells are not trained"
        return
    if path in found.damaged or not path.is_file():
        return
    if fault := _raised(ShardFile.states, path):
        found.damaged[path] = fault
        return
    stored, keys = ShardFile.states(path), {cell.id: cell.key for cell in shard.trainable}
    known = {cell_id for cell_id, _ in stored}
    stale = [cell_id for cell_id, key in keys.items() if cell_id in known and (cell_id, key) not in stored]
    if stale:
        found.stale[path] = f"{len(stale)} of its cells were trained with other settings or source, such as {stale[0]}"
    if lost := [cell_id for cell_id in keys if cell_id not in known]:
        found.missing[path] = f"{len(lost)} of its cells are not trained, such as {lost[0]}"


def _look_at_table(found: Findings, plan: Plan, path: Path) -> None:
    if not path.is_file():
        found.missing[path] = "gathering makes it"
    elif path not in found.damaged:
        if fault := _raised(read_table, path):
            found.damaged[path] = fault
        elif _of_results(about(path)["config"]) != _of_results(config_json(plan)):
            found.stale[path] = "made with other studies, seeds or settings"


def _of_results(config: str) -> tuple:
    """What of a config, as tables carry it, shapes results: not where they lie, nor what they are made on."""
    known = json.loads(config)
    return known["run"]["studies"], known["run"]["seeds"], known["studies"]
