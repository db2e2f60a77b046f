"""The skeleton prior: round at zero like the normal, with tails like the Laplace prior's."""

from dataclasses import dataclass

from bnnbench.priors._base import Prior


@dataclass(frozen=True)
class Skeleton(Prior):
    """Standard logistic, density exp(-z) / (1 + exp(-z))².

    This is the family at unit scale: a study's scales and hyperpriors multiply it. Options are fields with a type and a
    default, such as `shape: Positive = 1.0`.
    """

    def log_density(self, z):
        """Of z, element by element; it must be finite, with its gradient, for every finite z."""
        size = z.abs()
        return -size - 2 * (-size).exp().log1p()

    def draw(self, rng, size):
        """Draws with a NumPy generator, from the same density."""
        return rng.logistic(size=size)

    def pymc(self, name, scale, shape):
        """The same in PyMC, at a scale; without this function PyMC's methods leave the family out."""
        import pymc as pm

        return pm.Logistic(name, 0, scale, shape=shape)


PRIOR = Skeleton
