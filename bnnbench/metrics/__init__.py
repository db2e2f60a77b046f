"""Metrics as NumPy functions of predictions and truth, a folder a task; `evaluate` gives all of them for one cell.

Shapes: S draws, n points, K classes, classes last. Entropies and likelihoods are in nats. Every public file here is
imported, and what it registers with `metric` is evaluated, described and shown; nothing else has to name it.
"""

from ._evaluate import Summary, compare, evaluate
from ._registry import INPUTS, Column, Metric, declare, declared, define_inputs, describe, load, metric, registered
from .classification._checks import check_labels, check_proba, check_proba_draws, check_votes
from .classification._predictions import Predictions
from .classification.accuracy import PROBABILITY_FLOOR, accuracy, brier_score, negative_log_likelihood
from .classification.calibration import calibration_floor, expected_calibration_error
from .classification.fidelity import agreement, total_variation
from .classification.misclassification import aupr, aurc, auroc, fpr_at_95_tpr, register_score
from .classification.toy import accuracy_gap_to_bayes, excess_nll, expected_excess_nll, mean_absolute_error_to_bayes
from .classification.uncertainty import (
    aleatoric_variance,
    chi_square,
    chi_square_label_values,
    chi_square_label_values_of_votes,
    class_variance,
    draw_labels,
    expected_entropy,
    expected_error_rate,
    mutual_information,
    predictive_entropy,
    total_variance,
    votes,
)

__all__ = [
    "INPUTS",
    "PROBABILITY_FLOOR",
    "Column",
    "Metric",
    "Predictions",
    "Summary",
    "accuracy",
    "accuracy_gap_to_bayes",
    "agreement",
    "aleatoric_variance",
    "aupr",
    "aurc",
    "auroc",
    "brier_score",
    "calibration_floor",
    "check_labels",
    "check_proba",
    "check_proba_draws",
    "check_votes",
    "chi_square",
    "chi_square_label_values",
    "chi_square_label_values_of_votes",
    "class_variance",
    "compare",
    "declare",
    "declared",
    "define_inputs",
    "describe",
    "draw_labels",
    "evaluate",
    "excess_nll",
    "expected_calibration_error",
    "expected_entropy",
    "expected_error_rate",
    "expected_excess_nll",
    "fpr_at_95_tpr",
    "mean_absolute_error_to_bayes",
    "metric",
    "mutual_information",
    "negative_log_likelihood",
    "predictive_entropy",
    "register_score",
    "registered",
    "total_variance",
    "total_variation",
    "votes",
]

load(__name__, __path__)
