"""What each metric of the tables is, for the glossary of the report."""

from typing import NamedTuple

from bnnbench.gate import ESS_ABOVE, RHAT_BELOW


class Description(NamedTuple):
    """unit is "" for a plain number; direction says which is better, "lower", "higher" or neither, ""."""

    label: str
    unit: str
    direction: str
    definition: str


def _class_variance_of(c: int | str) -> Description:
    return Description(
        f"Total variance, true class {c}",
        "",
        "",
        f"Mean total variance over the points whose true class is {c}.",
    )


def _auroc(label: str, score: str) -> Description:
    return Description(
        f"AUROC of {label}",
        "",
        "higher",
        f"Chance that a wrong prediction has a higher {score} than a right one, ties half; 0.5 is no use.",
    )


_ROWS = {
    "accuracy": ("Accuracy", "", "higher", "Share of points whose most probable class is the true one."),
    "nll": (
        "NLL",
        "nats",
        "lower",
        "Mean of -log p(true class), p averaged over draws and raised to at least 6e-8.",
    ),
    "brier": ("Brier score", "", "lower", "Mean over points of sum_c (p_c - 1[y = c])^2, between 0 and 2."),
    "ece": (
        "ECE",
        "",
        "lower",
        "Mean gap between accuracy and confidence in 15 equal-mass bins; compare with its floor.",
    ),
    "ece_floor": (
        "ECE floor",
        "",
        "",
        "The ECE expected of a perfectly calibrated model with these confidences and this many points.",
    ),
    "predictive_entropy": (
        "Predictive entropy",
        "nats",
        "",
        "Mean entropy of the averaged probabilities, H[p].",
    ),
    "expected_entropy": (
        "Expected entropy",
        "nats",
        "",
        "Mean over draws of the entropy of their probabilities.",
    ),
    "mutual_information": (
        "Mutual information",
        "nats",
        "",
        "Predictive minus expected entropy: what the draws disagree on.",
    ),
    "total_variance": (
        "Total variance",
        "",
        "",
        "Variance of a probability over draws, summed over classes.",
    ),
    "aleatoric_variance": (
        "Aleatoric variance",
        "",
        "",
        "sum_c p_c (1 - p_c) minus total variance: label noise within draws.",
    ),
    "chi_square_argmax_per_draw": (
        "Chi-square of arg-max votes / S",
        "",
        "",
        "K sum_c (n_c/S)^2 - 1 for the votes of the draws' arg-max; 0 = even votes, K - 1 = unanimous.",
    ),
    "chi_square_label_per_draw": (
        "Chi-square of label votes / S",
        "",
        "",
        "The same for one label drawn from each draw's probabilities.",
    ),
    "expected_error_rate_argmax": (
        "Expected error rate, arg-max votes",
        "",
        "",
        "Share of draws whose arg-max differs from the modal class (not from the truth).",
    ),
    "expected_error_rate_label": (
        "Expected error rate, label votes",
        "",
        "",
        "Share of drawn labels that differ from the modal label (not from the truth).",
    ),
    "total_variance_wrong": (
        "Total variance, wrong",
        "",
        "",
        "Mean total variance over misclassified points.",
    ),
    "total_variance_right": (
        "Total variance, right",
        "",
        "",
        "Mean total variance over correctly classified points.",
    ),
    "chi_square_label_per_draw_wrong": (
        "Chi-square of label votes / S, wrong",
        "",
        "",
        "Its mean over misclassified points; low = mixed votes.",
    ),
    "chi_square_label_per_draw_right": (
        "Chi-square of label votes / S, right",
        "",
        "",
        "Its mean over correctly classified points; high = agreed votes.",
    ),
    "aurc_max_probability": (
        "AURC of maximum probability",
        "",
        "lower",
        "Error rate of the k most confident points, averaged over k from 1 to n.",
    ),
    "wrong_unanimous_per_10000": (
        "Wrong and unanimous",
        "of 10,000",
        "lower",
        "Misclassified points on which every draw's arg-max agrees, of 10,000 points.",
    ),
    "excess_nll": (
        "Excess NLL",
        "nats",
        "lower",
        "NLL minus that of the true class probabilities, same points.",
    ),
    "kl_to_bayes": ("KL to Bayes", "nats", "lower", "Mean KL(p* || p): the excess NLL expected over labels."),
    "mae_to_bayes": (
        "Distance to Bayes",
        "",
        "lower",
        "Mean of 1/2 sum_c |p_c - p*_c|; two classes: |p - p*|.",
    ),
    "accuracy_gap_to_bayes": (
        "Accuracy gap to Bayes",
        "",
        "lower",
        "Accuracy of the Bayes rule minus that of the model, same points.",
    ),
    "bayes_nll": (
        "NLL of the Bayes rule",
        "nats",
        "",
        "NLL of the true class probabilities on the same points.",
    ),
    "bayes_accuracy": ("Accuracy of the Bayes rule", "", "", "The ceiling of accuracy, on the same points."),
    "spearman_sd_boundary": (
        "Rank correlation of sd and boundary distance",
        "",
        "",
        "Spearman correlation of the predictive sd with |p* - 1/2| (K > 2: the gap of the top two p*).",
    ),
    "agreement": (
        "Agreement with HMC",
        "",
        "higher",
        "Share of points with the same most probable class as the HMC reference of the same model, data set and seed.",
    ),
    "total_variation": (
        "Total variation to HMC",
        "",
        "lower",
        "Mean of 1/2 sum_c |p_c - p_ref,c| against the HMC reference of the same model, data set and seed.",
    ),
    "agreement_floor": (
        "Agreement, HMC with HMC",
        "",
        "",
        "Agreement between the two halves of the reference's chains: a method this close cannot be told from exact. "
        "Each half has half the draws, so an exact method would be closer still to the whole.",
    ),
    "total_variation_floor": (
        "Total variation, HMC to HMC",
        "",
        "",
        "Total variation between the two halves of the reference's chains: a method this close cannot be told from "
        "exact. Each half has half the draws, so an exact method would lie at half of this, or at seven tenths if it "
        "had as many draws as the reference.",
    ),
    "function_rhat": (
        "R-hat of predictions",
        "",
        "lower",
        f"Largest split R-hat over the log-odds at training inputs; a reference needs less than {RHAT_BELOW}.",
    ),
    "function_ess": (
        "ESS of predictions",
        "draws",
        "higher",
        f"Smallest bulk effective sample size over the same; a reference needs more than {ESS_ABOVE}.",
    ),
    "divergences": ("Divergences", "steps", "lower", "Diverging transitions after warm-up; a reference needs none."),
    "acceptance": ("Acceptance rate", "", "", "Mean acceptance probability of the sampler's proposals."),
    "step_size": ("Step size", "", "", "The sampler's step size after warm-up."),
}

DESCRIPTIONS: dict[str, Description] = {
    **{name: Description(*row) for name, row in _ROWS.items()},
    "auroc_predictive_entropy": _auroc("predictive entropy", "predictive entropy"),
    "auroc_mutual_information": _auroc("mutual information", "mutual information"),
    "auroc_total_variance": _auroc("total variance", "total variance"),
    "auroc_max_probability": _auroc("maximum probability", "1 - max_c p_c"),
    "auroc_chi_square_label": _auroc("label-vote chi-square", "minus chi-square of label votes"),
    "auroc_chi_square_argmax": _auroc("arg-max-vote chi-square", "minus chi-square of arg-max votes"),
    "auroc_chi_square_values": _auroc(
        "label-value chi-square", "variance over mean of the drawn labels, 0 if all are 0"
    ),
    **{f"total_variance_class_{c}": _class_variance_of(c) for c in range(10)},
}


def describe(name: str) -> Description:
    """Description of a metric by name, for any number of classes. Raises KeyError on an unknown name."""
    prefix, _, c = name.rpartition("_")
    if prefix == "total_variance_class" and c.isdecimal():
        return _class_variance_of(c)
    return DESCRIPTIONS[name]
