"""Inputs without targets, of which more are to be made: samples, judged beside real points that nothing was trained on.

A generator has no density that could be computed, so that nothing is said of a point but what its discriminator makes
of it. Labels stand where other tasks have targets; nothing is trained on them, and they say of what class a point is.
"""

import math

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.tasks._base import Task

LIKELIHOODS = ("adversarial_game",)
STEPS = 65_535
"""Samples are stored in so many steps between a cell's least and greatest number."""
OF_POINTS = {
    "logits": "sample",
    "code": "sample",
    "code_log_proba": "sample",
    "real_logits": "point",
    "real_code": "point",
}
"""What is stored beside the samples where it is known, and of what it is."""
WATCHED = 500
"""Samples and points that the learning curve is measured on."""


class Generation(Task):
    """Whole numbers, classes where there are any, stand where other tasks have targets."""

    controls = {"chance": "fitted Gaussian", "bayes_rule": "real points"}
    control_definitions = {
        "chance": "Draws from the Gaussian with the mean and the covariance of the training inputs.",
        "bayes_rule": "Real points of the other held-out split, of validation where those of the test set are "
        "judged. No generator can do better but by chance; where they are fewer, metrics of samples are less exact.",
    }
    chance_knows = "mean and covariance"
    targets = "none"
    predicted = "Of samples of the trained generator, beside the real points of the test set."
    law = "mixture"
    error = "energy distance"

    def target_fault(self, y, n_classes):
        if y.dtype.kind in "iu":
            return None
        return f"has type {y.dtype}", "give zeros, or classes as whole numbers: there is nothing to predict"

    def encode(self, arrays, n_draws, halves):
        samples = arrays["samples"].astype(np.float64)
        low, high = samples.min((1, 2)), samples.max((1, 2))
        step = np.maximum(high - low, np.finfo(np.float32).tiny) / STEPS
        codes = np.rint((samples - low[:, None, None]) / step[:, None, None]).astype(np.uint16)
        found = {"samples": (("cell", "sample", "feature"), codes), "low": (("cell",), low), "step": (("cell",), step)}
        found["critic"] = ("cell",), arrays["critic"].astype(np.int8)
        for name, axis in OF_POINTS.items():
            if name in arrays:
                kind = np.int16 if name.endswith("code") else np.float32
                found[name] = ("cell", axis), arrays[name].astype(kind)
        return found

    def stored_bytes(self, inputs, n_classes, n_draws):
        return 2 * math.prod(inputs) + 4 * len(OF_POINTS)  # there are as many samples as points

    def decode(self, group, i):
        arrays = {name: group[name].values[i] for name in group.data_vars}
        samples = arrays["low"] + arrays["samples"].astype(np.float64) * arrays["step"]
        return _samples(samples, arrays)

    def summarise(self, arrays, i, n_draws):
        of_cell = {name: values[i] for name, values in arrays.items()}
        return _samples(of_cell["samples"].astype(np.float64), of_cell)

    def compared(self, summary):
        return summary

    def halves(self, group, i):
        return None

    def known(self, truth, data, split, seed):
        """`Real`: the points of a split, with the mixture that they are of, where it is known."""
        from bnnbench.metrics.generation._real import Real

        x_validation, y_validation = data.split(seed)[2:]
        x_test, y_test = data.test(seed)
        parts = {"validation": (x_validation, y_validation), "test": (x_test, y_test)}
        (x, y), (fresh, _) = parts[split], parts["validation" if split == "test" else "test"]
        of_pool = data.scaled(data.x_pool), data.y_pool
        return Real.of(x, y, fresh, truth, data.name, *of_pool)

    def of_truth(self, truth):
        return _samples(truth.fresh, {})

    def chance_at(self, x_train, y_train, n_classes, x):
        points = x_train.reshape(len(x_train), -1).astype(float)
        variances, axes = np.linalg.eigh(np.cov(points.T).reshape(points.shape[1], points.shape[1]))
        noise = generator("chance", f"generation-{len(x)}").standard_normal((len(x), points.shape[1]))
        return _samples(points.mean(0) + noise * np.sqrt(variances.clip(0)) @ axes.T, {})

    def errors(self, arrays, y):
        """Energy distances between samples and points."""
        from bnnbench.metrics.generation.distances import energy

        pairs = zip(arrays["samples"], arrays["real"], strict=True)
        finite = [np.isfinite(a).all() for a in arrays["samples"]]
        found = [energy(a[:WATCHED], b[:WATCHED]) if ok else math.nan for (a, b), ok in zip(pairs, finite, strict=True)]
        return np.array(found)


def _samples(points: np.ndarray, arrays: dict):
    """`Samples`; imported when it is needed, since planning reads tasks too and must be quick."""
    from bnnbench.metrics.generation._samples import Samples

    known = {name: arrays[name] for name in OF_POINTS if name in arrays}
    return Samples(points.reshape(len(points), -1), is_critic=bool(arrays.get("critic", False)), **known)


TASK = Generation()
