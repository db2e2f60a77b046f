"""Classes: probabilities with their moments and votes over draws."""

import numpy as np

from bnnbench.tasks._base import Task

LIKELIHOODS = ("categorical", "logit_noise")
BY_CLASS = ("mean_proba", "variance", "argmax_votes", "label_votes", "first_half_proba")
FIELDS = ("mean_proba", "variance", "expected_entropy", "argmax_votes", "label_votes")
"""What `Predictions` are made of, in its order."""


class Classification(Task):
    """y in 0 ... K - 1. Of two classes the second alone is stored."""

    control_definitions = {
        "chance": "Predicts the classes' shares in the training data for every point.",
        "bayes_rule": "The true class probabilities, known where the data are generated. No model can have a lower "
        "expected NLL.",
    }
    predicted = "Of p, the mean over posterior draws of the class probabilities, on test points."
    law = "bayes_proba"
    error = "error"

    def size_fault(self, n_classes):
        return None if n_classes >= 1 else (f"is {n_classes}", "give the number of classes")

    def target_fault(self, y, n_classes):
        if y.dtype.kind not in "iu":
            return f"has type {y.dtype}", "code the classes as whole numbers from 0"
        if y.min() < 0 or y.max() >= n_classes:
            remedy = f"recode them to 0 ... {n_classes - 1} or correct n_classes"
            return f"has labels from {y.min()} to {y.max()} but n_classes is {n_classes}", remedy
        return None

    def encode(self, arrays, n_draws, halves):
        votes = np.uint8 if n_draws <= 255 else np.uint16
        # float16 where rounding is far below Monte Carlo error
        types = {
            "mean_proba": np.float32,
            "variance": np.float16,
            "argmax_votes": votes,
            "label_votes": votes,
            "expected_entropy": np.float16,
            "first_half_proba": np.float32,
        }
        two = arrays["mean_proba"].shape[2] == 2
        found = {}
        for name, kind in types.items():
            if name not in arrays or (name == "first_half_proba" and not halves):
                continue
            values = arrays[name][:, :, 1] if two and name in BY_CLASS else arrays[name]
            found[name] = ("cell", "point", "class")[: values.ndim], values.astype(kind)
        return found

    def stored_bytes(self, inputs, n_classes, n_draws):
        votes = 1 if n_draws <= 255 else 2
        return (1 if n_classes == 2 else n_classes) * (4 + 2 + 2 * votes) + 2

    def decode(self, group, i):
        from bnnbench.metrics import Predictions

        make = Predictions if "class" in group.dims else Predictions.from_class_one
        return make(*(group[name].values[i] for name in FIELDS), int(group.attrs["n_draws"]))

    def summarise(self, arrays, i, n_draws):
        from bnnbench.metrics import Predictions

        return Predictions(*(arrays[name][i] for name in FIELDS), n_draws)

    def compared(self, summary):
        return summary.mean_proba

    def halves(self, group, i):
        if "first_half_proba" not in group:
            return None
        mean, first = (_proba(group, name, i) for name in ("mean_proba", "first_half_proba"))
        return first, np.clip(2 * mean - first, 0, 1)  # rounding can leave the range

    def of_truth(self, truth):
        from bnnbench.metrics import Predictions

        return Predictions.from_draws(truth[None])

    def chance(self, y_train, n_classes, n):
        from bnnbench.metrics import Predictions

        share = np.bincount(y_train, minlength=n_classes) / len(y_train)
        return Predictions.from_draws(np.tile(share, (n, 1))[None])

    def errors(self, arrays, y):
        """Shares of points whose most probable class is not the true one."""
        return (arrays["mean_proba"].argmax(2) != y).mean(1)


def _proba(group, name: str, i: int) -> np.ndarray:
    """Probabilities (points, classes) of the i-th cell, also where class 1 alone is stored."""
    stored = group[name].values[i].astype(float)
    return stored if "class" in group.dims else np.stack([1 - stored, stored], -1)


TASK = Classification()
