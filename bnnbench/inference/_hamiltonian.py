"""Hamiltonian Monte Carlo of a stack of cells with several chains each: transitions and their adaptation.

Chains of a cell are neighbouring rows. Step size and mass belong to a cell and are learned from its own chains only,
so that a cell moves the same whatever its neighbours; what all share is the number of leapfrog steps.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from bnnbench.base.philox import generator
from bnnbench.model.joint import LogJoint, log_density
from bnnbench.model.prior import LogPrior

DIVERGENT = 1000.0
"""Energy error in nats beyond which a trajectory counts as divergent, as in Stan."""


class Target:
    """The log joint as a density of positions u, (rows, latents), in which the scales are centred in part.

    A learned scale s and the weights w = s z under it are hard to sample together: where the data say little of w, (z,
    log s) are independent; where they say much of w, (w, log s) are. With centring c between 0 and 1 the position holds
    u = z s^c and log s (Papaspiliopoulos et al. 2007, section 2; Gorinova et al. 2020). `centring` is (rows, scales).
    """

    def __init__(self, joint: LogJoint, centring: torch.Tensor):
        self.joint, self.centring = joint, centring
        self._objective = joint.objective(_log_density)

    def value_and_gradient(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log density (rows,) and its gradient (rows, latents)."""
        value, (gradient,) = self._objective.with_gradient([position], [self.centring, *self.joint.batch(None)])
        return value, gradient

    def latents(self, position: torch.Tensor) -> torch.Tensor:
        """The latents that a position stands for."""
        return _rescaled(self.joint.prior, position, -self.centring)

    def position(self, latents: torch.Tensor) -> torch.Tensor:
        """The reverse of `latents`."""
        return _rescaled(self.joint.prior, latents, self.centring)

    def log_joint(self, state: "State") -> torch.Tensor:
        """Log joint (rows,) of the latents where the chains stand."""
        return state.value + _log_volume(self.joint.prior, state.position, self.centring)

    def take(self, rows: torch.Tensor) -> "Target":
        return Target(self.joint.take(rows.tolist()), self.centring[rows])


def _rescaled(prior: LogPrior, latents, power):
    """Weight latents times their scales to a power (rows, scales); log scales stay."""
    if not prior.learns:
        return latents
    factors = prior.for_weights((power * prior.log_scales(latents)).exp())
    return torch.cat([latents[:, : prior.n_weights] * factors, latents[:, prior.n_weights :]], dim=1)


def _log_density(terms, position, centring, x, y):
    value = log_density(terms, _rescaled(terms.prior, position, -centring), x, y)
    return value - _log_volume(terms.prior, position, centring)


def _log_volume(prior: LogPrior, latents, centring):
    """Log of du / dz = s^c over all weights, (rows,)."""
    if not prior.learns:
        return torch.zeros_like(latents[:, 0])
    moved = centring * prior.log_scales(latents)
    return sum(p.size * moved[:, i] for i, p in enumerate(prior.network.parameters))


@dataclass
class State:
    """Positions (rows, latents) with their log density (rows,) and gradient (rows, latents)."""

    position: torch.Tensor
    value: torch.Tensor
    gradient: torch.Tensor

    @classmethod
    def at(cls, target: Target, position: torch.Tensor) -> "State":
        return cls(position, *target.value_and_gradient(position))

    def take(self, rows: torch.Tensor) -> "State":
        return State(self.position[rows], self.value[rows], self.gradient[rows])


@dataclass
class Kernel:
    """What a cell's chains move with: step size (cells,) and inverse mass (cells, latents), 0 for inert latents."""

    step: torch.Tensor
    inverse_mass: torch.Tensor

    @classmethod
    def initial(cls, joint: LogJoint, step: float = 0.02) -> "Kernel":
        active = joint.prior.active.to(joint.x)
        return cls(torch.full((joint.n_cells,), step, dtype=torch.float64, device=active.device), active)


def transition(target: Target, state: State, kernel: Kernel, noise: torch.Tensor, leapfrogs: int):
    """One Metropolis step of every chain along a leapfrog trajectory (Neal 2011, section 5.3.2).

    `noise` (rows, latents + 1) holds standard normals: the momenta, and one whose distribution function is the
    uniform of the acceptance test. Returns the state, and of each row the acceptance probability and whether the
    trajectory diverged.
    """
    chains = len(state.value) // len(kernel.step)
    inverse_mass = kernel.inverse_mass.repeat_interleave(chains, 0)
    step = kernel.step.to(inverse_mass).repeat_interleave(chains).unsqueeze(1)
    # p ~ N(0, M); of an inert latent both momentum and velocity are 0.
    momentum = noise[:, :-1] * torch.where(inverse_mass > 0, inverse_mass, torch.inf).rsqrt()
    drift, new = step * inverse_mass, state
    before = _energy(state, momentum, inverse_mass)
    momentum = momentum + 0.5 * step * state.gradient
    for i in range(leapfrogs):
        new = State.at(target, new.position + drift * momentum)
        momentum = momentum + (step if i + 1 < leapfrogs else 0.5 * step) * new.gradient
    error = _energy(new, momentum, inverse_mass) - before
    divergent = ~(error <= DIVERGENT)  # non-finite ones too
    log_probability = torch.where(error.isnan(), -torch.inf, -error).clamp(max=0.0)
    accept = torch.special.log_ndtr(noise[:, -1].double()) < log_probability
    moved = State(
        torch.where(accept.unsqueeze(1), new.position, state.position),
        torch.where(accept, new.value, state.value),
        torch.where(accept.unsqueeze(1), new.gradient, state.gradient),
    )
    return moved, log_probability.exp(), divergent


def _energy(state: State, momentum: torch.Tensor, inverse_mass: torch.Tensor) -> torch.Tensor:
    """Potential and kinetic energy (rows,), added in double precision."""
    return 0.5 * (momentum.double().square() * inverse_mass.double()).sum(1) - state.value.double()


def trajectory_lengths(n: int, longest: int, part: int) -> list[int]:
    """n numbers of leapfrog steps, uniform on 1..longest: the same for all cells, so from one fixed stream."""
    return (1 + generator("hmc", "trajectory", part).integers(longest, size=n)).tolist()


@dataclass
class DualAveraging:
    """Step sizes (cells,) that reach the acceptance `target` (cells,) (Hoffman & Gelman 2014, section 3.2.1).

    After t steps: `centre` is their μ, to which log steps shrink, `error` H̄ and `log_average` log ε̄, all (cells,).
    """

    GAMMA: ClassVar = 0.05
    T0: ClassVar = 10.0
    KAPPA: ClassVar = 0.75

    target: torch.Tensor
    centre: torch.Tensor
    error: torch.Tensor
    log_average: torch.Tensor
    t: int = 0

    @classmethod
    def start(cls, step: torch.Tensor, target: torch.Tensor) -> "DualAveraging":
        """From steps (cells,) that are known to be too short, if anything."""
        return cls(target, (10 * step).log(), torch.zeros_like(step), torch.zeros_like(step))

    def update(self, acceptance: torch.Tensor) -> torch.Tensor:
        """The next step to try, from the mean acceptance (cells,) of the one before."""
        self.t += 1
        weight = 1 / (self.t + self.T0)
        self.error = (1 - weight) * self.error + weight * (self.target - acceptance)
        log_step = self.centre - self.t**0.5 / self.GAMMA * self.error
        share = self.t**-self.KAPPA
        self.log_average = share * log_step + (1 - share) * self.log_average
        return log_step.exp()

    def averaged(self) -> torch.Tensor:
        """The step to stay with."""
        return self.log_average.exp()


@dataclass
class Spread:
    """Within-chain variances of a stretch of the chains, pooled over the chains of a cell.

    Chains may sit in mirror images of one mode, so that variance between them says nothing about the way ahead.
    `total` and `squares` (rows, latents) sum the deviations of n positions from the first, `origin`, in double
    precision: differences of large squares lose digits.
    """

    chains: int
    n: int = 0
    origin: torch.Tensor | None = None
    total: torch.Tensor | None = None
    squares: torch.Tensor | None = None

    def add(self, positions: torch.Tensor) -> None:
        """Count positions (rows, latents) in."""
        positions = positions.double()
        if self.n == 0:
            self.origin, self.total, self.squares = positions, torch.zeros_like(positions), torch.zeros_like(positions)
        deviation = positions - self.origin
        self.total, self.squares, self.n = self.total + deviation, self.squares + deviation.square(), self.n + 1

    def take(self, rows: torch.Tensor) -> "Spread":
        return Spread(self.chains, self.n, self.origin[rows], self.total[rows], self.squares[rows])

    def inverse_mass(self, active: torch.Tensor) -> torch.Tensor:
        """Variances (cells, latents), shrunk as in Stan towards 1e-3 with the weight of five draws; 0 where a latent
        is not `active` (cells, latents)."""
        variance = (self.squares - self.total.square() / self.n) / max(1, self.n - 1)
        pooled = variance.unflatten(0, (-1, self.chains)).mean(1)
        n = self.n * self.chains
        return torch.where(active, (n * pooled + 5e-3) / (n + 5), 0.0)
