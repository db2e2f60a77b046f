"""Scores of the probabilities of the next symbol."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from .._metric import Column
from .._registry import metric
from ..classification import accuracy as of_classes
from ..classification import calibration
from ..classification.accuracy import PROBABILITY_FLOOR

Array = NDArray[np.float64]
MOST_NATS = -np.log(PROBABILITY_FLOOR)


@metric(
    "bits_per_symbol",
    label="Bits a symbol",
    definition="NLL in bits: log2 of how many symbols the model is choosing between, on average. The true source has "
    "the fewest, its entropy rate.",
    direction="lower",
    unit="bits",
    bounds=(0, MOST_NATS / np.log(2)),
    column=Column(
        "Bits", 3, hint="bits a symbol; lower is better, no model can have fewer than the source's entropy rate"
    ),
)
def bits_per_symbol(proba: Array, y: NDArray[np.int64]) -> float:
    """Mean over symbols of -log2 p(true symbol). proba: (n, K). y: (n,)."""
    return of_classes.negative_log_likelihood(proba, y) / np.log(2)


@metric(
    "perplexity",
    label="Perplexity",
    definition="exp of the NLL: the number of equally probable symbols among which one would be as uncertain.",
    direction="lower",
    bounds=(1, np.exp(MOST_NATS)),
    column=Column("Perplexity", 2, hint="exp of the NLL; lower is better"),
)
def perplexity(proba: Array, y: NDArray[np.int64]) -> float:
    """exp of the NLL. proba: (n, K). y: (n,)."""
    return float(np.exp(of_classes.negative_log_likelihood(proba, y)))


@metric(
    "nll",
    label="NLL",
    definition="Mean of -log p(next symbol), p averaged over draws and raised to at least 6e-8.",
    direction="lower",
    unit="nats",
    bounds=(0, MOST_NATS),
    column=Column("NLL", 4, hint="negative log-likelihood a symbol, in nats; lower is better"),
)
def negative_log_likelihood(proba: Array, y: NDArray[np.int64]) -> float:
    """Nats a symbol. proba: (n, K). y: (n,)."""
    return of_classes.negative_log_likelihood(proba, y)


@metric(
    "accuracy",
    label="Accuracy",
    definition="Share of symbols to which the highest probability was given.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Accuracy %", 2, 100, "share of symbols that had the highest probability; higher is better"),
)
def accuracy(proba: Array, y: NDArray[np.int64]) -> float:
    """proba: (n, K). y: (n,)."""
    return of_classes.accuracy(proba, y)


@metric(
    "ece",
    label="ECE",
    definition="Mean gap between accuracy and confidence in 15 equal-mass bins; compare with its floor.",
    direction="lower",
    bounds=(0, 1),
    floor="ece_floor",
    column=Column("ECE", 4, hint="expected calibration error; lower is better, compare with its floor"),
)
def expected_calibration_error(proba: Array, y: NDArray[np.int64]) -> float:
    """Of the most probable symbol. proba: (n, K). y: (n,)."""
    return calibration.expected_calibration_error(proba, y)


@metric(
    "ece_floor",
    label="ECE floor",
    definition="The ECE expected of a perfectly calibrated model with these confidences and this many symbols.",
    direction="",
    bounds=(0, 1),
    column=Column("ECE floor", 4, hint="the ECE that perfect calibration would show with this many symbols"),
)
def calibration_floor(proba: Array) -> float:
    """proba: (n, K)."""
    return calibration.calibration_floor(proba)


@metric(
    "mutual_information",
    label="Mutual information",
    definition="Mean over symbols of H[p] minus the mean entropy of the draws: what knowing the weights would tell.",
    direction="",
    unit="nats",
    bounds=(0, np.inf),
)
def mean_information(information: Array) -> float:
    """information: (n,)."""
    return float(information.mean())


@metric(
    "excess_bits",
    label="Excess bits",
    definition="Mean over symbols of KL(true law || p) in bits: what is paid for not knowing the source.",
    direction="lower",
    unit="bits",
    bounds=(0, np.inf),
    column=Column(
        "Excess bits", 3, hint="bits a symbol above the true source's, in expectation; 0 is the best possible"
    ),
)
def excess_bits(proba: Array, true_proba: Array) -> float:
    """In expectation over the next symbol, so free of its noise. proba, true_proba: (n, K)."""
    excess = rel_entr(true_proba, np.maximum(proba, PROBABILITY_FLOOR)).sum(1).mean() / np.log(2)
    return max(float(excess), 0.0)  # the floor and rounding can fall short of 0
