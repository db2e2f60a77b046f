"""Metrics as NumPy functions of probabilities, votes and labels; `evaluate` gives all of them for one cell.

Shapes: S draws, n points, K classes, classes last. Entropies and likelihoods are in nats.
"""

from ._checks import check_labels, check_proba, check_proba_draws, check_votes
from ._descriptions import DESCRIPTIONS, Description, describe
from ._evaluate import Predictions, evaluate
from .accuracy import PROBABILITY_FLOOR, accuracy, brier_score, negative_log_likelihood
from .calibration import calibration_floor, expected_calibration_error
from .fidelity import agreement, total_variation
from .misclassification import aupr, aurc, auroc, fpr_at_95_tpr
from .toy import accuracy_gap_to_bayes, excess_nll, expected_excess_nll, mean_absolute_error_to_bayes
from .uncertainty import (
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
    "DESCRIPTIONS",
    "PROBABILITY_FLOOR",
    "Description",
    "Predictions",
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
    "mutual_information",
    "negative_log_likelihood",
    "predictive_entropy",
    "total_variance",
    "total_variation",
    "votes",
]
