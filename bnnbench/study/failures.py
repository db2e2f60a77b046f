"""What a run could not have, data sets and notebooks: it goes on without, its report says so, the next one tries again.

A data set that could not be made leaves a file that says why in its place, so that the steps after it still run: its
cells count as failed. A notebook that fails leaves what was run of it as its page. When the report is made both are
forgotten, so that the next run of the same config makes them anew.

A training job that fails leaves shards' files without the cells that they were to get: these are set aside.
"""

import json
from pathlib import Path

import h5netcdf

from bnnbench.datasets import DataSet
from bnnbench.files.integrity import seal, verify
from bnnbench.files.shards import ShardFile, unfinished
from bnnbench.files.writing import replacing
from bnnbench.study.grid import Plan, Shard

ATTRIBUTE, FIGURES = "unavailable", "failed_figures.json"


def mark_data(path: str | Path, reason: str) -> None:
    """Write the file that stands for a data set that cannot be had, with the reason."""
    with replacing(path) as temporary:
        temporary.unlink()
        with h5netcdf.File(temporary, "w") as file:
            file.attrs[ATTRIBUTE] = reason
        seal(temporary)


def data_faults(plan: Plan) -> dict[str, str]:
    """Why the data sets of a run that cannot be had cannot, by name."""
    found = {name: _data_fault(plan.results / "data" / f"{name}.nc") for name in plan.datasets}
    return {name: reason for name, reason in found.items() if reason}


def _data_fault(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        with h5netcdf.File(path) as file:
            return str(file.attrs.get(ATTRIBUTE, ""))
    except OSError:  # of another kind than this: whoever reads it says so
        return ""


def available(plan: Plan, names: list[str]) -> dict[str, DataSet]:
    """The data sets of these names that could be had. Raises what `DataSet.from_netcdf` raises."""
    faults = data_faults(plan)
    return {name: data_set(plan, name) for name in names if name not in faults}


def data_set(plan: Plan, name: str) -> DataSet:
    """A run's data set of this name. Raises what `DataSet.from_netcdf` raises."""
    return DataSet.from_netcdf(plan.results / "data" / f"{name}.nc", name)


def failed_notebook(plan: Plan, study: str) -> Path:
    """Where what was run of a study's notebook is kept if it failed; there is no such file if it did not."""
    return plan.results / "notebooks" / f"{study}.failed.ipynb"


def notebook_faults(plan: Plan) -> dict[str, str]:
    """What was raised in the notebooks that failed, by study."""
    paths = {study: failed_notebook(plan, study) for study in plan.studies}
    return {
        study: json.loads(path.read_text(encoding="utf-8"))["metadata"].get("fault", "unknown")
        for study, path in paths.items()
        if path.is_file()
    }


def mark_figures(folder: Path, faults: dict[str, str]) -> None:
    """Keep, in a report's folder, what was raised in its figures that failed."""
    (folder / FIGURES).write_text(json.dumps(faults), encoding="utf-8")


def figure_faults(plan: Plan) -> dict[str, str]:
    """What was raised in the report's figures that failed, by study and figure."""
    path = plan.results / "report" / FIGURES
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def forget(plan: Plan) -> None:
    """Remove what stands for data sets, and the pages of notebooks, that failed: the next run misses and makes them."""
    for name in data_faults(plan):
        (plan.results / "data" / f"{name}.nc").unlink()
    for study in notebook_faults(plan):
        (plan.results / "notebooks" / f"{study}.ipynb").unlink(missing_ok=True)


def set_aside(plan: Plan) -> None:
    """Let what is stored of shards that lack cells wait beside their files, as an interrupted job leaves it.

    Snakemake puts the earlier file of a job that failed back and takes it for what the job was to make: only of a
    missing file is it certain that the next run makes it. Damaged files stay, for whoever uses them to name.
    """
    faults = data_faults(plan)
    had = {n for n in plan.datasets if n not in faults and (plan.results / "data" / f"{n}.nc").is_file()}
    for shard in plan.shards.values():
        path = plan.results / "shards" / f"{shard.name}.nc"
        if not _lacks_cells(shard, path, had) or not _is_sound(path):
            continue
        if _is_sound(unfinished(path)):  # it holds what the file holds, and more
            path.unlink()
        else:
            path.replace(unfinished(path))


def _lacks_cells(shard: Shard, path: Path, datasets: set[str]) -> bool:
    """Whether there is a shard's file, and not with all of the shard's cells on these data sets."""
    try:
        have = ShardFile.states(path)
    except ValueError:
        return False
    return any((cell.id, cell.key) not in have for cell in shard.trainable if cell.dataset.name in datasets)


def _is_sound(path: Path) -> bool:
    try:
        verify(path)
    except (ValueError, OSError):
        return False
    return True
