"""Uncertainty of a cell: the measures of single points in `uncertainty`, averaged over points."""

import numpy as np

from .._metric import Column
from .._registry import metric
from ._predictions import Predictions, mean
from .uncertainty import expected_error_rate


@metric(
    "predictive_entropy",
    label="Predictive entropy",
    definition="Mean entropy of the averaged probabilities, H[p].",
    direction="",
    unit="nats",
    bounds=(0, np.inf),
)
def _predictive_entropy(predictions: Predictions) -> float:
    return mean(predictions.predictive_entropy)


@metric(
    "expected_entropy",
    label="Expected entropy",
    definition="Mean over draws of the entropy of their probabilities.",
    direction="",
    unit="nats",
    bounds=(0, np.inf),
)
def _expected_entropy(predictions: Predictions) -> float:
    return mean(predictions.expected_entropy)


@metric(
    "mutual_information",
    label="Mutual information",
    definition="Predictive minus expected entropy: what the draws disagree on.",
    direction="",
    unit="nats",
    bounds=(0, np.inf),
    column=Column("Mutual inf.", 4, 1, "mutual information in nats; what the draws disagree on"),
)
def _mutual_information(predictions: Predictions) -> float:
    return mean(predictions.mutual_information)


@metric(
    "total_variance",
    label="Total variance",
    definition="Variance of a probability over draws, summed over classes.",
    direction="",
    bounds=(0, 1),
)
def _total_variance(predictions: Predictions) -> float:
    return mean(predictions.total_variance)


@metric(
    "aleatoric_variance",
    label="Aleatoric variance",
    definition="sum_c p_c (1 - p_c) minus total variance: label noise within draws.",
    direction="",
    bounds=(0, 1),
)
def _aleatoric_variance(predictions: Predictions) -> float:
    p, n = predictions.mean_proba, len(predictions.mean_proba)
    return max(float((p * (1 - p)).sum() / n - predictions.total_variance.mean()), 0.0)


@metric(
    "chi_square_argmax_per_draw",
    label="Chi-square of arg-max votes / S",
    definition="K sum_c (n_c/S)^2 - 1 for the votes of the draws' arg-max; 0 = even votes, K - 1 = unanimous.",
    direction="",
    bounds=(0, np.inf),
)
def _chi_square_argmax_per_draw(predictions: Predictions) -> float:
    return mean(predictions.argmax_chi_square)


@metric(
    "chi_square_label_per_draw",
    label="Chi-square of label votes / S",
    definition="The same for one label drawn from each draw's probabilities.",
    direction="",
    bounds=(0, np.inf),
)
def _chi_square_label_per_draw(predictions: Predictions) -> float:
    return mean(predictions.label_chi_square)


@metric(
    "expected_error_rate_argmax",
    label="Expected error rate, arg-max votes",
    definition="Share of draws whose arg-max differs from the modal class (not from the truth).",
    direction="",
    bounds=(0, 1),
)
def _expected_error_rate_argmax(predictions: Predictions) -> float:
    return mean(predictions.argmax_error_rate)


@metric(
    "expected_error_rate_label",
    label="Expected error rate, label votes",
    definition="Share of drawn labels that differ from the modal label (not from the truth).",
    direction="",
    bounds=(0, 1),
)
def _expected_error_rate_label(predictions: Predictions) -> float:
    return mean(expected_error_rate(predictions.label_votes))
