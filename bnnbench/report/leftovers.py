"""Which files of a results folder runs wrote, so that these can be removed and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

from bnnbench.files import integrity
from bnnbench.study.batches import batches
from bnnbench.study.grid import Plan

TABLES = ("metrics", "cells", "tuned", "references", "probes", "claims")
SEALED = {"data": "*.nc", "shards": "*.nc", "metrics": "*.parquet", "probes": "*.parquet",
          "controls": "*.parquet"}  # fmt: skip
"""Folders of files that say, by their seals, that they are ours, also of studies that the config names no more."""
CHECKPOINT = re.compile(r"\..+\.[0-9a-f]{16}\.checkpoint")


def remove(plan: Plan) -> tuple[int, list[Path]]:
    """Remove what runs wrote in a plan's results folder, and folders that are empty then.

    Returns how many files were removed, and the paths that are left. Links are not followed out of the folder.
    """
    folder = plan.results
    if not folder.is_dir():
        return 0, []
    root, removed = folder.resolve(), 0
    for path in set(written(plan)):
        if (path.is_file() or path.is_symlink()) and path.parent.resolve().is_relative_to(root):
            path.unlink()
            removed += 1
    left = []
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        if path.is_dir() and not path.is_symlink():
            if removed and not any(path.iterdir()):
                path.rmdir()
        else:
            left.append(path.relative_to(folder))
    if removed and not left and not folder.is_symlink():
        folder.rmdir()
    return removed, sorted(left)


def written(plan: Plan) -> Iterator[Path]:
    """Paths that a run of the plan writes, and files whose seal says that a run wrote them; not all need be there."""
    folder = plan.results
    yield from (folder / f"{name}.parquet" for name in TABLES)
    yield from (folder / name for name in ("checked", "config.resolved.yaml"))
    yield from (folder / "logs" / f"{name}.log" for name in ("gather", "claims", "report", "check", "run"))
    jobs = [*batches(plan), *plan.shards]  # of shards by hand, or where others were beside them
    names = {"data": plan.datasets, "train": jobs, "evaluate": jobs, "probe": jobs, "notebooks": plan.studies}
    names["controls"] = plan.datasets
    for step, of_step in names.items():
        yield from (folder / "logs" / step / f"{name}.log" for name in of_step)
    for study in plan.studies:
        yield from (folder / "notebooks" / f"{study}{end}" for end in (".ipynb", ".html", ".failed.ipynb"))
    yield from (folder / "data" / f"{name}.nc" for name in plan.datasets)
    yield from (folder / "controls" / f"{name}.parquet" for name in plan.datasets)
    yield from (folder / "shards" / f"{name}.nc" for name in plan.shards)
    yield from (folder / part / f"{name}.parquet" for part in ("metrics", "probes") for name in plan.shards)
    for part, pattern in SEALED.items():
        yield from (path for path in (folder / part).glob(pattern) if integrity.is_sealed(path))
        yield from (path for path in (folder / part).glob(f".{pattern}") if integrity.is_sealed(path))
    yield from (path for path in (folder / "shards").glob(".*.checkpoint") if CHECKPOINT.fullmatch(path.name))
    yield from _of_report(folder / "report")


def _of_report(folder: Path) -> Iterator[Path]:
    from bnnbench.report.render import written as written_report

    yield from (folder / name for name in written_report(folder))
