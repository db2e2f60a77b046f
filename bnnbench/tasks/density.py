"""Inputs without targets: the density of a point, averaged over draws, and how far draws differ about its logarithm.

Densities are per unit of the inputs as the data set has them, whatever units networks are trained in.
"""

import numpy as np

from bnnbench.tasks._base import Task

LIKELIHOODS = (
    "normal_base",
    *("bernoulli_elbo", "bernoulli_elbo_sampled", "bernoulli_reconstruction", "bernoulli_kl", "gaussian_elbo"),
    "gaussian_elbo_heteroscedastic",
)
FIELDS = ("log_density", "mean_log_density", "variance")
"""What `Densities` are made of, in its order."""
OF_BOUNDS = ("half_samples_log_density", "bound_log_density", "kl")
"""What is stored besides where a density is estimated from a bound, in the order of `Bound`."""


class Density(Task):
    """Whole numbers stand where other tasks have targets; nothing is trained on them."""

    controls = {"chance": "fitted Gaussian", "bayes_rule": "true density"}
    control_definitions = {
        "chance": "The Gaussian with the mean and the covariance of the training inputs; of binary inputs "
        "independent ones with the frequencies of training.",
        "bayes_rule": "The true density, known where the data are generated. No model can have a lower expected NLL.",
    }
    chance_knows = "mean and covariance"
    targets = "none"
    predicted = "Of the density of the inputs, averaged over posterior draws, on test points."
    law = "log_density"
    error = "NLL in nats"

    def target_fault(self, y, n_classes):
        if y.dtype.kind in "iu":
            return None
        return f"has type {y.dtype}", "give zeros, or classes as whole numbers: there is nothing to predict"

    def encode(self, arrays, n_draws, halves):
        names = [*FIELDS, *["first_half_log_density"] * (halves and "first_half_log_density" in arrays)]
        names += [name for name in OF_BOUNDS if name in arrays]
        found = {name: (("cell", "point"), arrays[name].astype(np.float32)) for name in names}
        return found | {"dimensions": (("cell",), arrays["dimensions"].astype(np.int32))}

    def stored_bytes(self, inputs, n_classes, n_draws):
        return 4 * len(FIELDS + OF_BOUNDS)

    def decode(self, group, i):
        bound = [group[name].values[i] for name in OF_BOUNDS if name in group]
        return _densities(*(group[name].values[i] for name in FIELDS), int(group["dimensions"].values[i]), bound)

    def summarise(self, arrays, i, n_draws):
        bound = [arrays[name][i] for name in OF_BOUNDS if name in arrays]
        return _densities(*(arrays[name][i] for name in FIELDS), int(arrays["dimensions"][i]), bound)

    def units(self, scaling):
        """The log of the volume that is 1 in training, by which log densities move."""
        return scaling.log_volume, 1.0

    def rescaled(self, arrays, location, scale):
        moved = [name for name in arrays if name.endswith("log_density")]
        return arrays | {name: arrays[name] - location[:, None] for name in moved}

    def compared(self, summary):
        return summary

    def halves(self, group, i):
        if "first_half_log_density" not in group:
            return None
        both = self.decode(group, i)
        first = group["first_half_log_density"].values[i].astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.minimum(np.exp(first - both.log_density) / 2, 1 - 1e-6)  # of the mean; rounding can pass 1
        second = both.log_density + np.log(2 * (1 - share))
        return tuple(_densities(half, half, np.zeros_like(half), both.dimensions) for half in (first, second))

    def truth(self, law):
        return _densities(law, law, np.zeros_like(law), None)

    def of_truth(self, truth):
        return truth

    def chance_at(self, x_train, y_train, n_classes, x):
        of_inputs = _independent if _is_binary(x_train) else _gaussian
        log_density = of_inputs(x_train.reshape(len(x_train), -1), x.reshape(len(x), -1))
        return _densities(log_density, log_density, np.zeros_like(log_density), x[0].size)

    def errors(self, arrays, y):
        """Mean negative log densities."""
        return -arrays["log_density"].mean(1)


def _densities(log_density, mean, variance, dimensions, bound=()):
    """`Densities`; imported when it is needed, since planning reads tasks too and must be quick."""
    from bnnbench.metrics.density._densities import Bound, Densities

    made = Bound(*(np.asarray(a, float) for a in bound)) if bound else None
    return Densities(*(np.asarray(a, float) for a in (log_density, mean, variance)), dimensions, made)


def _is_binary(x: np.ndarray) -> bool:
    return bool(np.isin(x, (0, 1)).all())


def _independent(x_train: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Log probability (n,) of binary x (n, D) of independent pixels with the frequencies of training.

    Half an image more has each pixel on, and half one off (Jeffreys), so that nothing is impossible.
    """
    frequency = (x_train.sum(0, dtype=float) + 0.5) / (len(x_train) + 1)
    return (x * np.log(frequency) + (1 - x) * np.log1p(-frequency)).sum(1)


def _gaussian(x_train: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Log density (n,) at x (n, D) of the Gaussian of maximum likelihood; D must be below the number of points."""
    mean, deviation = x_train.mean(0, dtype=float), x_train - x_train.mean(0, dtype=float)
    lower = np.linalg.cholesky(deviation.T @ deviation / len(x_train))
    whitened = np.linalg.solve(lower, (x - mean).T)
    log_volume = np.log(np.diag(lower)).sum() + 0.5 * len(mean) * np.log(2 * np.pi)
    return -0.5 * (whitened**2).sum(0) - log_volume


TASK = Density()
