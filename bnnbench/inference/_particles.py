"""Populations of particles under a tempered posterior: weighting, resampling, moving (Del Moral et al. 2006).

All is by population: temperature, step size and scales are adapted from its own particles, so that populations are
independent of each other and of whatever else is in the stack.
"""

import math
from dataclasses import dataclass, fields, replace

import torch

from bnnbench.inference._hamiltonian import Kernel, State, transition
from bnnbench.inference.prior_only import PriorPosterior
from bnnbench.model.joint import LogJoint
from bnnbench.model.streams import Streams
from bnnbench.networks._apply import forward

IMPOSSIBLE = -1e300
"""Stands for a log likelihood that is not finite: a number, since infinity times a temperature of 0 is none."""
HALVINGS = 100
"""Of the interval in which the next temperature is sought: exact to the last bit also where it is next to nothing."""
FIRST_STEP = 0.25
"""Step size, in units of the particles' spread, before any is adapted."""
LEAST_SPREAD = 1e-6
JITTER = 0.3
"""Share by which a particle's step size, and with it its trajectory's length, differs at most from its population's."""


class Tempered:
    """The prior times the likelihood to a power, as a density of latents (rows, latents); `beta` (rows,) is the power,
    the inverse temperature."""

    def __init__(self, joint: LogJoint, beta: torch.Tensor):
        self.joint, self.beta = joint, beta
        self._objective = joint.objective(_log_tempered)

    def value_and_gradient(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log density (rows,) but for its constant, and its gradient (rows, latents)."""
        value, (gradient,) = self._objective.with_gradient([position], [self.beta, *self.joint.batch(None)])
        return value, gradient


def _log_tempered(terms, latents, beta, x, y):
    outputs = forward(terms.network, terms.prior.weights(latents), x)
    return beta * terms.log_likelihood(outputs, y, latents) + terms.prior.log_density(latents)


@dataclass
class Populations:
    """Where populations stand: `latents` (populations, particles, latents) with their `log_likelihood` and the number
    of the prior draw that each descends from, `root`, (populations, particles), all of one weight.

    The rest is (populations,): the inverse temperature `beta`, the `log_evidence` of the likelihood to that power, the
    `step` size, the number of `temperatures` there have been, and the sum of the mean `acceptance` over all moves.
    """

    latents: torch.Tensor
    log_likelihood: torch.Tensor
    root: torch.Tensor
    beta: torch.Tensor
    log_evidence: torch.Tensor
    step: torch.Tensor
    temperatures: torch.Tensor
    acceptance: torch.Tensor

    @classmethod
    def of_prior(cls, joint: LogJoint, streams: Streams, n: int) -> "Populations":
        """Populations of n draws from the prior; `joint` has a row for each particle, `streams` for each population."""
        prior = joint.prior.take(list(range(0, joint.n_cells, n)))
        draw = PriorPosterior(prior, {"kept": joint.x}).draws(streams, "particles")
        latents = torch.stack([draw(s) for s in range(n)], 1) * prior.active.unsqueeze(1)
        none = torch.zeros(len(latents), dtype=torch.float64, device=latents.device)
        root = torch.arange(n, device=latents.device).expand(len(latents), -1)
        count = torch.zeros(len(latents), dtype=torch.long, device=latents.device)
        return cls(latents, _log_likelihood(joint, latents), root, none, none, none + FIRST_STEP, count, none)

    def take(self, places: torch.Tensor) -> "Populations":
        """Those at these places, in this order."""
        return Populations(*(getattr(self, field.name)[places] for field in fields(self)))

    def cooled(self, least_ess: float, uniform: torch.Tensor) -> "Populations":
        """At the next temperatures, weighted by what they add to the likelihood, and resampled.

        uniform (populations,) in [0, 1) makes the resampling.
        """
        beta = next_beta(self.log_likelihood, self.beta, least_ess)
        gain = (beta - self.beta).unsqueeze(1) * self.log_likelihood
        log_evidence = self.log_evidence + gain.logsumexp(1) - math.log(gain.shape[1])
        chosen = systematic(gain.softmax(1), uniform)
        latents = self.latents.gather(1, chosen.unsqueeze(2).expand_as(self.latents))
        log_likelihood, root = self.log_likelihood.gather(1, chosen), self.root.gather(1, chosen)
        return replace(
            self, latents=latents, log_likelihood=log_likelihood, root=root, beta=beta, log_evidence=log_evidence,
            temperatures=self.temperatures + 1,
        )  # fmt: skip

    def moved(self, joint: LogJoint, noise: list[torch.Tensor], leapfrogs: int, acceptance: float) -> "Populations":
        """After a Hamiltonian move for each of the `noise` (populations, particles, latents + 2), standard normals.

        Steps are scaled by the spread of the particles, latent by latent; their size follows the `acceptance` wanted.
        """
        n = self.latents.shape[1]
        target = Tempered(joint, self.beta.to(self.latents).repeat_interleave(n))
        variance = _spread(self.latents).square() * joint.prior.active[::n]
        variance, state = variance.repeat_interleave(n, 0), State.at(target, self.latents.flatten(0, 1))
        step, total = self.step, self.acceptance
        for normals in noise:
            uniform = torch.special.ndtr(normals[:, :, -1].double())
            steps = (step.unsqueeze(1) * (1 + JITTER * (2 * uniform - 1))).flatten()
            kernel = Kernel(steps, variance)
            state, probability, _ = transition(target, state, kernel, normals[:, :, :-1].flatten(0, 1), leapfrogs)
            accepted = probability.unflatten(0, (-1, n)).mean(1)
            step, total = step * (accepted - acceptance).exp(), total + accepted
        latents = state.position.unflatten(0, (-1, n))
        found = _log_likelihood(joint, latents)
        return replace(self, latents=latents, log_likelihood=found, step=step, acceptance=total)


def _log_likelihood(joint: LogJoint, latents: torch.Tensor) -> torch.Tensor:
    """(populations, particles) of latents (populations, particles, latents), in double precision."""
    found = joint.log_likelihood(latents.flatten(0, 1)).detach().double()
    return torch.where(found.isfinite(), found, IMPOSSIBLE).unflatten(0, latents.shape[:2])


def _spread(latents: torch.Tensor) -> torch.Tensor:
    """Half the central 68% of the particles, latent by latent, (populations, latents): heavy tails do not count."""
    n, ordered = latents.shape[1], latents.sort(1).values
    low = int(0.16 * (n - 1))
    return ((ordered[:, n - 1 - low] - ordered[:, low]) / 2).clamp_min(LEAST_SPREAD)


def next_beta(log_likelihood: torch.Tensor, beta: torch.Tensor, least_ess: float) -> torch.Tensor:
    """The inverse temperature (populations,) after `beta` at which the effective share of the particles is `least_ess`.

    That is the conditional effective sample size (Zhou, Johansen & Aston 2016, section 3.4) over the number of
    particles, which carry equal weights. It is 1 where that leaves more; and more than `beta` in any case, also where
    the next number that can be represented is too much.
    """

    def sufficient(next_one):
        weight = ((next_one - beta).unsqueeze(1) * log_likelihood).softmax(1)
        return 1 / weight.square().sum(1) >= least_ess * weight.shape[1]

    low, high = beta, torch.ones_like(beta)
    at_once = sufficient(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = sufficient(middle) | (middle <= beta)
        low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
    return torch.where(at_once, 1.0, high)


def systematic(weight: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Places (populations, particles) of the particles that survive, in ascending order (Kitagawa 1996).

    weight (populations, particles) sums to 1; uniform (populations,) is in [0, 1). A particle of weight w among n is
    taken n w times, rounded up or down.
    """
    n = weight.shape[1]
    points = (torch.arange(n, device=weight.device) + uniform.unsqueeze(1)) / n
    return torch.searchsorted(weight.cumsum(1), points, right=True).clamp_max(n - 1)
