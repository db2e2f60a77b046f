"""What every inference method is, and what it returns."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import torch

from bnnbench.config import check_name
from bnnbench.joint import LogJoint, LogPrior
from bnnbench.networks import Network
from bnnbench.networks._apply import forward
from bnnbench.philox import generator
from bnnbench.progress import SILENT, Progress
from bnnbench.settings import make as make_from
from bnnbench.streams import Streams


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

    def network_inputs(self, latents: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What `logits` needs of a draw of the latents, each (cells, ...): the network's weights."""
        return (self.prior.weights(latents),)

    @staticmethod
    def logits(network: Network, x: torch.Tensor, *network_inputs: torch.Tensor) -> torch.Tensor:
        """Logits (cells, classes, points) of a draw."""
        return forward(network, *network_inputs, x)


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


class DrawsPosterior(Posterior):
    """Stored draws of the latents: `draws` (cells, draws, latents), drawn from in a cycle.

    Predictions take them in their order, so a sampler that puts the first half of its chains first can be compared
    with itself; for other purposes they are shuffled, so that a few of them represent all.
    """

    @classmethod
    def of_chains(cls, prior: LogPrior, chains: torch.Tensor) -> "DrawsPosterior":
        """Of draws by chain, (cells, chains, draws, latents), chains taking turns.

        Where their number is even, first those of the first half of the chains, then those of the others.
        """
        halves = 1 if chains.shape[1] % 2 else 2
        turns = chains.unflatten(1, (halves, -1)).transpose(2, 3)
        return cls(prior, {"draws": turns.flatten(1, 3)})

    def draws(self, streams, purpose):
        stored = self.arrays["draws"]
        order = np.arange(stored.shape[1])
        if purpose != "predict":
            order = generator("order", "draws").permutation(order)
        return lambda s: stored[:, order[s % len(order)]]


@dataclass
class Fit:
    """A trained stack: the posterior, the steps taken and a trace of the objective, (cells, len(trace_steps)).

    `diagnostics` are numbers that tell how far the posterior can be trusted, or how well it explains the data, each
    (cells,). "function_rhat" says that the draws are of chains, whose halves can be compared with each other.
    """

    posterior: Posterior
    steps: int
    trace_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    trace: np.ndarray | None = None
    diagnostics: dict[str, np.ndarray] = field(default_factory=dict)


Reached = Literal["posterior", "factorised", "mode", "maximum_likelihood", "prior", "other"]
"""The exact posterior; the best independent Gaussians; all mass at the posterior's mode, or at the likelihood's; the
prior, whatever the data; something else with the mode in its middle, which tests of the method's own describe."""


class Method:
    """An inference method: a dataclass of settings with `fit`, in a file of its own that gives it its name.

    The settings' types say what is allowed (see `settings`); what they must be together, `__post_init__` may refuse by
    ValueError. Both are looked at when a run is planned.
    """

    posterior_class: type[Posterior]
    has_curve: ClassVar[bool] = False
    """Whether `fit` shows its posterior in the middle of training (`progress.watch`), one a cell."""
    on_processor: ClassVar[bool] = False
    """Whether it is trained on the processor wherever the others are."""
    reaches: ClassVar[Reached] = "posterior"
    """What it finds with enough steps where the posterior is one Gaussian: by this the shared tests judge it."""
    changes_target: ClassVar[tuple[str, ...]] = ("temperature", "entropy_weight")
    """Settings, 1 by default, under which another distribution is approximated: a recipe must name them."""

    def skip(self, network, model) -> str | None:
        """Why this method has no meaning for a model on a network; None where it has."""
        return None

    def fit(self, joint: LogJoint, streams: Streams, progress: Progress = SILENT) -> Fit:
        """Approximate the posterior of every cell of the stack."""
        raise NotImplementedError


def find(name: str) -> type[Method]:
    """The class of the method in the file `name`; ValueError on an unknown name."""
    check_name("inference", name)
    return importlib.import_module(f"bnnbench.inference.{name}").METHOD


def make(name: str, settings: dict) -> Method:
    """The method in the file `name` with these settings; ValueError on an unknown name or setting, or a wrong value."""
    return make_from(find(name), settings, "setting", f"inference '{name}'")
