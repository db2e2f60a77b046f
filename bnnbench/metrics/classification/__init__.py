"""Metrics of class probabilities, votes and labels."""

from .._registry import define_inputs

define_inputs(
    "classification",
    {
        "proba": "class probabilities, averaged over draws, (n, K)",
        "y": "true classes, (n,)",
        "wrong": "whether the most probable class is not the true one, (n,) booleans",
        "predictions": "`Predictions`: all that is stored of the draws",
        "bayes_proba": "true class probabilities, (n, K); of generated data only",
    },
    compared="proba",
)
