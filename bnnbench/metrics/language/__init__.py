"""Metrics of probabilities of the next symbol."""

from .._registry import define_inputs
from ._predictions import SymbolPredictions

__all__ = ["SymbolPredictions"]

define_inputs(
    "language",
    {
        "proba": "probabilities of the next symbol, averaged over draws, (n, K), where it is predicted",
        "y": "true codes of the next symbol, (n,)",
        "information": "mutual information between symbol and weights, (n,), nats",
        "true_proba": "the source's probabilities, (n, K); of generated data only",
    },
    compared="proba",
)
