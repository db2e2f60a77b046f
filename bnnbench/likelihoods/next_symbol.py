"""The next symbol at every step, under the softmax of the outputs there."""

from __future__ import annotations

from dataclasses import dataclass

from bnnbench.likelihoods.categorical import Categorical


@dataclass(frozen=True)
class NextSymbol(Categorical):
    """p(y_t = c | x_1 ... x_t) = softmax(outputs)_c at each step. No options, no latents of its own.

    Outputs are (cells, symbols, points * steps), a point's steps being neighbours, and y is (cells, points, steps);
    where it is NOT_PREDICTED nothing is said, and `log_prob` has no part.
    """

    task = "language"

    def log_prob(self, outputs, y, own):
        import torch

        y = y.flatten(1)
        codes = torch.arange(outputs.shape[1], device=y.device, dtype=y.dtype).unsqueeze(1)
        chosen = (y.unsqueeze(1) == codes).to(outputs.dtype)  # NOT_PREDICTED is no code
        return (outputs.log_softmax(1) * chosen).sum((1, 2))

    @property
    def summary(self):
        from bnnbench.likelihoods._symbols import SymbolSummary

        return SymbolSummary(self)


LIKELIHOOD = NextSymbol
