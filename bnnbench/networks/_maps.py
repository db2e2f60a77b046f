"""Layers by which a network gives outputs for each pixel, applied to stacked images.

Images are (points, cells * channels, rows, columns), as in `_apply`.
"""

import torch
import torch.nn.functional as F

from bnnbench.networks._layers import PerPixel, PlacedMaxPool, Unpool

Place = tuple[torch.Tensor, tuple[int, int]]
"""Where the maxima of squares were, as an index into the pixels of each channel, and the size of the map before."""


def apply(layer: PlacedMaxPool | Unpool | PerPixel, h: torch.Tensor, n_cells: int, places: list[Place]) -> torch.Tensor:
    """A layer's outputs; pooling puts its places on the list, from the end of which an `Unpool` takes them."""
    match layer:
        case PlacedMaxPool():
            pooled, index = F.max_pool2d(h, layer.size, return_indices=True)
            places.append((index, tuple(h.shape[2:])))
            return pooled
        case Unpool():
            return unpool(h, *places.pop())
        case PerPixel():
            return h.unflatten(1, (n_cells, -1)).permute(1, 2, 0, 3, 4)


def unpool(h: torch.Tensor, index: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Maps of this size with h (points, channels, rows, columns) at the places `index` and zero elsewhere.

    By `scatter`: torch's own `max_unpool2d` is slower on a processor, and on a GPU it is not the same each time.
    """
    empty = h.new_zeros(*h.shape[:2], size[0] * size[1])
    return empty.scatter(2, index.flatten(2), h.flatten(2)).unflatten(2, size)
