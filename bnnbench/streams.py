"""The random streams of a stack of cells: a cell draws the same numbers alone, in any shard, in any order and after a
resume."""

from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.philox import generator


class Normals:
    """Standard normal noise for a stack of cells, one step at a time, made in chunks of steps.

    `shape` is that of one cell's noise for one step; `step(t)` is (cells, *shape). Steps are best asked for in order.
    The chunk's length depends on `shape` only, so that the numbers do not depend on how many cells are stacked.
    """

    def __init__(self, owners: list[str], purpose: str, shape: tuple[int, ...], device="cpu", dtype=torch.float32):
        self.owners, self.purpose, self.shape = owners, purpose, tuple(shape)
        self.device, self.dtype = device, dtype
        self.chunk_steps = int(np.clip(65_536 // max(int(np.prod(self.shape)), 1), 1, 64))
        self._chunk, self._values = -1, None

    def step(self, t: int) -> torch.Tensor:
        chunk, within = divmod(t, self.chunk_steps)
        if chunk != self._chunk:
            self._values, self._chunk = self._make(chunk), chunk
        return self._values[within]

    def _make(self, chunk: int) -> torch.Tensor:
        values = np.empty((self.chunk_steps, len(self.owners), *self.shape), np.float32)
        for c, owner in enumerate(self.owners):
            stream = generator(owner, self.purpose, chunk)
            values[:, c] = stream.standard_normal((self.chunk_steps, *self.shape), np.float32)
        return torch.from_numpy(values).to(self.device, self.dtype)


@dataclass(frozen=True)
class Streams:
    """The streams of a stack of cells: `owners` are their ids; `pairs` name what compared cells share."""

    owners: list[str]
    pairs: list[str]
    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    def repeat(self, n: int) -> "Streams":
        """The streams of n copies of each cell, copies being neighbours; the first copy keeps the cell's own."""
        owners, pairs = ([name if k == 0 else f"{name}#{k}" for name in names for k in range(n)]
                         for names in (self.owners, self.pairs))  # fmt: skip
        return Streams(owners, pairs, self.device, self.dtype)

    def take(self, cells: list[int]) -> "Streams":
        """The streams of these cells, in this order."""
        owners, pairs = ([names[c] for c in cells] for names in (self.owners, self.pairs))
        return Streams(owners, pairs, self.device, self.dtype)

    def normals(self, purpose: str, shape: tuple[int, ...]) -> Normals:
        """Noise of each cell's own."""
        return Normals(self.owners, purpose, shape, self.device, self.dtype)

    def paired_normals(self, purpose: str, shape: tuple[int, ...]) -> torch.Tensor:
        """(cells, *shape) of normals shared by the cells of a pair, for initial values."""
        made = {pair: generator(pair, purpose).standard_normal(shape, np.float32) for pair in set(self.pairs)}
        return torch.from_numpy(np.stack([made[pair] for pair in self.pairs])).to(self.device, self.dtype)

    def paired_uniforms(self, purpose: str, chunk: int, size: int) -> torch.Tensor:
        """(cells, size) of uniforms on [0, 1) shared by the cells of a pair, for label votes."""
        made = {pair: generator(pair, purpose, chunk).random(size, np.float32) for pair in set(self.pairs)}
        return torch.from_numpy(np.stack([made[pair] for pair in self.pairs])).to(self.device, self.dtype)

    def batches(self, n_points: int, batch_size: int | None):
        """Function of the step giving (cells, batch) of indices, epoch by epoch without replacement, shared by the
        cells of a pair; the incomplete last batch of an epoch is left out. None stands for all points."""
        if batch_size is None or batch_size >= n_points:
            return lambda step: None
        per_epoch, orders = n_points // batch_size, {}

        def batch(step: int) -> torch.Tensor:
            epoch, within = divmod(step, per_epoch)
            if epoch not in orders:
                orders.clear()
                made = {p: generator(p, "batches", epoch).permutation(n_points) for p in set(self.pairs)}
                orders[epoch] = torch.from_numpy(np.stack([made[p] for p in self.pairs])).to(self.device)
            return orders[epoch][:, within * batch_size : (within + 1) * batch_size]

        return batch
