"""Training one model from several initial values at once, of which the best is kept."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.base.progress import SILENT, Progress
from bnnbench.inference import Fit, Method, Posterior
from bnnbench.likelihoods import Likelihood
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import Model
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.training.device import resolve_compile


class Printed(Progress):
    """Prints a line for every tenth of the steps, with the time left."""

    def __init__(self, name: str):
        self._name, self._step, self._tenth = name, 0, 0
        self._first = 0, time.monotonic()

    def __call__(self, step, total):
        now = time.monotonic()
        if step <= self._step:  # another stretch of the same fit
            self._first, self._tenth = (0, now), 0
        self._step, tenth = step, 10 * step // total
        if tenth > self._tenth:
            self._tenth = tenth
            left = (now - self._first[1]) * (total - step) / max(step - self._first[0], 1)
            print(f"{self._name}: {step} of {total} steps, {left:.0f} s left", flush=True)


@dataclass(frozen=True)
class Problem:
    """A model of a network's weights and its training data: x (n, features), y (n,) as the likelihood reads it."""

    network: Network
    model: Model
    likelihood: Likelihood
    x: torch.Tensor
    y: torch.Tensor

    def joint(self, n: int, compiled: bool = False) -> LogJoint:
        """n cells of it, which share the data."""
        which = torch.zeros(n, dtype=torch.long)
        x, y = self.x[None], self.y[None]
        return LogJoint(self.network, [self.model] * n, x, y, which, self.likelihood, compiled=compiled)


@dataclass(frozen=True)
class Started:
    """The start that was kept: its posterior, name, trace (steps,) or None, steps; and `objectives` (starts,), the
    objective of every start when it ended, in nats, or None. `log_evidence` is that of the kept start, None where
    the method estimates none."""

    posterior: Posterior
    name: str
    trace: np.ndarray | None
    steps: int
    objectives: np.ndarray | None
    log_evidence: float | None


def names_of(seed: int, n: int) -> list[str]:
    """Names of the random streams of n starts; the first is that of a fit with one start."""
    return [f"estimator-{seed}" if k == 0 else f"estimator-{seed}#{k}" for k in range(n)]


def best_of(problem: Problem, method: Method, names: list[str], progress: Progress = SILENT) -> Started:
    """Train a start for each name, all in one stack, and keep the one whose objective is highest at the end.

    Samplers of many gradients run compiled where there is a compiler.

    A start that is not finite is passed over; ValueError where none is finite. Of a method that keeps no trace of an
    objective the first is kept, with a warning.
    """
    compiled = method.takes_many_gradients and resolve_compile("auto")
    fit = method.fit(problem.joint(len(names), compiled), Streams(names, names), progress)
    arrays = fit.posterior.arrays
    finite = np.array([all(torch.isfinite(a[k]).all() for a in arrays.values()) for k in range(len(names))])
    if not finite.any():
        raise ValueError("training diverged: standardize the inputs, or give settings a smaller learning_rate")
    objectives = _objectives(fit)
    if objectives is None:
        if len(names) > 1:
            warnings.warn(
                "this method keeps no trace of an objective, by which the best start would be known: n_restarts has "
                "no effect, and the first is kept",
                stacklevel=4,  # where fit was called
            )
        best = int(finite.argmax())
    else:
        best = int(np.where(finite & np.isfinite(objectives), objectives, -np.inf).argmax())
        best = best if finite[best] else int(finite.argmax())
    trace = None if fit.trace is None else fit.trace[best]
    evidence = fit.diagnostics.get("log_evidence")
    evidence = None if evidence is None else float(evidence[best])
    return Started(_posterior_of(fit.posterior, best), names[best], trace, fit.steps, objectives, evidence)


def _objectives(fit: Fit) -> np.ndarray | None:
    """The last of each start's trace, (starts,): ELBO, or log joint."""
    return None if fit.trace is None or not fit.trace.shape[1] else fit.trace[:, -1].astype(float)


def _posterior_of(posterior: Posterior, k: int) -> Posterior:
    """That of the k-th cell of a stack."""
    if len(posterior.prior.models) == 1:
        return posterior
    arrays = {name: array[k : k + 1].clone() for name, array in posterior.arrays.items()}
    return type(posterior)(posterior.prior.take([k]), arrays)
