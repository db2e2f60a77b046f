"""Which prior family and which hyperprior each cell of a stack has, as numbers among its tensors.

A kernel is compiled for the few distinct kinds of a stack (`Kinds`) and not for its cells: what differs from cell to
cell are tensors (`Codes`), which can be cut into blocks and replaced.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from bnnbench.hyperpriors import Hyperprior
from bnnbench.priors import Prior


class Codes(NamedTuple):
    """What differs from cell to cell, (cells, 1) each; the last two (cells, n_weights), and None in a stack in which no
    prior is centred on weights.

    `fixed` is the fixed scale, 1 where it is learned; `family` and `hyperprior` are places in the tuples of `Kinds`;
    `centre` and `spread` are those of `centre.Centre`, 0 and 1 where a cell's prior is centred on zero.
    """

    fixed: torch.Tensor
    family: torch.Tensor
    hyperprior: torch.Tensor
    centre: torch.Tensor | None = None
    spread: torch.Tensor | None = None

    @property
    def tensors(self) -> list[torch.Tensor]:
        """Those that there are, from which `Codes(*tensors)` makes the same again."""
        return [code for code in self if code is not None]

    def take(self, cells: list[int]) -> "Codes":
        return Codes(*(code[cells] for code in self.tensors))


@dataclass(frozen=True)
class Kinds:
    """The distinct families and hyperpriors of a stack.

    None among the hyperpriors stands for a fixed scale, and comes first. Compiled kernels trace these methods:
    torch.compile does not understand `tuple.index`.
    """

    families: tuple[Prior, ...]
    hyperpriors: tuple[Hyperprior | None, ...]
    centred: bool = False
    """Whether any prior is centred on weights; where none is, kernels are what they would be without such priors."""

    @classmethod
    def of(cls, models) -> "Kinds":
        """Those of some models (`joint.Model`)."""
        centred = any(m.centre is not None for m in models)
        return cls(_distinct(m.prior for m in models), _distinct(m.hyperprior for m in models), centred)

    @property
    def n_codes(self) -> int:
        """How many tensors a stack's `Codes` have."""
        return 5 if self.centred else 3

    def codes(self, models, device, dtype) -> Codes:
        """The codes of models of these kinds, a cell each, the fixed scales in `dtype`."""
        fixed = torch.tensor([[m.fixed] for m in models], device=device, dtype=dtype)
        family = torch.tensor([[self.families.index(m.prior)] for m in models], device=device)
        hyperprior = torch.tensor([[self.hyperpriors.index(m.hyperprior)] for m in models], device=device)
        if not self.centred:
            return Codes(fixed, family, hyperprior)
        n_weights = next(len(m.centre.weights) for m in models if m.centre is not None)
        centres, spreads = (made((len(models), n_weights), np.float32) for made in (np.zeros, np.ones))
        for row, m in enumerate(models):
            if m.centre is not None:
                centres[row], spreads[row] = m.centre.weights, m.centre.spread
        shifts = (torch.from_numpy(values).to(device, dtype) for values in (centres, spreads))
        return Codes(fixed, family, hyperprior, *shifts)

    @property
    def any_learned(self) -> bool:
        """Whether any cell learns its scales."""
        return self.hyperpriors != (None,)

    def learned(self, codes: Codes) -> torch.Tensor:
        """Whether a cell learns its scales, (cells, 1)."""
        first = 1 if None in self.hyperpriors else 0  # place of the first that is a hyperprior, None being before it
        return codes.hyperprior >= first

    def shared(self, codes: Codes) -> torch.Tensor | None:
        """Whether all weights of a cell share one learned scale, (cells, 1); None where no cell's do."""
        found = None
        for code, hyperprior in enumerate(self.hyperpriors):
            if hyperprior is not None and hyperprior.shared:
                found = codes.hyperprior == code if found is None else found | (codes.hyperprior == code)
        return found


def _distinct(objects) -> tuple:
    """Each once, None first, in an order that does not depend on theirs."""
    return tuple(sorted(set(objects), key=lambda o: ("",) if o is None else (o.name, sorted(vars(o).items()))))


def sum_by_code(densities: tuple, codes: torch.Tensor, function, *values: torch.Tensor) -> torch.Tensor:
    """Sum over columns of function(density, *values), (cells,), with the density that each cell's code names.

    Where there are several, each is evaluated for all cells and counts where it applies.
    """
    if len(densities) == 1:
        return function(densities[0], *values).sum(1)
    total = torch.zeros_like(values[0][:, 0])
    for code, density in enumerate(densities):
        chosen = codes == code
        # Ones go in where the density does not apply: a where after it would let 0 x NaN into the gradient.
        found = function(density, *[torch.where(chosen, v, 1.0) for v in values])
        total = total + torch.where(chosen, found, 0.0).sum(1)
    return total
