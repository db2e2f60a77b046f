"""Layers of residual blocks: a branch's outputs are added to its inputs, or to what a shortcut makes of these.

A block stands in a network's list as `Fork, *branch, Join` or `Fork, *branch, Shortcut, *shortcut, Join`, so that what
goes through the list from layer to layer (noise, signs, masks, curvatures) knows convolutions of branch and shortcut as
it knows any others. What `Fork` and `Shortcut` keep is on top of the pass's list until the block's `Join`.
"""

from dataclasses import dataclass

from bnnbench.networks._layers import OwnLayer


@dataclass(frozen=True)
class Fork(OwnLayer):
    """Where a branch begins: its inputs are kept."""

    def apply(self, h, kept):
        kept.append(h)
        return h

    def size_after(self, size, kept):
        return self.apply(size, kept)


@dataclass(frozen=True)
class Shortcut(OwnLayer):
    """Where a branch ends whose shortcut has layers: its outputs are kept, and its inputs go on."""

    def apply(self, h, kept):
        inputs = kept.pop()
        kept.append(h)
        return inputs

    def size_after(self, size, kept):
        return self.apply(size, kept)


@dataclass(frozen=True)
class Join(OwnLayer):
    """Where a block ends: what was kept is added."""

    def apply(self, h, kept):
        return kept.pop() + h

    def size_after(self, size, kept):
        kept.pop()
        return size


@dataclass(frozen=True)
class Widen(OwnLayer):
    """A shortcut without weights: every `stride`-th row and column, and after the channels others that are zero.

    channels: before and after (option A of He et al. 2016, section 3.3)
    """

    channels: tuple[int, int]
    stride: int

    def apply(self, h, kept):
        import torch

        before, after = self.channels
        h = h[:, :, :: self.stride, :: self.stride].unflatten(1, (-1, before))
        zeros = h.new_zeros(*h.shape[:2], after - before, *h.shape[3:])
        return torch.cat([h, zeros], 2).flatten(1, 2)

    def size_after(self, size, kept):
        return tuple((side - 1) // self.stride + 1 for side in size)


@dataclass(frozen=True)
class MeanOfPixels(OwnLayer):
    """The mean of each channel, of which a cell has so many, as a feature.

    They lie in memory as dense layers' own outputs do: in another order the library's products by two outputs round as
    a cell's place in the stack has it.
    """

    channels: int

    def apply(self, h, kept):
        return h.mean((2, 3)).unflatten(1, (-1, self.channels)).permute(1, 2, 0).contiguous()
