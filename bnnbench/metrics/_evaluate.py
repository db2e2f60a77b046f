"""From the stored predictions of one cell to its metrics."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from . import uncertainty as unc
from ._checks import (
    HALF_PRECISION_TOLERANCE,
    check_integers,
    check_labels,
    check_proba,
    check_proba_draws,
    check_vector,
    check_votes,
)
from .accuracy import accuracy, brier_score, negative_log_likelihood
from .calibration import calibration_floor, expected_calibration_error
from .misclassification import aurc, auroc
from .toy import accuracy_gap_to_bayes, excess_nll, expected_excess_nll, mean_absolute_error_to_bayes

VARIANCE_ROUNDING = 1e-12
"""Total variances below this are rounding: they, and the mutual information there, count as zero."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is stored of S draws at n points of K classes; checked, and rows renormalised, on construction.

    mean_proba, class_variance: (n, K); expected_entropy: (n,), nats; argmax_votes, label_votes: (n, K) counts
    with rows summing to n_draws = S. Rounding to float32 or float16 is tolerated. Raises ValueError on
    malformed arrays.
    """

    mean_proba: NDArray[np.float64]
    class_variance: NDArray[np.float64]
    expected_entropy: NDArray[np.float64]
    argmax_votes: NDArray[np.int64]
    label_votes: NDArray[np.int64]
    n_draws: int

    def __post_init__(self) -> None:
        mean = check_proba(self.mean_proba, "mean_proba", HALF_PRECISION_TOLERANCE)
        variance = check_vector(self.class_variance, "class_variance", shape=mean.shape)
        if variance.min() < 0 or variance.max() > 0.2501:
            raise ValueError("class_variance must lie in [0, 1/4]; give variances of probabilities with divisor S")
        object.__setattr__(self, "mean_proba", mean)
        object.__setattr__(self, "class_variance", variance)
        object.__setattr__(self, "expected_entropy", check_vector(self.expected_entropy, "expected_entropy", len(mean)))
        for name in ("argmax_votes", "label_votes"):
            counts = check_votes(getattr(self, name), name)
            if counts.shape != mean.shape or counts[0].sum() != self.n_draws:
                raise ValueError(
                    f"{name} must have shape {mean.shape} and rows summing to n_draws = {self.n_draws}, got "
                    f"shape {counts.shape} and sum {counts[0].sum()}; count the draws of mean_proba"
                )
            object.__setattr__(self, name, counts)

    @classmethod
    def from_draws(cls, proba_draws: ArrayLike, random_state: int | np.random.Generator = 0) -> "Predictions":
        """Summarise draws (S, n, K); random_state (default 0) seeds the label votes."""
        draws = check_proba_draws(proba_draws)
        return cls(
            draws.mean(0),
            unc.class_variance(draws),
            unc.expected_entropy(draws),
            unc.votes(draws, "argmax"),
            unc.votes(draws, "label", random_state),
            len(draws),
        )

    @classmethod
    def from_class_one(
        cls,
        mean_proba: ArrayLike,
        class_variance: ArrayLike,
        expected_entropy: ArrayLike,
        argmax_votes: ArrayLike,
        label_votes: ArrayLike,
        n_draws: int,
    ) -> "Predictions":
        """Two classes of which class 1 only is stored: every array is (n,)."""
        p, var = np.asarray(mean_proba, np.float64), np.asarray(class_variance, np.float64)
        counts = [check_integers(v, "votes") for v in (argmax_votes, label_votes)]
        return cls(
            np.stack([1 - p, p], -1),
            np.stack([var, var], -1),
            expected_entropy,
            *(np.stack([n_draws - v, v], -1) for v in counts),
            n_draws,
        )

    @cached_property
    def predictive_entropy(self) -> NDArray[np.float64]:
        """Entropy of the mean probabilities, (n,), nats."""
        return unc.predictive_entropy(self.mean_proba)

    @cached_property
    def total_variance(self) -> NDArray[np.float64]:
        """Sum of the class variances, (n,); exactly zero where draws differ by rounding only."""
        total = self.class_variance @ np.ones(self.class_variance.shape[1])
        return np.where(total < VARIANCE_ROUNDING, 0.0, total)

    @cached_property
    def mutual_information(self) -> NDArray[np.float64]:
        """H[p] - E_s H[p_s], (n,), nats; exactly zero where the total variance is."""
        information = np.maximum(self.predictive_entropy - self.expected_entropy, 0.0)
        return np.where(self.total_variance > 0, information, 0.0)


def _mean(values: NDArray) -> float:
    return float(values.mean()) if values.size else float("nan")


def _spearman(a: NDArray, b: NDArray) -> float:
    ranks = np.stack([rankdata(a), rankdata(b)])
    return float(np.corrcoef(ranks)[0, 1]) if (np.ptp(ranks, 1) > 0).all() else float("nan")


def evaluate(predictions: Predictions, y: ArrayLike, bayes_proba: ArrayLike | None = None) -> dict[str, float]:
    """Every metric of one cell on one split, by name; `DESCRIPTIONS` says what each is.

    y: (n,) true classes. bayes_proba: (n, K) true class probabilities, for generated data only; adds the
    metrics against the Bayes rule. Metrics over an empty group (no wrong points, say) are NaN. Raises
    ValueError on malformed input. About 10 ms for 20,000 points of two classes.
    """
    p = predictions.mean_proba
    n, k = p.shape
    labels = check_labels(y, k, n)
    wrong = p.argmax(1) != labels
    right = ~wrong

    entropy, total = predictions.predictive_entropy, predictions.total_variance
    information = predictions.mutual_information
    label_vote = unc.chi_square(predictions.label_votes) / predictions.n_draws
    argmax_vote = unc.chi_square(predictions.argmax_votes) / predictions.n_draws
    argmax_error = unc.expected_error_rate(predictions.argmax_votes)
    scores = {
        "predictive_entropy": entropy,
        "mutual_information": information,
        "total_variance": total,
        "max_probability": 1 - p.max(1),
        "chi_square_label": -label_vote,
        "chi_square_argmax": -argmax_vote,
        "chi_square_values": np.nan_to_num(unc.chi_square_label_values_of_votes(predictions.label_votes)),
    }
    out = {
        "accuracy": accuracy(p, labels),
        "nll": negative_log_likelihood(p, labels),
        "brier": brier_score(p, labels),
        "ece": expected_calibration_error(p, labels),
        "ece_floor": calibration_floor(p),
        "predictive_entropy": _mean(entropy),
        "expected_entropy": _mean(predictions.expected_entropy),
        "mutual_information": _mean(information),
        "total_variance": _mean(total),
        "aleatoric_variance": max(float((p * (1 - p)).sum() / n - total.mean()), 0.0),
        "chi_square_argmax_per_draw": _mean(argmax_vote),
        "chi_square_label_per_draw": _mean(label_vote),
        "expected_error_rate_argmax": _mean(argmax_error),
        "expected_error_rate_label": _mean(unc.expected_error_rate(predictions.label_votes)),
        "total_variance_wrong": _mean(total[wrong]),
        "total_variance_right": _mean(total[right]),
        "chi_square_label_per_draw_wrong": _mean(label_vote[wrong]),
        "chi_square_label_per_draw_right": _mean(label_vote[right]),
        **{f"auroc_{name}": auroc(score, wrong) for name, score in scores.items()},
        "aurc_max_probability": aurc(scores["max_probability"], wrong),
        "wrong_unanimous_per_10000": 10_000 * _mean(wrong & (argmax_error == 0)),
    }
    if k > 2:
        out |= {f"total_variance_class_{c}": _mean(total[labels == c]) for c in range(k)}
    if bayes_proba is not None:
        best = check_proba(bayes_proba, "bayes_proba")
        top = np.sort(best, 1)
        # for two classes (total / 2) ** .5 is the sd of either probability, and half the margin is |p* - 1/2|
        out |= {
            "excess_nll": excess_nll(p, labels, best),
            "kl_to_bayes": expected_excess_nll(p, best),
            "mae_to_bayes": mean_absolute_error_to_bayes(p, best),
            "accuracy_gap_to_bayes": accuracy_gap_to_bayes(p, labels, best),
            "bayes_nll": negative_log_likelihood(best, labels),
            "bayes_accuracy": accuracy(best, labels),
            "spearman_sd_boundary": _spearman(total, top[:, -1] - top[:, -2]),
        }
    return out
