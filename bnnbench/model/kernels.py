"""Functions of a stack of cells and their gradients, compiled or not, taken block by block."""

import logging
import types
from collections import Counter

import torch

log = logging.getLogger(__name__)


class Kernel:
    """A function of tensors giving a number for each cell, (cells,), and the same with its gradient.

    Tensors have the cells as their leading axis; those without axes are shared by all. Cells are independent. They
    are taken `block` at a time: compiled code is then made once, and what a block needs stays in the processor's cache.
    Compiled, forward and backward pass are fused: half the time of a compiled forward pass under autograd.
    """

    def __init__(self, function, compiled: bool):
        self._function, self._compiled, self._made = function, compiled, {}

    def __call__(self, block: int, inputs: list[torch.Tensor], constants: list[torch.Tensor]) -> torch.Tensor:
        """function(*inputs, *constants), differentiable once in `inputs`."""
        if torch.is_grad_enabled() and any(t.requires_grad for t in inputs):
            return _Blocked.apply(self, block, len(inputs), *inputs, *constants)
        return _joined(self._run(block, 0, [*inputs, *constants]))

    def with_gradient(self, block: int, inputs: list[torch.Tensor], constants: list[torch.Tensor]):
        """Values (cells,) and a list of their gradients in the inputs; nothing is kept for a second derivative."""
        found = self._run(block, len(inputs), [t.detach() for t in [*inputs, *constants]])
        values, gradients = zip(*found, strict=True)
        return _joined(values), [_joined(g) for g in zip(*gradients, strict=True)]

    def _run(self, block: int, n_inputs: int, tensors: list[torch.Tensor]) -> list:
        """Results of the blocks: values, or values with gradients in the first `n_inputs` tensors."""
        kind = n_inputs, torch.get_num_threads(), *[(t.shape[1:], t.dtype, t.device) for t in tensors]
        return [self._for((part[0].shape[0], *kind), n_inputs)(*part) for part in _parts(block, tensors)]

    def _for(self, kind: tuple, n_inputs: int):
        """What computes tensors of a kind (shapes, types, devices)."""
        if kind not in self._made:
            if self._compiled:
                self._made[kind] = _compile(self._fused(n_inputs) if n_inputs else self._function)
            else:
                self._made[kind] = self._eager(n_inputs) if n_inputs else self._function
        return self._made[kind]

    def _eager(self, n_inputs: int):
        def both(*tensors):
            inputs = [t.detach().requires_grad_() for t in tensors[:n_inputs]]
            with torch.enable_grad():
                value = self._function(*inputs, *tensors[n_inputs:])
                return value.detach(), torch.autograd.grad(value.sum(), inputs, materialize_grads=True)

        return both

    def _fused(self, n_inputs: int):
        def both(*tensors):
            def total(*inputs):
                value = self._function(*inputs, *tensors[n_inputs:])
                return value.sum(), value

            inputs = tuple(range(n_inputs))
            gradients, value = torch.func.grad(total, argnums=inputs, has_aux=True)(*tensors[:n_inputs])
            return value, gradients

        return both


class Compiled:
    """A function under torch.compile; where its compiler fails the function runs as it is, and a warning says so.

    torch keeps what it has compiled by code object, eight variants of each. Closures made by the same lines would share
    the eight, and the ninth would run uncompiled: so the function is copied, with a code object of its own.
    """

    def __init__(self, function, **settings):
        own = types.FunctionType(
            function.__code__.replace(),
            function.__globals__,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        self._plain, self._function = function, torch.compile(own, dynamic=False, **settings)

    def __call__(self, *tensors):
        try:
            return self._function(*tensors)
        except (torch._dynamo.exc.BackendCompilerFailed, OSError) as error:  # OSError: no cache can be made
            reason = str(error).strip().splitlines()[0]
            log.warning("torch.compile failed (%s): the same is computed uncompiled, which is slower", reason)
            self._function = self._plain
            return self._plain(*tensors)


def _compile(function):
    """The function for tensors of one kind, which is for the caller to see to.

    torch.compile would check the kind anew in each call, which takes a tenth of a block's time. What is read more than
    once is stored: weights would be computed from latents anew in every loop over points.
    """
    options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe, "realize_reads_threshold": 1}
    return Compiled(function, fullgraph=True, options=options)


def _parts(block: int, tensors: list[torch.Tensor]):
    """The tensors cut to each block of cells in turn."""
    n_cells = tensors[0].shape[0]
    if n_cells <= block:
        return [tensors]
    return [[t[start : start + block] if t.dim() else t for t in tensors] for start in range(0, n_cells, block)]


def _joined(parts) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class _Blocked(torch.autograd.Function):
    """A kernel's values, their gradient taken with them block by block while the block is in the cache.

    Where they can be, the gradients are multiplied in place by what comes from above, so that large ones are there
    once; a second backward pass is refused by torch then.
    """

    @staticmethod
    def forward(ctx, kernel, block, n_inputs, *tensors):
        value, gradients = kernel.with_gradient(block, list(tensors[:n_inputs]), list(tensors[n_inputs:]))
        ctx.save_for_backward(*gradients)
        ctx.n_constants = len(tensors) - n_inputs
        return value

    @staticmethod
    def backward(ctx, upstream):
        return None, None, None, *_times(ctx.saved_tensors, upstream.unsqueeze(1)), *[None] * ctx.n_constants


def _times(gradients: tuple[torch.Tensor, ...], factor: torch.Tensor) -> list[torch.Tensor]:
    """Gradients times a factor (cells, 1), in place but for those that share their numbers with others."""
    places = Counter(g.untyped_storage().data_ptr() for g in gradients)
    alone = [g.is_contiguous() and places[g.untyped_storage().data_ptr()] == 1 for g in gradients]
    return [g.mul_(factor) if own else factor * g for g, own in zip(gradients, alone, strict=True)]
