"""What every inference method is, and what it returns."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import ClassVar, Literal

import numpy as np
import torch

from bnnbench.base.philox import generator
from bnnbench.base.progress import SILENT, Progress
from bnnbench.base.settings import faults
from bnnbench.base.settings import make as make_from
from bnnbench.model.joint import LogJoint
from bnnbench.model.prior import LogPrior
from bnnbench.model.streams import Streams
from bnnbench.networks import Network
from bnnbench.networks._apply import forward
from bnnbench.source.plugins import check_name


class Posterior:
    """Something that weight latents can be drawn from, for a stack of cells.

    `arrays` maps names to (cells, ...) arrays; with the models they are all that is needed to draw again.
    """

    def __init__(self, prior: LogPrior, arrays: dict[str, torch.Tensor]):
        self.prior, self.arrays = prior, arrays

    def draws(self, streams: Streams, purpose: str) -> Callable[[int], torch.Tensor]:
        """Function of s giving the s-th draw of the latents, (cells, latents)."""
        raise NotImplementedError

    def entropy(self) -> torch.Tensor | None:
        """Entropy over the active latents, in nats, (cells,); None where there is no density, or it is not known."""
        return None

    def of_predictions(self, n_draws: int) -> "Posterior":
        """The posterior whose first n_draws draws of the purpose "predict" stand for all of it.

        Itself, unless draws are stored and there are more of them, or fewer.
        """
        return self

    @property
    def is_point(self) -> bool:
        """True where every draw is the same."""
        return False

    @property
    def has_samples(self) -> bool:
        """Whether it predicts by samples of a generator, which are no function of the points that are asked about."""
        return False

    def samples(self, x: torch.Tensor, which: torch.Tensor, streams: Streams, purpose: str) -> dict[str, np.ndarray]:
        """What is stored of a generator's samples beside the points x (sets, points, ...), by name, (cells, ...)."""
        raise NotImplementedError

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

    def entropy(self):
        log_sd = torch.where(self.prior.active, self.arrays["sd"].log(), 0.0).sum(1)
        return gaussian_entropy(self.prior, log_sd)


def gaussian_entropy(prior: LogPrior, log_determinant: torch.Tensor) -> torch.Tensor:
    """Entropy (cells,) of a Gaussian over the active latents, given the log determinant of its covariance's root."""
    return log_determinant + 0.5 * math.log(2 * math.pi * math.e) * prior.active.sum(1)


class DrawsPosterior(Posterior):
    """Stored draws of the latents: `draws` (cells, draws, latents), drawn from in a cycle.

    Where they are of chains, `chain` (cells, draws) tells of which; it is the same for all cells. Predictions take them
    in their order, so a sampler that puts the first half of its chains first can be compared with itself; for other
    purposes they are shuffled, so that a few of them represent all.
    """

    @classmethod
    def of_chains(cls, prior: LogPrior, chains: torch.Tensor) -> "DrawsPosterior":
        """Of draws by chain, (cells, chains, draws, latents), chains taking turns.

        Where their number is even, first those of the first half of the chains, then those of the others.
        """
        halves = 1 if chains.shape[1] % 2 else 2
        turns = chains.unflatten(1, (halves, -1)).transpose(2, 3)
        number = torch.arange(chains.shape[1]).reshape(halves, 1, -1).expand(-1, chains.shape[2], -1).flatten()
        return cls.of_draws(prior, turns.flatten(1, 3), number)

    @classmethod
    def of_draws(cls, prior: LogPrior, draws: torch.Tensor, chain: torch.Tensor) -> "DrawsPosterior":
        """Of draws (cells, draws, latents) that lie in the order of predictions, and the chain (draws,) of each."""
        return cls(prior, {"draws": draws, "chain": chain.to(draws.device).expand(len(draws), -1)})

    def of_predictions(self, n_draws):
        """With n_draws of the stored draws, evenly spread over all chains and along each, in their order.

        Of an even number of chains the first half of the n_draws is of the first half of the chains, also where fewer
        are stored, and some are taken more than once.
        """
        stored = self.arrays["draws"]
        n_stored = stored.shape[1]
        chain = self.arrays["chain"][0].cpu().numpy() if "chain" in self.arrays else np.zeros(n_stored, int)
        places = _spread(chain, n_draws)
        if n_draws >= n_stored and np.array_equal(places, np.arange(n_draws) % n_stored):
            return self  # the cycle in which they are drawn from anyway
        chosen = torch.from_numpy(places).to(stored.device)
        return type(self)(self.prior, {name: array[:, chosen] for name, array in self.arrays.items()})

    def draws(self, streams, purpose):
        stored = self.arrays["draws"]
        order = np.arange(stored.shape[1])
        if purpose != "predict":
            order = generator("order", "draws").permutation(order)
        return lambda s: stored[:, order[s % len(order)]]


def _spread(chain: np.ndarray, n_draws: int) -> np.ndarray:
    """Places (n_draws,) of draws to take, given the chain (draws,) of each that is stored: see `of_predictions`."""
    chains = np.unique(chain)
    if len(chains) % 2 == 0:
        first, second = np.split(chains, 2)
        half = n_draws // 2
        return np.concatenate([_evenly(chain, first, n_draws - half), _evenly(chain, second, half)])
    if n_draws > len(chain):
        return np.arange(n_draws) % len(chain)
    return _evenly(chain, chains, n_draws)


def _evenly(chain: np.ndarray, chains: np.ndarray, n: int) -> np.ndarray:
    """Places (n,) of draws of these chains, as many of each as can be, in ascending order."""
    places = []
    for i, number in enumerate(chains):
        own, wanted = np.flatnonzero(chain == number), n // len(chains) + (i < n % len(chains))
        if wanted > len(own):
            chosen = np.arange(wanted) % len(own)
        else:  # the last draw of each of equal stretches, as samplers thin their chains
            chosen = np.arange(1, wanted + 1) * len(own) // max(wanted, 1) - 1
        places.append(own[chosen])
    return np.sort(np.concatenate(places))


@dataclass
class Fit:
    """A trained stack: the posterior, the steps taken and a trace of the objective, (cells, len(trace_steps)).

    `diagnostics` are numbers that tell how far the posterior can be trusted, or how well it explains the data, each
    (cells,). "function_rhat" says that the draws are of chains, whose halves can be compared with each other. `traces`
    are others than that of the objective, at the same steps. `remarks`, one a cell, "" where there is none, say what
    went wrong with a cell that is nevertheless a result, such as a collapse.
    """

    posterior: Posterior
    steps: int
    trace_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    trace: np.ndarray | None = None
    diagnostics: dict[str, np.ndarray] = field(default_factory=dict)
    traces: dict[str, np.ndarray] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


Reached = Literal["posterior", "factorised", "mode", "maximum_likelihood", "prior", "other"]
"""The exact posterior; the best independent Gaussians; all mass at the posterior's mode, or at the likelihood's; the
prior, whatever the data; something else with the mode in its middle, which tests of the method's own describe."""


class Method:
    """An inference method: a dataclass of settings with `fit`, in a file of its own that gives it its name.

    The settings' types say what is allowed (see `settings`); what they must be together, `__post_init__` may refuse by
    ValueError. Both are looked at when a run is planned. Whatever mode torch is in where `fit` is called, under
    torch.no_grad too, within it gradients can be taken.
    """

    posterior_class: type[Posterior]
    has_curve: ClassVar[bool] = False
    """Whether `fit` shows its posterior in the middle of training (`progress.watch`), one a cell."""
    on_processor: ClassVar[bool] = False
    """Whether it is trained on the processor wherever the others are."""
    reaches: ClassVar[Reached] = "posterior"
    """What it finds with enough steps where the posterior is one Gaussian: by this the shared tests judge it."""
    finds_optima: ClassVar[bool] = False
    """Whether all it asks of the likelihood is an objective to climb, so that one that is no density will do."""
    needs_exact_density: ClassVar[bool] = False
    """Whether it compares or differentiates values of one log joint, so that an estimate of it will not do."""
    takes_many_gradients: ClassVar[bool] = False
    """Whether one fit takes so many on all data that compiling their kernel, some seconds, pays for a single cell."""
    is_played: ClassVar[bool] = False
    """Whether it takes games of two networks, and nothing else."""
    changes_target: ClassVar[tuple[str, ...]] = ("temperature", "entropy_weight")
    """Settings, 1 by default, under which another distribution is approximated: a recipe must name them."""

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "fit" in vars(cls):
            cls.fit = _with_gradients(cls.fit)

    def __post_init__(self):
        """Refuse by ValueError what the settings' types do not allow; a subclass's own calls this one first."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if found := faults(type(self), values, "setting"):
            raise ValueError("; ".join(found))

    def unsuited(self, network, model, likelihood) -> str | None:
        """Why this method has no meaning for a model on a network under a likelihood; None where it has.

        What holds for every method, and what `skip` adds.
        """
        if likelihood.is_game:
            return "there is no density and no objective, but a game of two networks: inference 'adversarial' plays it"
        if not likelihood.is_density and not self.finds_optima:
            return f"likelihood '{likelihood.name}' is an objective and no density, so there is no posterior to find"
        if network.noise and self.needs_exact_density:
            return "the network draws noise in each step: its density is an estimate, and this method needs it exact"
        if fault := likelihood.skip(network):
            return fault
        if self.looks_at_units and not network.has_units:
            return "it treats the units of dense and convolutional layers, which this network does not consist of"
        return self.skip(network, model, likelihood)

    @property
    def looks_at_units(self) -> bool:
        """Whether it treats units or layers apart, such as by dropping some, and not the weights alone."""
        return False

    def skip(self, network, model, likelihood) -> str | None:
        """What a method of its own has against them; None where it has nothing."""
        return None

    def fit(self, joint: LogJoint, streams: Streams, progress: Progress = SILENT) -> Fit:
        """Approximate the posterior of every cell of the stack."""
        raise NotImplementedError


def _with_gradients(fit):
    @wraps(fit)
    def fit_with_gradients(self, joint: LogJoint, streams: Streams, progress: Progress = SILENT) -> Fit:
        with torch.inference_mode(False), torch.enable_grad():
            return fit(self, joint.differentiable(), streams, progress)

    return fit_with_gradients


def find(name: str) -> type[Method]:
    """The class of the method in the file `name`; ValueError on an unknown name."""
    check_name("inference", name)
    return importlib.import_module(f"bnnbench.inference.{name}").METHOD


def make(name: str, settings: dict) -> Method:
    """The method in the file `name` with these settings; ValueError on an unknown name or setting, or a wrong value."""
    return make_from(find(name), settings, "setting", f"inference '{name}'")
