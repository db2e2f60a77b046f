"""Priors and hyperpriors, by composition.

A prior is a family at unit scale; a scale (a number, or a draw from a hyperprior) multiplies it: w = s z. No class
stands for a pair. To add a family, write a class below with `name`, `log_density` and `draw`, and name it in a study.
"""

import math

import torch


class _Density:
    """What is equal where class and settings are: a kernel compiled for one serves the other."""

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash((type(self), *sorted(vars(self).items())))


class Prior(_Density):
    """A family at unit scale. `fixed_scale` is set where the family has no free scale."""

    name: str
    fixed_scale: float | None = None

    def log_density(self, z: torch.Tensor) -> torch.Tensor:
        """Log density of z at unit scale, element by element; finite for every finite z."""
        raise NotImplementedError

    def expected_log_density(self, mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor | None:
        """E[log p(z)] for z ~ N(mean, sd²) in closed form, or None where there is none."""
        return None

    def draw(self, rng, size):
        """Draws at unit scale with a NumPy generator."""
        raise NotImplementedError


class Normal(Prior):
    """N(0, 1)."""

    name = "normal"

    def log_density(self, z):
        return -0.5 * z.square() - 0.5 * math.log(2 * math.pi)

    def expected_log_density(self, mean, sd):
        return -0.5 * (mean.square() + sd.square()) - 0.5 * math.log(2 * math.pi)

    def draw(self, rng, size):
        return rng.standard_normal(size)


class Laplace(Prior):
    """Laplace with scale b = 1, density exp(-|z|) / 2."""

    name = "laplace"

    def log_density(self, z):
        return -z.abs() - math.log(2)

    def expected_log_density(self, mean, sd):
        ratio = mean / sd
        folded = sd * math.sqrt(2 / math.pi) * torch.exp(-0.5 * ratio.square()) + mean * torch.erf(ratio / math.sqrt(2))
        return -folded - math.log(2)

    def draw(self, rng, size):
        return rng.laplace(size=size)


class Cauchy(Prior):
    """Standard Cauchy, density 1 / (pi (1 + z²))."""

    name = "cauchy"

    def log_density(self, z):
        return -torch.log1p(z.square()) - math.log(math.pi)

    def draw(self, rng, size):
        return rng.standard_cauchy(size)


class Flat(Prior):
    """N(0, 100²) in place of an improper flat prior, whose posterior would not be proper for saturating networks."""

    name = "flat"
    fixed_scale = 100.0
    log_density = Normal.log_density
    expected_log_density = Normal.expected_log_density
    draw = Normal.draw


class ScaleMixture(Prior):
    """weight N(0, 1) + (1 - weight) N(0, ratio²) (Blundell et al. 2015, eq. 7, at unit scale)."""

    name = "scale_mixture"

    def __init__(self, weight: float = 0.5, ratio: float = 0.1):
        if not 0 < weight < 1 or ratio <= 0:
            raise ValueError(f"scale_mixture needs 0 < weight < 1 and ratio > 0, got {weight} and {ratio}")
        self.weight, self.ratio = weight, ratio

    def log_density(self, z):
        wide = -0.5 * z.square() + math.log(self.weight)
        narrow = -0.5 * (z / self.ratio).square() + math.log((1 - self.weight) / self.ratio)
        return torch.logaddexp(wide, narrow) - 0.5 * math.log(2 * math.pi)

    def draw(self, rng, size):
        narrow = rng.random(size) > self.weight
        return rng.standard_normal(size) * (1 + narrow * (self.ratio - 1))


class Hyperprior(_Density):
    """A density of a positive scale s: one for each parameter tensor, or where `shared` one for the whole network."""

    name: str
    shared = False

    def log_density(self, log_s: torch.Tensor) -> torch.Tensor:
        """Log density of log s, that is log p(s) + log s: the Jacobian of s = exp(log s) is in it."""
        raise NotImplementedError

    def draw(self, rng, size):
        """Draws of s with a NumPy generator."""
        raise NotImplementedError


class HalfNormal(Hyperprior):
    """s = |N(0, scale²)|."""

    name = "half_normal"

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def log_density(self, log_s):
        constant = 0.5 * math.log(2 / math.pi) - math.log(self.scale)
        return constant - 0.5 * torch.exp(2 * log_s) / self.scale**2 + log_s

    def draw(self, rng, size):
        return abs(rng.standard_normal(size)) * self.scale


class SharedHalfNormal(Hyperprior):
    """The half-normal on one scale that all weights and biases share."""

    name = "shared_half_normal"
    shared = True
    __init__ = HalfNormal.__init__
    log_density = HalfNormal.log_density
    draw = HalfNormal.draw


class HalfCauchy(Hyperprior):
    """s = |Cauchy(0, scale)|."""

    name = "half_cauchy"

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def log_density(self, log_s):
        constant = math.log(2 / math.pi) - math.log(self.scale)
        # log(1 + (s / scale)²) as a softplus, which neither overflows nor loses its gradient.
        return constant - torch.nn.functional.softplus(2 * (log_s - math.log(self.scale))) + log_s

    def draw(self, rng, size):
        return abs(rng.standard_cauchy(size)) * self.scale


class InverseGamma(Hyperprior):
    """Inverse-gamma on s itself, density proportional to s^(-shape - 1) exp(-scale / s)."""

    name = "inverse_gamma"

    def __init__(self, shape: float = 1.0, scale: float = 1.0):
        self.shape, self.scale = shape, scale

    def log_density(self, log_s):
        constant = self.shape * math.log(self.scale) - math.lgamma(self.shape)
        return constant - self.shape * log_s - self.scale * torch.exp(-log_s)

    def draw(self, rng, size):
        return self.scale / rng.gamma(self.shape, size=size)


def _subclasses(base: type) -> dict[str, type]:
    return {cls.name: cls for cls in base.__subclasses__()}


def make(name: str, options: dict | None = None) -> Prior:
    """The prior family called `name`; ValueError on an unknown name or option."""
    return _make(Prior, "prior", name, options)


def make_hyperprior(name: str, options: dict | None = None) -> Hyperprior:
    """The hyperprior called `name`; ValueError on an unknown name or option."""
    return _make(Hyperprior, "hyperprior", name, options)


def _make(base: type, kind: str, name: str, options: dict | None):
    known = _subclasses(base)
    if name not in known:
        raise ValueError(f"unknown {kind} '{name}': known are {', '.join(known)}")
    try:
        return known[name](**(options or {}))
    except TypeError as error:
        raise ValueError(f"{kind} '{name}': {error}") from None
