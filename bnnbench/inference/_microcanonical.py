"""Microcanonical Langevin dynamics of a stack of chains: moves, and how step size and decoherence length are found.

Robnik, De Luca, Silverstein & Seljak (2023), Microcanonical Hamiltonian Monte Carlo. A chain has a position x and a
direction u of length 1, and follows dx = u dt, du = (1 - u u') grad U / (d - 1) dt, with U the log density and d the
number of its latents; the direction is turned at random meanwhile, so that it is forgotten over a length L. There is no
Metropolis test: how wrong the moves are is measured by the variance of their energy error, to which the step is tuned.
Rows are chains, and each has settings of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

LAMBDA = 0.1931833275037836
"""Of the integrator with the least error of its kind (Omelyan et al. 2003; McLachlan 1995)."""
SPREAD_OF_LOG, EFFECTIVE = 9.0, 150.0
"""Errors whose log (base e) is so many off count less, and the mean is over about so many of the last steps."""
SHORTER = 0.8
"""What a step is shortened by after one that left what numbers can hold."""

Density = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Log density (rows,) and its gradient (rows, latents) at positions (rows, latents)."""


@dataclass
class Walkers:
    """Where chains are: position and direction (rows, latents), log density (rows,) and gradient (rows, latents)."""

    position: torch.Tensor
    direction: torch.Tensor
    value: torch.Tensor
    gradient: torch.Tensor

    @classmethod
    def at(cls, density: Density, position: torch.Tensor, noise: torch.Tensor) -> "Walkers":
        """At positions, each going where its noise (rows, latents) points."""
        return cls(position, _unit(noise), *density(position))


def move(density: Density, old: Walkers, step: torch.Tensor, active: torch.Tensor) -> tuple[Walkers, torch.Tensor]:
    """A step (rows,) of every chain, by two gradients; the chains, and their energy errors (rows,) in nats.

    A chain that would leave what numbers can hold stays where it is, turns back, and has an infinite error.
    """
    d, size = active.sum(1), step.unsqueeze(1)
    direction, kinetic = _turn(old.direction, old.gradient, LAMBDA * step, d)
    position = old.position + 0.5 * size * direction
    _, gradient = density(position)
    direction, more = _turn(direction, gradient, (1 - 2 * LAMBDA) * step, d)
    position = position + 0.5 * size * direction
    value, gradient = density(position)
    direction, most = _turn(direction, gradient, LAMBDA * step, d)
    error = kinetic + more + most + (old.value.double() - value.double())
    fine = error.isfinite() & gradient.isfinite().all(1) & direction.isfinite().all(1)
    wide = fine.unsqueeze(1)
    new = Walkers(
        torch.where(wide, position, old.position),
        torch.where(wide, direction, -old.direction),
        torch.where(fine, value, old.value),
        torch.where(wide, gradient, old.gradient),
    )
    return new, torch.where(fine, error, torch.inf)


def decohere(walkers: Walkers, step, length, noise, active) -> Walkers:
    """Turn directions at random, so that they are forgotten over a length (rows,) (eq. 28 there).

    noise (rows, latents): standard normals, 0 for latents that are not active.
    """
    d = active.sum(1)
    strength = torch.expm1(2 * step / length).div(d).sqrt().unsqueeze(1)
    return Walkers(walkers.position, _unit(walkers.direction + strength * noise), walkers.value, walkers.gradient)


def _turn(direction, gradient, step, d) -> tuple[torch.Tensor, torch.Tensor]:
    """Directions after a time `step` (rows,) of a constant gradient, and the change of kinetic energy (rows,).

    In closed form; exponentials of negative numbers alone, which cannot overflow.
    """
    size = _norm(gradient)
    towards = gradient / torch.where(size > 0, size, 1.0).unsqueeze(1)
    cosine = (direction.double() * towards.double()).sum(1).to(direction)
    turn = step * size / (d - 1)
    decay = torch.exp(-turn)
    along = (1 - decay) * (1 + decay + cosine * (1 - decay))
    new = towards * along.unsqueeze(1) + 2 * (decay.unsqueeze(1) * direction)
    change = turn.double() - math.log(2) + torch.log1p(cosine + (1 - cosine) * decay.square()).double()
    return _unit(new), (d - 1) * change


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / _norm(vectors).unsqueeze(1)


def _norm(vectors: torch.Tensor) -> torch.Tensor:
    """Lengths (rows,), summed in double precision: chaos would show how single sums are rounded in another stack."""
    return vectors.double().square().sum(1).sqrt().to(vectors)


@dataclass
class StepSize:
    """Steps (rows,) whose energy errors have the variance that is wanted, per latent (appendix A there).

    An error's variance grows with the sixth power of the step. `total` and `weight` are the means' sums.
    """

    step: torch.Tensor
    total: torch.Tensor
    weight: torch.Tensor

    @classmethod
    def start(cls, step: torch.Tensor) -> "StepSize":
        return cls(step, torch.zeros_like(step), torch.zeros_like(step))

    def update(self, error: torch.Tensor, d: torch.Tensor, wanted: float) -> None:
        """Take the error (rows,) of a step of chains with d (rows,) latents into account."""
        ratio = (error.square() / (d * wanted)).to(self.step) + 1e-8
        fine, keep = ratio.isfinite(), (EFFECTIVE - 1) / (EFFECTIVE + 1)
        ratio = torch.where(fine, ratio, 1.0)
        weight = torch.exp(-0.5 * (ratio.log() / SPREAD_OF_LOG).square())
        total = keep * self.total + weight * ratio / self.step**6
        of_weight = keep * self.weight + weight
        step = torch.where(fine, (of_weight / total) ** (1 / 6), SHORTER * self.step)
        self.total = torch.where(fine, total, self.total)
        self.weight = torch.where(fine, of_weight, self.weight)
        self.step = step


@dataclass
class Extent:
    """How wide the chains go: sums over n positions of deviations from the first, `origin`, (rows, latents)."""

    origin: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor
    n: int = 0

    @classmethod
    def start(cls, position: torch.Tensor) -> "Extent":
        zeros = torch.zeros_like(position, dtype=torch.float64)
        return cls(position.double(), zeros, zeros)

    def add(self, position: torch.Tensor) -> None:
        """Count positions in."""
        moved = position.double() - self.origin
        self.total, self.squares, self.n = self.total + moved, self.squares + moved.square(), self.n + 1

    def length(self, like: torch.Tensor) -> torch.Tensor:
        """The root of the summed variances, (rows,): over it a direction may be forgotten."""
        variance = self.squares / self.n - (self.total / self.n).square()
        return variance.clamp_min(0.0).sum(1).sqrt().to(like)
