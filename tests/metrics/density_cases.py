"""Densities that the tests of every metric are run with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnnbench import metrics
from bnnbench.metrics.density._densities import Bound, Densities

N, DRAWS = 120, 12


@dataclass
class DensityCase:
    """Densities at N points, the true ones and those of a reference."""

    densities: Densities
    ideal: Densities
    reference: Densities

    @property
    def y(self) -> np.ndarray:
        """In the place of targets."""
        return np.zeros(len(self.ideal.log_density), int)

    @cached_property
    def found(self) -> dict[str, float]:
        found = metrics.evaluate(self.densities, self.y, self.ideal)
        return found | metrics.compare(self.densities, self.reference, "density")

    def values(self, name: str) -> list[float]:
        return [self.found[name]] if name in self.found else []

    def at(self, points: np.ndarray) -> "DensityCase":
        def some(all_of):
            arrays = (all_of.log_density, all_of.mean_log_density, all_of.variance)
            bound = all_of.bound and Bound(*(a[points] for a in all_of.bound))
            return Densities(*(a[points] for a in arrays), all_of.dimensions, bound)

        return DensityCase(some(self.densities), some(self.ideal), some(self.reference))


def of_draws(log_density: np.ndarray, dimensions: int = 2) -> Densities:
    """Of draws (S, n)."""
    mean = np.log(np.exp(log_density).mean(0))
    bound = Bound(mean - 0.1, mean - 0.5, 2 + np.cos(np.arange(len(mean))))
    return Densities(mean, log_density.mean(0), log_density.var(0), dimensions, bound)


def of_truth(log_density: np.ndarray) -> Densities:
    return Densities(log_density, log_density, np.zeros_like(log_density), None)


def case_of(log_density: np.ndarray, truth: np.ndarray, seed: int = 0) -> DensityCase:
    reference = of_draws(log_density + np.random.default_rng(seed).normal(size=log_density.shape[1]))
    return DensityCase(of_draws(log_density), of_truth(truth), reference)


class Density:
    """Cases of densities; there are no classes, which `None` stands for."""

    def random(self) -> list[tuple[None, DensityCase]]:
        rng, found = np.random.default_rng(0), []
        for seed in range(3):
            truth = rng.normal(size=N)
            draws = truth - 0.3 + 0.5 * rng.normal(size=N) + rng.normal(size=(DRAWS, N)) * rng.uniform(0.1, 1, N)
            found.append((None, case_of(draws, truth, seed)))
        return found

    def extreme(self) -> list[DensityCase]:
        """The truth itself, a point estimate, one point, hardly any density, and a great one."""
        rng = np.random.default_rng(1)
        truth = rng.normal(size=N)
        draws = truth + rng.normal(size=(DRAWS, N))
        exact, point = case_of(truth[None], truth), case_of(draws[:1].repeat(DRAWS, 0), truth)
        return [
            exact,
            point,
            case_of(draws[:, :1], truth[:1]),
            case_of(draws - 600, truth),
            case_of(draws + 300, truth),
        ]

    def opposite(self) -> list[tuple[DensityCase, DensityCase]]:
        """Draws that differ where the density is a little wrong; then such that differ where it is right, and is very
        wrong elsewhere."""
        rng = np.random.default_rng(2)
        truth, error, noise = rng.normal(size=N), np.geomspace(0.01, 0.5, N), np.linspace(-1, 1, DRAWS)[:, None]
        good = of_draws(truth - error + 0.2 * error * noise)
        bad = of_draws(truth - 5 * error + 0.01 * noise / error)
        ideal = of_truth(truth)
        return [(DensityCase(good, ideal, good), DensityCase(bad, ideal, good))]


DENSITY = Density()
