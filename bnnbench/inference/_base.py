"""What every inference method is, and what it returns."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
import torch

from bnnbench.config import check_name
from bnnbench.joint import LogJoint, LogPrior
from bnnbench.streams import Streams

Progress = Callable[[int, int], None]


class Posterior:
    """Something that weight latents can be drawn from, for a stack of cells.

    `arrays` maps names to (cells, ...) arrays; with the models they are all that is needed to draw again.
    """

    def __init__(self, prior: LogPrior, arrays: dict[str, torch.Tensor]):
        self.prior, self.arrays = prior, arrays

    def draws(self, streams: Streams, purpose: str) -> Callable[[int], torch.Tensor]:
        """Function of s giving the s-th draw of the latents, (cells, latents)."""
        raise NotImplementedError

    @property
    def is_point(self) -> bool:
        """True where every draw is the same."""
        return False


class PointPosterior(Posterior):
    """A point estimate: all mass at `loc`."""

    def draws(self, streams, purpose):
        return lambda s: self.arrays["loc"]

    @property
    def is_point(self):
        return True


class GaussianPosterior(Posterior):
    """Independent Gaussians on the latents: `loc` and `sd` (cells, latents)."""

    def draws(self, streams, purpose):
        noise = streams.normals(purpose, (self.prior.n_latents,))
        return lambda s: self.arrays["loc"] + self.arrays["sd"] * noise.step(s)


@dataclass
class Fit:
    """A trained stack: the posterior, the steps taken and a trace of the objective, (cells, len(trace_steps))."""

    posterior: Posterior
    steps: int
    trace_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    trace: np.ndarray | None = None


class Method:
    """An inference method. A subclass is a dataclass of settings with `fit`, in a file of its own named after it."""

    posterior_class: type[Posterior]

    def skip(self, network, model) -> str | None:
        """Why this method has no meaning for a model on a network; None where it has."""
        return None

    def fit(self, joint: LogJoint, streams: Streams, progress: Progress = lambda step, total: None) -> Fit:
        """Approximate the posterior of every cell of the stack."""
        raise NotImplementedError


def make(name: str, settings: dict) -> Method:
    """The method in the file `name` with these settings; ValueError on an unknown name or setting."""
    check_name("inference", name)
    cls = importlib.import_module(f"bnnbench.inference.{name}").METHOD
    accepted = [f.name for f in fields(cls)]
    unknown = sorted(set(settings) - set(accepted))
    if unknown:
        raise ValueError(f"inference '{name}' has no setting '{unknown[0]}': known are {', '.join(accepted)}")
    return cls(**settings)
