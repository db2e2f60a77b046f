"""What the trained discriminator says, and how well it reads codes."""

import math

import numpy as np
from numpy.typing import NDArray

from .._registry import Column, metric

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


@metric(
    "trained_value",
    label="Value, trained discriminator",
    definition="E log D(x) + E log(1 - D(G(z))) for the trained discriminator: no more than under the optimal one, "
    "but by chance, so that it says of a generator what its opponent noticed.",
    direction="",
    unit="nats",
    bounds=(-math.inf, 0),
)
def trained_value(log_odds: Pair) -> float:
    """-log 4 where it says 1/2 of every point."""
    real, fake = log_odds
    return float(-np.logaddexp(0, -real).mean() - np.logaddexp(0, fake).mean())


@metric(
    "critic_distance",
    label="Critic's distance",
    definition="Mean of the critic's number over real points less that over samples: its estimate of the Wasserstein "
    "distance, as far as its slope is 1.",
    direction="",
)
def critic_distance(criticism: Pair) -> float:
    """In the inputs' units."""
    real, fake = criticism
    return float(real.mean() - fake.mean())


@metric(
    "code_log_likelihood",
    label="Log probability of the codes",
    definition="Mean over samples of log Q(c | G(z, c)) of the codes that they were given: with the codes' entropy the "
    "lower bound of their mutual information with the samples (Chen et al. 2016).",
    direction="higher",
    unit="nats",
)
def code_log_likelihood(code_log_proba: NDArray[np.float64]) -> float:
    """0 where categories are read without doubt, of codes that are categories alone."""
    return float(code_log_proba.mean())


@metric(
    "code_accuracy",
    label="Accuracy of the code",
    definition="Share of real points whose class is that of the category that the discriminator reads off them, each "
    "category standing for one class, as fits best. No label was seen in training.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Code %", 1, 100, "agreement of the category code with the class, without labels; higher is better"),
)
def code_accuracy(real_code: NDArray, classes: NDArray) -> float:
    """Categories and classes are matched one to one; whatever is left over counts as wrong."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((int(real_code.max()) + 1, int(classes.max()) + 1))
    np.add.at(counts, (real_code, classes), 1)
    return float(counts[linear_sum_assignment(-counts)].sum() / len(classes))
