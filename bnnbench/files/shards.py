"""Shard files: arrays in netCDF groups, one row a cell, written whole beside their place and renamed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import h5netcdf
import numpy as np

from bnnbench.files import integrity
from bnnbench.files.writing import replacing

if TYPE_CHECKING:
    import xarray as xr

TEXT = ("id", "key", "state", "reason", "study", "dataset", "family", "network", "likelihood", "prior", "hyperprior",
        "inference", "recipe", "device", "versions", "git_commit", "pretrained")  # fmt: skip
NUMBERS = ("scale", "noise", "seed", "steps", "seconds")


def posterior_group(recipe: str) -> str:
    """Where the posteriors of a recipe are stored: recipes may need arrays of other shapes."""
    return f"posterior+{recipe}" if recipe else "posterior"


def unfinished(path: str | Path) -> Path:
    """Where a job keeps the cells of a shard that it has trained until all that it trains is done; then it is `path`.

    Snakemake removes the file of a job that was interrupted; of this one it knows nothing.
    """
    path = Path(path)
    return path.with_name(f".{path.stem}.unfinished.nc")


def _check_owner(path: str | Path, file: "h5netcdf.File") -> None:
    """ValueError where a shard's file lies under another's name: its cells would be taken for missing ones."""
    path = Path(path)
    named = path.stem.removeprefix(".").removesuffix(".unfinished") if path.name.startswith(".") else path.stem
    owner = _text(file.attrs.get("shard", ""))
    if owner != named:
        raise ValueError(f"{path} is the file of shard {owner!r}, not of {named!r}: move it back, or delete it")


def _encoding(array: "xr.DataArray") -> dict:
    """Compressed; of text the names of weights only, since ids that join later may be longer than those here."""
    compressed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    if array.dtype.kind in "fiu":
        return compressed
    return {"dtype": "S1", "compression": "gzip", "compression_opts": 1} if array.name == "parameter" else {}


def _joinable(old: "xr.Dataset", new: "xr.Dataset") -> bool:
    """Whether two groups agree in their attributes and in the sizes of dimensions without labels."""
    bare = (set(old.sizes) & set(new.sizes)) - set(old.indexes) - set(new.indexes)
    return old.attrs == new.attrs and all(old.sizes[d] == new.sizes[d] for d in bare)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@dataclass
class ShardFile:
    """What a shard's job has trained so far.

    `rows` has a dictionary of TEXT and NUMBERS for each cell; `groups` maps a group to an xarray Dataset whose
    leading dimension `cell` is labelled with the ids of the cells that are done.
    """

    rows: list[dict] = field(default_factory=list)
    groups: "dict[str, xr.Dataset]" = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path, groups: list[str] | None = None) -> "ShardFile":
        """Read a file; `groups` limits which are loaded.

        ValueError where the file is damaged, no whole shard file, or another shard's than its name says.
        """
        import xarray as xr  # here and below, since planning reads keys only and must be quick

        integrity.verify(path)
        try:
            with h5netcdf.File(path) as file:
                _check_owner(path, file)
            table = xr.load_dataset(path, group="cells", engine="h5netcdf")
            with h5netcdf.File(path) as file:
                names = [name for name in file.groups if name != "cells"]
            names = names if groups is None else [g for g in groups if g in names]
            # Without the encoding, by which longer ids that join later would be cut to the length of those here.
            loaded = {g: xr.load_dataset(path, group=g, engine="h5netcdf").drop_encoding() for g in names}
        except (OSError, KeyError) as error:
            raise ValueError(f"{path} is not a readable shard file ({error}): delete it and run again") from None
        # Files from before there were pretrained weights do not say that their cells have none.
        new = {"pretrained": np.full(table.sizes["cell"], "", object)}
        columns = {name: table[name].values if name in table else new[name] for name in (*TEXT, *NUMBERS)}
        rows = [{name: columns[name][i].item() for name in TEXT} | {name: float(columns[name][i]) for name in NUMBERS}
                for i in range(table.sizes["cell"])]  # fmt: skip
        return cls(rows, loaded)

    @staticmethod
    def states(path: str | Path) -> dict[tuple[str, str], str]:
        """State by (id, key) of the stored cells, without loading the rest. ValueError as of `read`.

        Planning asks this of every shard, so the file is not read as a whole, nor its seal looked at: whoever uses what
        it holds does that.
        """
        try:
            with h5netcdf.File(path) as file:
                _check_owner(path, file)
                columns = [file["cells"][name][...] for name in ("id", "key", "state")]
        except (OSError, KeyError) as error:
            raise ValueError(f"{path} is not a readable shard file ({error}): delete it and run again") from None
        return {(_text(i), _text(k)): _text(s) for i, k, s in zip(*columns, strict=True)}

    def drop(self, ids: set[str]) -> None:
        """Forget cells, arrays and all."""
        self.rows = [row for row in self.rows if row["id"] not in ids]
        left = {name: [c for c in group.cell.values if c not in ids] for name, group in self.groups.items()}
        self.groups = {name: self.groups[name].sel(cell=cells) for name, cells in left.items() if cells}

    def extend(self, rows: list[dict], groups: "dict[str, xr.Dataset]") -> None:
        """Add newly trained cells. Stored ones whose arrays have other shapes, or another number of draws, are dropped:
        they were trained with other settings."""
        import xarray as xr

        for name, group in groups.items():
            if name in self.groups and not _joinable(self.groups[name], group):
                self.drop(set(self.groups[name].cell.values))
        self.rows += rows
        for name, group in groups.items():
            old = self.groups.get(name)
            self.groups[name] = (
                group if old is None else xr.concat([old, group], "cell", join="outer", data_vars="minimal")
            )

    def write(self, path: str | Path, attributes: dict[str, str]) -> None:
        """Write the whole file in one go; what was there stays until the new file is complete."""
        import xarray as xr

        table = {name: ("cell", np.array([row[name] for row in self.rows], dtype=object)) for name in TEXT}
        table |= {name: ("cell", np.array([row[name] for row in self.rows], dtype=float)) for name in NUMBERS}
        with replacing(path) as temporary:
            temporary.unlink()
            xr.Dataset(attrs=attributes).to_netcdf(temporary, engine="h5netcdf")
            xr.Dataset(table).to_netcdf(temporary, mode="a", group="cells", engine="h5netcdf")
            for name, group in self.groups.items():
                encoding = {v: _encoding(group[v]) for v in group.variables if group[v].ndim}
                group.to_netcdf(temporary, mode="a", group=name, engine="h5netcdf", encoding=encoding)
            integrity.seal(temporary)
