"""What a user should know of a data set that was made, kept in its file for the report."""

import json
from collections.abc import Iterable
from pathlib import Path

import h5netcdf

from bnnbench.datasets._base import DataSet
from bnnbench.files import integrity
from bnnbench.files.writing import replacing

ATTRIBUTE = "notes"


def write(data: DataSet, path: str | Path, notes: Iterable[str]) -> None:
    """Write a data set with notes, a sentence each; readers see the old file or the whole new one."""
    with replacing(path) as temporary:
        data.to_netcdf(temporary)
        with h5netcdf.File(temporary, "a") as file:
            file.attrs[ATTRIBUTE] = json.dumps(list(notes))
        integrity.seal(temporary)


def read(attributes) -> tuple[str, ...]:
    """The notes among the attributes of a data set's file; none where it was written without."""
    return tuple(json.loads(attributes.get(ATTRIBUTE, "[]")))
