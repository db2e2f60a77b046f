"""Whether expected entropy (aleatoric) and mutual information (epistemic) are told apart, and whether they are what
they stand for: the entropy of a true label, and the expected excess NLL."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, xlogy

from .._ranks import spearman
from .._registry import metric
from ._predictions import Predictions
from .accuracy import log_of


def true_entropy(bayes_proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy (n,), nats, of labels with these true probabilities (n, K)."""
    return entr(bayes_proba).sum(1)


def divergence(predictions: Predictions, bayes_proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL(p* || p) (n,), nats, of true class probabilities (n, K) from the mean predicted ones, floored as in NLL."""
    terms = xlogy(bayes_proba, bayes_proba) - bayes_proba * log_of(predictions.mean_proba)
    return np.maximum(terms.sum(1), 0.0)


@metric(
    "uncertainties_rank_correlation",
    label="Rank correlation of aleatoric and epistemic",
    definition="Spearman correlation, over points, of the expected entropy with the mutual information: near 1 they "
    "say the same.",
    direction="",
    bounds=(-1, 1),
    undefined="where either is the same at all points",
)
def uncertainties_rank_correlation(predictions: Predictions) -> float:
    """Spearman's correlation of the expected entropy with the mutual information; NaN where either is constant.

    Mucsányi et al. (2024), Benchmarking uncertainty disentanglement, call estimates with a high one entangled.
    """
    return spearman(predictions.expected_entropy, predictions.mutual_information)


@metric(
    "aleatoric_entropy_ratio",
    label="Expected / true entropy",
    definition="Mean expected entropy over the mean entropy of the true class probabilities; 1 is right.",
    direction="",
    bounds=(0, np.inf),
    undefined="where the true classes are certain at all points",
)
def aleatoric_entropy_ratio(predictions: Predictions, bayes_proba: NDArray[np.float64]) -> float:
    """Mean over points of E_s H[p_s] over that of H[p*]. bayes_proba: (n, K). NaN where the latter is 0."""
    true = true_entropy(bayes_proba).mean()
    return float(predictions.expected_entropy.mean() / true) if true > 0 else float("nan")


@metric(
    "aleatoric_entropy_rank_correlation",
    label="Rank correlation of expected and true entropy",
    definition="Spearman correlation, over points, of the expected entropy with the entropy of the true class "
    "probabilities.",
    direction="",
    bounds=(-1, 1),
    undefined="where either entropy is the same at all points",
)
def aleatoric_entropy_rank_correlation(predictions: Predictions, bayes_proba: NDArray[np.float64]) -> float:
    """Spearman's correlation of E_s H[p_s] with H[p*]; NaN where either is constant. bayes_proba: (n, K)."""
    return spearman(predictions.expected_entropy, true_entropy(bayes_proba))


@metric(
    "information_excess_ratio",
    label="Mutual information / KL to Bayes",
    definition="Mean mutual information over the mean KL(p* || p) of the true class probabilities; 1 is right.",
    direction="",
    bounds=(0, np.inf),
    undefined="where the mean prediction is the true one at all points",
)
def information_excess_ratio(predictions: Predictions, bayes_proba: NDArray[np.float64]) -> float:
    """Mean over points of the mutual information over that of KL(p* || p). bayes_proba: (n, K). NaN where that is 0.

    Under a posterior the expected KL from the true probabilities to their mean is the mutual information.
    """
    excess = divergence(predictions, bayes_proba).mean()
    return float(predictions.mutual_information.mean() / excess) if excess > 0 else float("nan")


@metric(
    "information_excess_rank_correlation",
    label="Rank correlation of mutual information and KL to Bayes",
    definition="Spearman correlation, over points, of the mutual information with KL(p* || p) of the true class "
    "probabilities.",
    direction="",
    bounds=(-1, 1),
    undefined="where the draws disagree as much at all points, or the prediction is as far from the truth",
)
def information_excess_rank_correlation(predictions: Predictions, bayes_proba: NDArray[np.float64]) -> float:
    """Spearman's correlation of the mutual information with KL(p* || p); NaN where either is constant."""
    return spearman(predictions.mutual_information, divergence(predictions, bayes_proba))
