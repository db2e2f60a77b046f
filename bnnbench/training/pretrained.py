"""Pretrained weights of the cells of a shard: read from the shards that were trained before it, or from files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bnnbench.files.shards import ShardFile
from bnnbench.model.centre import centred_on, start_of
from bnnbench.model.prior import Model
from bnnbench.networks import Network
from bnnbench.prediction.trained import build_model
from bnnbench.study.cells import Cell
from bnnbench.study.grid import Plan
from bnnbench.study.prior_entries import PretrainedFile
from bnnbench.training.weight_files import of_plain_inputs, read_weights

Tensors = dict[str, np.ndarray]
"""Parameter tensors by name; flat ones have the shape that a network's tensor of their name and size has."""


@dataclass(frozen=True)
class Source:
    """Where a cell's pretrained weights are from, in words, and what they are."""

    where: str
    tensors: Tensors


class Untrained(LookupError):
    """A cell that others take weights from has none; the message says why."""


class Sources:
    """The pretrained weights of a shard's cells, by id.

    missing: cells that lack theirs because these are not trained yet; failed: those that will never have them. Why, in
    words, by id.
    """

    def __init__(self, plan: Plan, cells: list[Cell]):
        self._plan, self._files, self._found = plan, {}, {}
        self.missing, self.failed = {}, {}
        for cell in cells:
            if cell.entry.pretrained is None:
                continue
            try:
                self._found[cell.id] = self._read(cell)
            except Untrained as error:
                self.missing[cell.id] = str(error)
            except ValueError as error:
                self.failed[cell.id] = str(error)

    def _read(self, cell: Cell) -> Source:
        where = cell.entry.pretrained
        if isinstance(where, PretrainedFile):
            tensors = read_weights(where.file, where.sha256)
            return Source(where.file, of_plain_inputs(tensors, where.input_mean, where.input_sd, where.file))
        return Source(cell.pretrained.id, self._of_cell(cell.pretrained))

    def _of_cell(self, cell: Cell) -> Tensors:
        """Means of a trained cell's weights, flat."""
        stored = self._shard(self._plan.shard_of[cell.id])
        row = next((row for row in stored.rows if (row["id"], row["key"]) == (cell.id, cell.key)), None)
        if row is None:
            raise Untrained(f"its pretrained weights are of {cell.id}, which is not trained")
        if row["state"] != "done":
            raise ValueError(f"its pretrained weights are of {cell.id}, which {row['state']}: {row['reason']}")
        mean = stored.groups["weights"]["mean"].sel(cell=cell.id)
        names = mean["parameter"].values.astype(str)
        return {name: mean.values[names == name] for name in dict.fromkeys(names)}

    def _shard(self, name: str) -> ShardFile:
        if name not in self._files:
            path = self._plan.results / "shards" / f"{name}.nc"
            if not path.is_file():
                raise FileNotFoundError(
                    f"{path} holds pretrained weights and is not there: train the shard {name} first"
                )
            self._files[name] = ShardFile.read(path, ["weights"])
        return self._files[name]

    def model(self, cell: Cell, network: Network) -> Model:
        """The cell's model with its centre or its start. ValueError for weights that do not fit the network."""
        source = self._found.get(cell.id)
        return build_model(cell) if source is None else informed_model(cell, network, source)

    def words(self, cell: Cell, model: Model, network: Network) -> str:
        """Where a cell's weights are from and which tensors have none, for its record; "" where it has none."""
        source = self._found.get(cell.id)
        if source is None:
            return ""
        at_random = [p.name for p in network.parameters if np.isnan(model.start[p.start])]
        if model.centre is None:
            return f"starts at {source.where}" + _but(at_random, "at random")
        return f"centred on {source.where}" + _but(model.centre.zero_centred, "on zero")


def _but(names: Collection[str], what: str) -> str:
    return f"; {what}: {', '.join(names)}" if names else ""


def informed_model(cell: Cell, network: Network, source: Source) -> Model:
    """A cell's model with the pretrained weights as its centre or its start. ValueError for weights that do not fit."""
    given, plain = cell.entry.given, build_model(cell)
    # Under a fixed scale the other tensors have their own; where scales are learned theirs are too.
    elsewhere = given.elsewhere / plain.fixed if plain.hyperprior is None else 1.0
    options = {"new_layers": given.new_layers, "relative": given.relative, "floor": given.floor, "elsewhere": elsewhere}
    centre = centred_on(network, _shaped(source.tensors, network), source.where, **options)
    return build_model(cell, centre if cell.entry.is_centred else None, start_of(network, centre))


def _shaped(tensors: Mapping[str, np.ndarray], network: Network) -> Tensors:
    shapes = {p.name: p for p in network.parameters}
    fits = {name: a.ndim == 1 and name in shapes and a.size == shapes[name].size for name, a in tensors.items()}
    return {name: a.reshape(shapes[name].shape) if fits[name] else a for name, a in tensors.items()}


def centre_group(cells: list[Cell], models: list[Model], sound: list[int]) -> xr.Dataset | None:
    """What the priors of the cells at the places `sound` are centred on, as their shard's file keeps it."""
    rows = [i for i in sound if models[i].centre is not None]
    if not rows:
        return None
    arrays = {name: np.stack([getattr(models[i].centre, name) for i in rows]) for name in ("weights", "spread")}
    return xr.Dataset({k: (("cell", "weight"), a) for k, a in arrays.items()}, {"cell": [cells[i].id for i in rows]})
