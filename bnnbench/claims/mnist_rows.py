"""The claim on Bayes by Backprop in recurrent networks, on MNIST read row by row."""

from bnnbench.claims.sequence import CLAIMS

__all__ = ["CLAIMS"]
