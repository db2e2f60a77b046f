"""Sequences of symbols drawn from a trained cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bnnbench.base.philox import generator
from bnnbench.model.streams import Streams

if TYPE_CHECKING:
    from bnnbench.prediction.trained import TrainedCell


def continued(cell: TrainedCell, start: np.ndarray, n_symbols: int, n_sequences: int = 1) -> np.ndarray:
    """Codes (n_sequences, n_symbols) of what follows `start` (steps,), each symbol drawn as it is predicted.

    Each sequence has a posterior draw of its own for its whole length. Raises ValueError for a network that does not
    read symbols.
    """
    if not cell.network.reads_symbols:
        raise ValueError(f"{cell.name} does not read symbols: there is nothing to continue")
    draw = cell.posterior.draws(Streams([cell.name], [cell.name]), "new-inputs")
    found = np.empty((n_sequences, n_symbols), int)
    with torch.no_grad():
        for s in range(n_sequences):
            inputs, codes = cell.posterior.network_inputs(draw(s)), list(start)
            rng = generator(cell.name, f"continued-{s}")
            for _ in range(n_symbols):
                x = torch.tensor(codes, dtype=torch.float32)[None, :, None]
                proba = (
                    cell.likelihood.proba(cell.posterior.logits(cell.network, x, *inputs))[0, :, -1].double().numpy()
                )
                codes.append(int(rng.choice(len(proba), p=proba / proba.sum())))
            found[s] = codes[len(start) :]
    return found
