"""Metrics as NumPy functions of predictions and truth, a folder a task; `evaluate` gives all of them for one cell.

Shapes: S draws, n points, K classes, classes last. Entropies and likelihoods are in nats. Every public file here is
imported, and what it registers with `metric` is evaluated, described and shown; nothing else has to name it. Where both
tasks have a function of one name, this is classification's: that of regression is in `metrics/regression/`.
"""

from ._evaluate import Summary, compare, evaluate
from ._metric import Column, Metric
from ._registry import INPUTS, declare, declared, define_inputs, describe, load, metric, registered
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
from .regression._mixture import Mixture
from .regression.errors import mean_absolute_error, root_mean_squared_error
from .regression.intervals import coverage, interval_score, interval_width
from .regression.large_errors import auroc_large_errors, large_errors
from .regression.quantiles import (
    pit,
    pit_histogram,
    quantile_calibration_error,
    quantile_calibration_error_floor,
)
from .regression.scores import continuous_ranked_probability_score, moment_matched_nll
from .regression.truth import (
    aleatoric_rank_correlation,
    aleatoric_sd_ratio,
    epistemic_error_rank_correlation,
    rmse_to_truth,
)
from .regression.uncertainty import variance_decomposition
from .segmentation._maps import Maps

__all__ = [
    "INPUTS",
    "PROBABILITY_FLOOR",
    "Column",
    "Maps",
    "Metric",
    "Mixture",
    "Predictions",
    "Summary",
    "accuracy",
    "accuracy_gap_to_bayes",
    "agreement",
    "aleatoric_rank_correlation",
    "aleatoric_sd_ratio",
    "aleatoric_variance",
    "aupr",
    "aurc",
    "auroc",
    "auroc_large_errors",
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
    "continuous_ranked_probability_score",
    "coverage",
    "declare",
    "declared",
    "define_inputs",
    "describe",
    "draw_labels",
    "epistemic_error_rank_correlation",
    "evaluate",
    "excess_nll",
    "expected_calibration_error",
    "expected_entropy",
    "expected_error_rate",
    "expected_excess_nll",
    "fpr_at_95_tpr",
    "interval_score",
    "interval_width",
    "large_errors",
    "mean_absolute_error",
    "mean_absolute_error_to_bayes",
    "metric",
    "moment_matched_nll",
    "mutual_information",
    "negative_log_likelihood",
    "pit",
    "pit_histogram",
    "predictive_entropy",
    "quantile_calibration_error",
    "quantile_calibration_error_floor",
    "register_score",
    "registered",
    "rmse_to_truth",
    "root_mean_squared_error",
    "total_variance",
    "total_variation",
    "variance_decomposition",
    "votes",
]

load(__name__, __path__)
