"""Counts: the predictive distribution as a mixture of Poisson distributions over draws."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, logsumexp, xlogy

from bnnbench.metrics import Column, define_inputs, metric
from bnnbench.tasks._base import Task

LIKELIHOODS = ("poisson",)


@dataclass(frozen=True, eq=False)
class Rates:
    """Equal-weight mixture over S draws of Poisson distributions at n points; rate: (n, S)."""

    rate: np.ndarray
    task: ClassVar[str] = "counts"

    def log_probability(self, y: np.ndarray) -> np.ndarray:
        """Nats. y: (n,) counts."""
        each = xlogy(y[:, None], self.rate) - self.rate - gammaln(y[:, None] + 1)
        return logsumexp(each, axis=1) - np.log(self.rate.shape[1])

    def given(self, y, ideal=None) -> dict[str, Any]:
        """What metrics are computed from, by the names in `INPUTS`."""
        found = {"rates": self, "y": np.asarray(y)}
        return found if ideal is None else found | {"ideal": ideal}


class Counts(Task):
    """y in 0, 1, 2 ... of one column."""

    controls = {"chance": "targets' mean", "bayes_rule": "true rate"}
    control_definitions = {
        "chance": "Predicts the mean of the training counts for every point.",
        "bayes_rule": "The true rate, known where the data are generated. No model can have a lower expected NLL.",
    }
    targets = "counts"
    predicted = "Of the predictive distribution, an equal-weight mixture over posterior draws, on test points."
    law = "rate"
    error = "RMSE"

    def target_fault(self, y, n_classes):
        if y.dtype.kind not in "iu":
            return f"has type {y.dtype}", "make the counts whole numbers"
        return (f"has the count {y.min()}", "count from 0") if y.min() < 0 else None

    def encode(self, arrays, n_draws, halves):
        return {"rate": (("cell", "point", "draw"), arrays["rate"].astype(np.float32))}

    def stored_bytes(self, inputs, n_classes, n_draws):
        return 4 * n_draws

    def decode(self, group, i):
        return Rates(group["rate"].values[i].astype(float))

    def summarise(self, arrays, i, n_draws):
        return Rates(arrays["rate"][i].astype(float))

    def compared(self, summary):
        return summary

    def halves(self, group, i):
        rate = self.decode(group, i).rate
        middle, odd = divmod(rate.shape[1], 2)
        return None if odd else (Rates(rate[:, :middle]), Rates(rate[:, middle:]))

    def truth(self, law):
        return Rates(law[:, None])

    def of_truth(self, truth):
        return truth

    def chance(self, y_train, n_classes, n):
        return Rates(np.full((n, 1), y_train.mean()))

    def errors(self, arrays, y):
        """Root mean squared error of the mean rate."""
        return np.sqrt(((arrays["rate"].mean(2) - y) ** 2).mean(1))


define_inputs(
    "counts",
    {
        "rates": "`Rates`: the predictive distribution, an equal-weight mixture over draws, at n points",
        "y": "true counts, (n,)",
        "ideal": "the true rate, `Rates` of one draw; of generated data only",
    },
    compared="rates",
)


@metric(
    "nll",
    label="NLL",
    definition="Mean negative log probability of the true counts.",
    direction="lower",
    unit="nats",
    bounds=(0, np.inf),
    column=Column("NLL", 3, hint="negative log probability of the true counts"),
)
def negative_log_likelihood(rates: Rates, y: np.ndarray) -> float:
    """Mean over points."""
    return float(-rates.log_probability(y).mean())


@metric(
    "deviance",
    label="Poisson deviance",
    definition="Mean Poisson deviance of the mean rate from the true counts.",
    direction="lower",
    bounds=(0, np.inf),
    column=Column("Deviance", 2, hint="Poisson deviance of the mean rate"),
)
def deviance(rates: Rates, y: np.ndarray) -> float:
    """Mean over points of 2 (y log(y / rate) - y + rate)."""
    rate = rates.rate.mean(1)
    return float(2 * np.mean(xlogy(y, y / rate) - y + rate))


@metric(
    "rate_error",
    label="Rate error",
    definition="Mean absolute relative error of the mean rate.",
    direction="lower",
    bounds=(0, np.inf),
)
def rate_error(rates: Rates, ideal: Rates) -> float:
    """Mean over points."""
    return float(np.mean(abs(rates.rate.mean(1) / ideal.rate[:, 0] - 1)))


TASK = Counts()
