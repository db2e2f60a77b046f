"""The next symbol, at every step of sequences of symbols.

A point is a piece of a longer sequence: codes x (steps,), and for each step the code of the symbol that follows, or
NOT_PREDICTED where a piece's first symbols are there to be read only. Pieces are independent given the weights: each is
read from a state of zeros. Stored are the probabilities of every symbol at every step, averaged over draws, and their
expected entropy: never the draws, and not the pieces' shape, so the steps of a piece are neighbours.
"""

import math

import numpy as np

from bnnbench.tasks._base import Task

LIKELIHOODS = ("next_symbol",)
NOT_PREDICTED = -1


class Language(Task):
    """y in 0 ... K - 1 of each step, or NOT_PREDICTED."""

    controls = {"chance": "symbols' shares", "bayes_rule": "true source"}
    control_definitions = {
        "chance": "Predicts the symbols' shares in the training data at every step.",
        "bayes_rule": "The source itself, where it is known: the true probabilities of the next symbol given those "
        "that the network has read. No model can have fewer expected bits a symbol.",
    }
    targets = "next symbols"
    predicted = "Of p, the mean over posterior draws of the probabilities of the next symbol, over all symbols of the "
    predicted += "test pieces that are predicted."
    law = "next_symbol_proba"
    error = "error"

    def size_fault(self, n_classes):
        return None if n_classes >= 2 else (f"is {n_classes} for {self.name}", "give the number of symbols")

    def target_shape(self, inputs):
        return inputs

    def input_fault(self, x, n_classes):
        return _symbol_fault(x, 0, n_classes)

    def network_fault(self, network):
        return None if network.reads_symbols else f"{self.name} needs a network that reads symbols: use lstm or gru"

    def target_fault(self, y, n_classes):
        if fault := _symbol_fault(y, NOT_PREDICTED, n_classes):
            return fault
        if (nothing := (y == NOT_PREDICTED).all(axis=1)).any():
            return (
                f"has nothing to predict in row {int(np.argmax(nothing))}",
                "make its pieces longer than their context",
            )
        return None

    def encode(self, arrays, n_draws, halves):
        names = ["mean_proba", "expected_entropy"] + ["first_half_proba"] * (halves and "first_half_proba" in arrays)
        return {
            name: (("cell", "symbol", "code")[: arrays[name].ndim], arrays[name].astype(np.float32)) for name in names
        }

    def stored_bytes(self, inputs, n_classes, n_draws):
        return math.prod(inputs) * 4 * (n_classes + 1)

    def decode(self, group, i):
        return _summary(group["mean_proba"].values[i], group["expected_entropy"].values[i])

    def summarise(self, arrays, i, n_draws):
        return _summary(arrays["mean_proba"][i], arrays["expected_entropy"][i])

    def compared(self, summary):
        return summary.proba

    def halves(self, group, i):
        if "first_half_proba" not in group:
            return None
        mean, first = (group[name].values[i].astype(float) for name in ("mean_proba", "first_half_proba"))
        return first, np.clip(2 * mean - first, 0, 1)  # rounding can leave the range

    def truth(self, law):
        """law: (pieces, steps, symbols)."""
        return law.reshape(-1, law.shape[-1])

    def of_truth(self, truth):
        return _summary(truth)

    def chance(self, y_train, n_classes, n):
        share = np.bincount(y_train[y_train != NOT_PREDICTED], minlength=n_classes) / (y_train != NOT_PREDICTED).sum()
        return _summary(np.tile(share, (n * y_train.shape[1], 1)))

    def errors(self, arrays, y):
        """Shares of predicted symbols whose most probable symbol is not the true one."""
        y = y.reshape(len(y), -1)
        wrong = arrays["mean_proba"].argmax(2) != y
        return np.array([w[of_cell != NOT_PREDICTED].mean() for w, of_cell in zip(wrong, y, strict=True)])


def _symbol_fault(codes: np.ndarray, least: int, n_symbols: int) -> tuple[str, str] | None:
    if codes.ndim != 2:
        return f"has shape {codes.shape}", "make it (pieces, steps)"
    if codes.dtype.kind not in "iu":
        return f"has type {codes.dtype}", "code the symbols as whole numbers from 0"
    if codes.size and (codes.min() < least or codes.max() >= n_symbols):
        fault = f"has codes from {codes.min()} to {codes.max()} and the vocabulary has {n_symbols} symbols"
        return fault, f"recode them to 0 ... {n_symbols - 1}, or leave out what has symbols that are not in it"
    return None


def _summary(proba: np.ndarray, expected_entropy: np.ndarray | None = None):
    """A `SymbolPredictions`; imported when it is needed, since planning reads tasks too and must be quick."""
    from bnnbench.metrics.language import SymbolPredictions

    return SymbolPredictions(proba, expected_entropy)


TASK = Language()
