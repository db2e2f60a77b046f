"""Element-wise functions of long rows, piece by piece, so that what they compute on the way is as long as a piece.

Large networks are trained one at a time, and each array as long as their weights counts: autograd would keep several of
them for a function of a few operations. Here a piece is computed again when its gradient is asked for. Values and
gradients are the same to the last bit.
"""

from collections.abc import Callable

import torch

PIECE = 2**20
"""Columns of a piece."""


def is_long(row: torch.Tensor) -> bool:
    """Whether a tensor (cells, columns) is taken in pieces: compiled code keeps nothing on the way anyway."""
    return row.shape[1] > PIECE and not torch.compiler.is_compiling()


def in_pieces(
    function: Callable[..., tuple[torch.Tensor, ...]],
    inputs: list[torch.Tensor],
    constants: list[torch.Tensor] | None = None,
    kept: int = 0,
) -> tuple[torch.Tensor, ...]:
    """function(0, *inputs, *constants), of whose results the first `kept` stay as they are, (cells, columns), and the
    others are summed over columns, (cells,).

    inputs, constants: (cells, columns) each; differentiable in the inputs
    function: of the number of a piece's first column and pieces (cells, some columns); column by column, and what is
    summed may lack the last columns
    """
    return _InPieces.apply(function, kept, len(inputs), *inputs, *(constants or []))


class _InPieces(torch.autograd.Function):
    @staticmethod
    def forward(ctx, function, kept, n_inputs, *tensors):
        ctx.save_for_backward(*tensors)
        ctx.function, ctx.kept, ctx.n_inputs = function, kept, n_inputs
        whole, filled = [], []
        for start, pieces in _pieces(tensors):
            found = function(start, *pieces)
            if not whole:
                whole = [piece.new_empty(tensors[0].shape) for piece in found]
                filled = [0] * len(found)
            for i, piece in enumerate(found):
                whole[i][:, filled[i] : filled[i] + piece.shape[1]] = piece
                filled[i] += piece.shape[1]
        return *whole[:kept], *[t[:, :n].sum(1) for t, n in zip(whole[kept:], filled[kept:], strict=True)]

    @staticmethod
    def backward(ctx, *upstream):
        tensors, n = ctx.saved_tensors, ctx.n_inputs
        if torch.is_grad_enabled():  # for a second derivative the whole graph is needed
            found = _gradients(ctx, upstream, 0, tensors[:n], tensors[n:], create_graph=True)
        else:
            found = [torch.empty_like(t) for t in tensors[:n]]
            for start, pieces in _pieces(tensors):
                inputs = [piece.detach().requires_grad_() for piece in pieces[:n]]
                for whole, piece in zip(found, _gradients(ctx, upstream, start, inputs, pieces[n:]), strict=True):
                    whole[:, start : start + piece.shape[1]] = piece
        return None, None, None, *found, *[None] * (len(tensors) - n)


def _gradients(ctx, upstream, start: int, inputs, constants, **options) -> tuple[torch.Tensor, ...]:
    """Gradients in a piece of the inputs, given those of all results."""
    with torch.enable_grad():
        results = ctx.function(start, *inputs, *constants)
        stop = start + inputs[0].shape[1]
        above = [g[:, start:stop] if i < ctx.kept else g.unsqueeze(1) for i, g in enumerate(upstream)]
        pairs = [(r, g.expand_as(r)) for r, g in zip(results, above, strict=True) if r.requires_grad]
        outputs, gradients = zip(*pairs, strict=True)
        return torch.autograd.grad(outputs, inputs, gradients, materialize_grads=True, **options)


def _pieces(tensors):
    """The first column of each piece, and the pieces."""
    for start in range(0, tensors[0].shape[1], PIECE):
        yield start, [t[:, start : start + PIECE] for t in tensors]
