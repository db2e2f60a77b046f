"""A class for each pixel: maps of moments over draws.

No draw is stored. Of each pixel there are the mean probabilities, the sd over draws of each class's probability, the
total variance, and the entropy's two parts. Types are compact: half precision, which for quantities near zero is
relative, and the sds, which pictures alone need, in 255 steps. Of K classes that is 2 K + K + 6 bytes a pixel before
compression.
"""

import math

import numpy as np

from bnnbench.tasks._base import Task

LIKELIHOODS = ("pixels", "pixels_logit_noise")
VOID = -1
"""The label of pixels that nobody has labelled: they are left out of likelihood and metrics."""
SD_CODES = 510
"""The sd of a probability is at most 1/2, the code 255."""
BY_PIXEL = ("total_variance", "expected_entropy", "mutual_information")


class Segmentation(Task):
    """y (rows, columns) of an image in 0 ... K - 1, or `VOID`."""

    control_definitions = {
        "chance": "Predicts the classes' shares among the training pixels for every pixel.",
        "bayes_rule": "The true class probabilities of each pixel, known where scenes are generated. No model can have "
        "a lower expected NLL.",
    }
    predicted = "Of p, the mean over posterior draws of the class probabilities, on test pixels that are not void."
    law = "pixel_proba"
    error = "share of pixels misread"

    def size_fault(self, n_classes):
        return None if n_classes >= 2 else (f"is {n_classes}", "give the number of classes, void not counted")

    def target_shape(self, inputs):
        return inputs[1:]

    def network_fault(self, network):
        if network.is_map:
            return None
        return "it has outputs for a whole image, and segmentation has a target a pixel: use segnet"

    def target_fault(self, y, n_classes):
        if y.dtype.kind != "i":
            return f"has type {y.dtype}", f"code the classes as whole numbers from 0, and void as {VOID}"
        known = y[y != VOID]
        if not known.size:
            return "has no pixel that is not void", "label some pixels"
        if known.min() < 0 or known.max() >= n_classes:
            remedy = f"recode them to 0 ... {n_classes - 1} and void to {VOID}, or correct n_classes"
            return f"has labels from {known.min()} to {known.max()} but n_classes is {n_classes}", remedy
        return None

    def encode(self, arrays, n_draws, halves):
        by_class, by_pixel = ("cell", "point", "class", "row", "column"), ("cell", "point", "row", "column")
        sd = np.rint(SD_CODES * np.sqrt(arrays["variance"])).clip(0, 255)
        found = {"mean_proba": (by_class, arrays["mean_proba"].astype(np.float16))}
        found["sd_code"] = by_class, sd.astype(np.uint8)
        return found | {name: (by_pixel, arrays[name].astype(np.float16)) for name in BY_PIXEL}

    def stored_bytes(self, inputs, n_classes, n_draws):
        return math.prod(self.target_shape(inputs)) * (3 * n_classes + 2 * len(BY_PIXEL))

    def decode(self, group, i):
        arrays = {name: group[name].values[i] for name in group.data_vars}
        return _maps(arrays, arrays["sd_code"].astype(np.float32) / SD_CODES, int(group.attrs["n_draws"]))

    def summarise(self, arrays, i, n_draws):
        of_cell = {name: values[i] for name, values in arrays.items()}
        return _maps(of_cell, np.sqrt(of_cell["variance"]), n_draws)

    def compared(self, summary):
        return summary.by_class(summary.mean_proba)

    def halves(self, group, i):
        return None

    def of_truth(self, truth):
        from bnnbench.metrics import Maps

        return Maps.certain(truth)

    def chance(self, y_train, n_classes, n):
        share = np.bincount(y_train[y_train != VOID], minlength=n_classes) / (y_train != VOID).sum()
        return self.of_truth(np.broadcast_to(share[:, None, None], (n, n_classes, *y_train.shape[1:])))

    def errors(self, arrays, y):
        """Shares of pixels, those that are void left out, whose most probable class is not the true one."""
        wrong = (arrays["mean_proba"].argmax(2) != y) & (y != VOID)
        return wrong.sum((1, 2, 3)) / (y != VOID).sum((1, 2, 3))


def _maps(arrays: dict[str, np.ndarray], sd: np.ndarray, n_draws: int):
    """`Maps`; imported when it is needed, since planning reads tasks too and must be quick."""
    from bnnbench.metrics import Maps

    return Maps(arrays["mean_proba"], sd, *(arrays[name] for name in BY_PIXEL), n_draws)


TASK = Segmentation()
