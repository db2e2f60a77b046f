"""The random streams of a stack of cells: a cell draws the same numbers alone, in any shard, in any order and after a
resume.

On the processor numbers are NumPy's. On any other device torch draws them there: a GPU takes less time for a step than
it takes to make the step's noise elsewhere and bring it. The numbers are others then, with the same properties.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch

from bnnbench.base.philox import generator, seed

PIECE = 2**18
"""So many numbers of one cell are drawn in a row; more are drawn in such pieces, on as many threads as torch has."""


@cache
def _threads(n: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n, thread_name_prefix="streams")


class _Chunked:
    """Random numbers for a stack of cells, one step at a time, made in chunks of steps.

    `shape` is that of one cell's numbers for one step; `step(t)` is (cells, *shape). Steps are best asked for in order.
    The chunk's length depends on `shape` only, so that the numbers do not depend on how many cells are stacked.
    """

    def __init__(self, streams: "Streams", purpose: str, shape: tuple[int, ...]):
        self.owners, self.purpose, self.shape = streams.owners, purpose, tuple(shape)
        self.device, self.dtype, self.on_device = streams.device, streams.dtype, streams.on_device
        self.chunk_steps = int(np.clip(65_536 // max(int(np.prod(self.shape)), 1), 1, 64))
        self._chunk, self._values = -1, None

    def step(self, t: int) -> torch.Tensor:
        chunk, within = divmod(t, self.chunk_steps)
        if chunk != self._chunk:
            self._values = None  # large numbers of the last chunk are not kept beside those of the next
            self._values, self._chunk = self._make(chunk), chunk
        return self._values[within]

    def _make(self, chunk: int) -> torch.Tensor:
        if self.on_device:
            return self._draw_on_device(chunk).to(self.dtype)
        values = np.empty((self.chunk_steps, len(self.owners), *self.shape), np.float32)
        draw = self._draw_whole if values[:, 0].size <= PIECE else self._draw_in_pieces
        draw(values, chunk)
        return torch.from_numpy(values).to(self.device, self.dtype)

    def _draw_whole(self, values: np.ndarray, chunk: int) -> None:
        for c, owner in enumerate(self.owners):
            values[:, c] = self._fill(generator(owner, self.purpose, chunk), values[:, c].shape, c)

    def _draw_in_pieces(self, values: np.ndarray, chunk: int) -> None:
        """So many numbers are a chunk of one step, and cut in the same places whatever number of threads there is."""
        flat = values.reshape(len(self.owners), -1)

        def draw(place):
            cell, start = place
            piece = flat[cell, start : start + PIECE]
            stream = generator(self.owners[cell], self.purpose, chunk, start // PIECE)
            piece[:] = self._fill_piece(stream, piece.size, cell)

        places = [(c, start) for c in range(len(flat)) for start in range(0, flat.shape[1], PIECE)]
        list(_threads(torch.get_num_threads()).map(draw, places))

    def _draw_on_device(self, chunk: int) -> torch.Tensor:
        # A cell's numbers lie together while they are drawn: torch's numbers depend on how a tensor lies.
        values = torch.empty((len(self.owners), self.chunk_steps, *self.shape), device=self.device)
        stream = torch.Generator(self.device)
        for c, owner in enumerate(self.owners):
            self._fill_on_device(stream.manual_seed(seed(owner, self.purpose, chunk)), values[c], c)
        return values.transpose(0, 1).contiguous()

    def _fill(self, stream: np.random.Generator, shape: tuple[int, ...], cell: int) -> np.ndarray:
        raise NotImplementedError

    def _fill_piece(self, stream: np.random.Generator, n: int, cell: int) -> np.ndarray:
        return self._fill(stream, (n,), cell)

    def _fill_on_device(self, stream: torch.Generator, values: torch.Tensor, cell: int) -> None:
        raise NotImplementedError


class Normals(_Chunked):
    """Standard normal noise."""

    def _fill(self, stream, shape, cell):
        return stream.standard_normal(shape, np.float32)

    def _fill_piece(self, stream, n, cell):
        """By Box and Muller (1958), in vector code and in place: two thirds of the time of NumPy's ziggurat.

        Uniforms are multiples of 2^-24, so that none is beyond 5.8 standard deviations; one in 10^8 would be. They are
        those of `stream.random`, whose own loop takes half as long again.
        """
        half = -(-n // 2)
        bits = stream.bit_generator.random_raw(half).view(np.uint32) >> 8
        uniforms = bits.astype(np.float32)
        uniforms *= np.float32(2**-24)
        radius, angle = uniforms.reshape(2, half)
        np.subtract(1, radius, out=radius)
        np.log(radius, out=radius)
        radius *= -2
        np.sqrt(radius, out=radius)
        angle *= np.float32(2 * np.pi)
        normals = np.empty((2, half), np.float32)
        np.cos(angle, out=normals[0])
        np.sin(angle, out=normals[1])
        normals *= radius
        return normals.ravel()[:n]

    def _fill_on_device(self, stream, values, cell):
        values.normal_(generator=stream)


@cache
def _quantiles() -> np.ndarray:
    """Middles of 65,536 intervals of equal probability under the standard normal, scaled to variance 1."""
    middles = torch.special.ndtri((torch.arange(65_536, dtype=torch.float64) + 0.5) / 65_536)
    return (middles / middles.square().mean().sqrt()).float().numpy()


class CoarseNormals(Normals):
    """Standard normal noise of 16 bits, in a third of the time: for millions of numbers a step that end in a gradient.

    Mean, variance and odd moments are the normal's; kurtosis is 2.999, and none is beyond 4.4 standard deviations.
    """

    def _fill(self, stream, shape, cell):
        return self._fill_piece(stream, int(np.prod(shape)), cell).reshape(shape)

    def _fill_piece(self, stream, n, cell):
        bits = stream.bit_generator.random_raw(-(-n // 4)).view(np.uint16)[:n]
        return np.take(_quantiles(), bits, mode="clip")  # no index is out of bounds, so that none need be checked


class Signs(_Chunked):
    """-1 or 1 with probability 1/2 each."""

    def _fill(self, stream, shape, cell):
        n = int(np.prod(shape))
        bits = np.unpackbits(np.frombuffer(stream.bytes(n // 8 + 1), np.uint8), count=n)
        return (2.0 * bits.astype(np.float32) - 1.0).reshape(shape)

    def _fill_on_device(self, stream, values, cell):
        values.random_(0, 2, generator=stream).mul_(2).sub_(1)


class Masks(_Chunked):
    """0 with probability `rates[cell]`, else what brings the mean back to 1: dropout masks, ready to multiply with.

    Rates are rounded to multiples of 2^-16, so that 16 random bits make an entry; at rate 0 every entry is exactly 1.
    """

    def __init__(self, streams, purpose, shape, rates):
        super().__init__(streams, purpose, shape)
        self.thresholds = [min(round(float(rate) * 65_536), 65_535) for rate in rates]

    def _fill(self, stream, shape, cell):
        numbers = np.frombuffer(stream.bytes(2 * int(np.prod(shape))), np.uint16).reshape(shape)
        return (numbers >= self.thresholds[cell]) * np.float32(self._kept(cell))

    def _fill_on_device(self, stream, values, cell):
        values.random_(0, 65_536, generator=stream).ge_(self.thresholds[cell]).mul_(self._kept(cell))

    def _kept(self, cell):
        return 65_536 / (65_536 - self.thresholds[cell])


@dataclass(frozen=True)
class Streams:
    """The streams of a stack of cells: `owners` are their ids; `pairs` name what compared cells share.

    `on_device` tells whether torch draws a cell's own numbers on the device; None, the default, stands for every device
    but the processor. What a pair shares is drawn by NumPy in any case: it is drawn once, or once an epoch.
    """

    owners: list[str]
    pairs: list[str]
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    on_device: bool | None = None

    def __post_init__(self):
        if self.on_device is None:
            object.__setattr__(self, "on_device", torch.device(self.device).type != "cpu")

    def repeat(self, n: int) -> "Streams":
        """The streams of n copies of each cell, copies being neighbours; the first copy keeps the cell's own."""
        owners, pairs = ([name if k == 0 else f"{name}#{k}" for name in names for k in range(n)]
                         for names in (self.owners, self.pairs))  # fmt: skip
        return replace(self, owners=owners, pairs=pairs)

    def take(self, cells: list[int]) -> "Streams":
        """The streams of these cells, in this order."""
        owners, pairs = ([names[c] for c in cells] for names in (self.owners, self.pairs))
        return replace(self, owners=owners, pairs=pairs)

    def normals(self, purpose: str, shape: tuple[int, ...]) -> Normals:
        """Noise of each cell's own."""
        return Normals(self, purpose, shape)

    def coarse_normals(self, purpose: str, shape: tuple[int, ...]) -> CoarseNormals:
        """The same to 16 bits, for much noise at little cost."""
        return CoarseNormals(self, purpose, shape)

    def signs(self, purpose: str, shape: tuple[int, ...]) -> Signs:
        """Random signs of each cell's own."""
        return Signs(self, purpose, shape)

    def masks(self, purpose: str, shape: tuple[int, ...], rates) -> Masks:
        """Dropout masks of each cell's own, at its own rate of `rates` (cells,)."""
        return Masks(self, purpose, shape, rates)

    def paired_normals(self, purpose: str, shape: tuple[int, ...]) -> torch.Tensor:
        """(cells, *shape) of normals shared by the cells of a pair, for initial values."""
        made = {pair: generator(pair, purpose).standard_normal(shape, np.float32) for pair in set(self.pairs)}
        return torch.from_numpy(np.stack([made[pair] for pair in self.pairs])).to(self.device, self.dtype)

    def paired_noise(self, purpose: str, shape: tuple[int, ...]) -> Callable[[int], torch.Tensor]:
        """Function of the step giving (cells, *shape) of normals shared by the cells of a pair, others in each step."""

        def noise(step: int) -> torch.Tensor:
            made = {pair: generator(pair, purpose, step).standard_normal(shape, np.float32) for pair in set(self.pairs)}
            return torch.from_numpy(np.stack([made[pair] for pair in self.pairs])).to(self.device, self.dtype)

        return noise

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
