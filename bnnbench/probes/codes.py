"""Codes of a trained autoencoder: what they tell, whether they follow the prior, and how many log p(x) needs.

- `neighbour_accuracy` of `codes`: share of test inputs whose nearest training input, by mean codes, has their label;
  the same of `inputs`, by the inputs themselves, beside it. Labels were never trained on.
- `distance_to_prior` of `codes`: the squared Fréchet distance |m|² + tr(S + I - 2 S^(1/2)) from N(0, I) of the Gaussian
  with the mean m and covariance S of one code drawn for each test input (Dowson & Landau 1982); of `prior`, its floor:
  the same of as many draws from the prior.
- `active` of `codes`: share of a code's numbers whose mean varies over test inputs by a variance above 0.01 (Burda et
  al. 2016, appendix C).
- `nll` of `importance` at level k: the negative log of the mean of k importance weights, which falls to the NLL as k
  grows (Burda et al. 2016, theorem 1).
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count
from bnnbench.prediction.codes import encoded, log_weights
from bnnbench.probes._base import Probe, Reading, evenly

ACTIVE = 0.01
"""Variance over inputs above which a number of the code is in use."""


@dataclass(frozen=True)
class Codes(Probe):
    """At most `inputs` test inputs and ten times as many of training; log p(x) of `images` at each k of `samples`."""

    inputs: Count = 1000
    images: Count = 100
    samples: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 2, 5, 10, 20, 50, 100, 200, 500)

    def run(self, cell, data, seed):
        x_train, y_train = data.split(seed)[:2]
        known = evenly(len(x_train), 10 * self.inputs)
        x_train, y_train = x_train[known] * np.float32(data.x_divisor), y_train[known]
        x, y = data.test(seed)
        some = evenly(len(x), self.inputs)
        x, y = x[some] * np.float32(data.x_divisor), y[some]
        mean, sd = encoded(cell, x)
        yield Reading("codes", 0.0, "neighbour_accuracy", accuracy(encoded(cell, x_train)[0], y_train, mean, y))
        yield Reading("inputs", 0.0, "neighbour_accuracy", accuracy(x_train, y_train, x, y))
        noise = generator(cell.name, "codes").standard_normal((2, *mean.shape))
        yield Reading("codes", 0.0, "distance_to_prior", frechet_to_normal(mean + sd * noise[0]))
        yield Reading("prior", 0.0, "distance_to_prior", frechet_to_normal(noise[1]))
        yield Reading("codes", 0.0, "active", float((mean.var(0) > ACTIVE).mean()))
        log_w = log_weights(cell, x[evenly(len(x), self.images)], max(self.samples))
        for k in self.samples:
            yield Reading("importance", float(k), "nll", float(-bound(log_w[:, :k]).mean()))


def bound(log_w: np.ndarray) -> np.ndarray:
    """Log of the mean weight (n,) of log weights (n, k)."""
    top = log_w.max(1, keepdims=True)
    return top[:, 0] + np.log(np.exp(log_w - top).mean(1))


def accuracy(known: np.ndarray, labels: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Share of x (n, d) whose nearest of `known` (m, d) has the label in y (n,)."""
    known, x = (a.astype(np.float64) for a in (known, x))
    # By products of matrices: trees of neighbours are slow in hundreds of dimensions.
    farther = (known**2).sum(1) - 2 * x @ known.T  # squared distance less that from zero, the same along a row
    return float((labels[farther.argmin(1)] == y).mean())


def frechet_to_normal(codes: np.ndarray) -> float:
    """Squared Fréchet distance from N(0, I) of the Gaussian with the moments of codes (n, d)."""
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(codes, rowvar=False))).clip(min=0)
    return float((codes.mean(0) ** 2).sum() + ((np.sqrt(variances) - 1) ** 2).sum())


PROBE = Codes
