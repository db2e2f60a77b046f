"""Sequences of symbols cut into pieces, from which the next symbol is predicted."""

from typing import NamedTuple

import numpy as np

from bnnbench.tasks.language import NOT_PREDICTED


class Cut(NamedTuple):
    """How a sequence is cut: `length` symbols are predicted in each piece, and `context` are read before the first.

    Pieces lie side by side, each predicted symbol in one of them; what is context in a piece is predicted in the one
    before it. So C pieces of a sequence are what backpropagation through time that is truncated after `length` steps
    sees, but for the state: it is rebuilt from the context.
    """

    length: int
    context: int

    @property
    def steps(self) -> int:
        """Symbols that are read of a piece; all but the first `context` - 1 predict."""
        return self.context + self.length - 1

    def symbols(self, n_pieces: int) -> int:
        """Symbols that so many pieces are cut from."""
        return self.context + n_pieces * self.length

    def pieces(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x (pieces, steps) uint8 and y (pieces, steps) int64 of a sequence of codes; what is left at its end is left.

        ValueError where there is not one whole piece.
        """
        n = (len(codes) - self.context) // self.length
        if n < 1:
            raise ValueError(
                f"a sequence of {len(codes)} symbols is shorter than a piece of {self.length} after {self.context}: "
                "lower length or context"
            )
        at = np.arange(n)[:, None] * self.length + np.arange(self.steps)
        y = codes[at + 1].astype(np.int64)
        y[:, : self.context - 1] = NOT_PREDICTED
        return codes[at].astype(np.uint8), y
