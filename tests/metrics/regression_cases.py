"""Predictions of regression that the tests of every metric are run with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnnbench import metrics
from bnnbench.metrics import Mixture

N, DRAWS = 120, 12


@dataclass
class RegressionCase:
    """A mixture with true targets, their true conditional distribution and the mixture of a reference."""

    mixture: Mixture
    y: np.ndarray
    ideal: Mixture
    reference: Mixture

    @cached_property
    def found(self) -> dict[str, float]:
        found = metrics.evaluate(self.mixture, self.y, self.ideal)
        return found | metrics.compare(self.mixture, self.reference, "regression")

    def values(self, name: str) -> list[float]:
        return [self.found[name]] if name in self.found else []

    def at(self, points: np.ndarray) -> "RegressionCase":
        mixture, ideal, reference = (m.at(points) for m in (self.mixture, self.ideal, self.reference))
        return RegressionCase(mixture, self.y[points], ideal, reference)


def random_mixture(seed: int, n: int = N, draws: int = DRAWS, df: float | None = None) -> Mixture:
    rng = np.random.default_rng(seed)
    location = 2 * rng.normal(size=(n, 1)) + rng.normal(size=(n, draws)) * np.exp(rng.normal(size=(n, 1)))
    return Mixture(location, np.exp(0.5 * rng.normal(size=(n, draws))), df)


def targets_of(mixture: Mixture, seed: int = 0) -> np.ndarray:
    """One draw of each point's mixture, (n,)."""
    rng = np.random.default_rng(seed)
    levels = rng.random(mixture.n_points)
    draw = rng.integers(0, mixture.n_draws, mixture.n_points)[:, None]
    scale = np.broadcast_to(mixture.scale, mixture.location.shape)
    location, scale = (np.take_along_axis(values, draw, 1)[:, 0] for values in (mixture.location, scale))
    return location + scale * mixture.standard.quantile(levels)


def case_of(mixture: Mixture, y: np.ndarray | None = None, seed: int = 0) -> RegressionCase:
    """A mixture beside a random truth and reference; targets are drawn from the truth unless given."""
    rng = np.random.default_rng(seed + 100)
    n = mixture.n_points
    ideal = Mixture.of_one(mixture.mean + rng.normal(size=n), np.exp(rng.normal(size=n)))
    reference = Mixture(mixture.location + rng.normal(size=(n, 1)), mixture.scale, mixture.df)
    return RegressionCase(mixture, targets_of(ideal, seed) if y is None else y, ideal, reference)


class Regression:
    """Cases of regression; there are no classes, which `None` stands for."""

    def random(self) -> list[tuple[None, RegressionCase]]:
        mixtures = [random_mixture(seed, df=df) for seed, df in enumerate((None, 5.0, 2.5))]
        return [(None, case_of(mixture, seed=seed)) for seed, mixture in enumerate(mixtures)]

    def extreme(self) -> list[RegressionCase]:
        """No error, equal errors, far targets, a point estimate, draws that agree, one point, one distribution for all
        points, narrow and wide components, and heavy tails."""
        mixture = random_mixture(0)
        alike = Mixture(mixture.location[:, :1].repeat(DRAWS, 1), mixture.scale)
        constant = Mixture(np.zeros((N, DRAWS)), np.ones((1, 1)))
        narrow = Mixture(mixture.location, np.geomspace(1e-8, 1e4, DRAWS)[None])
        equal = RegressionCase(constant, np.ones(N), Mixture.of_one(np.zeros(N), 1.0), constant)
        one_draw, one_point = random_mixture(1, draws=1), random_mixture(1, n=1)
        heavy = [random_mixture(2, df=df) for df in (2.0, 1.5, 1.0, 0.5)]
        return [
            *(case_of(mixture, y) for y in (mixture.mean, mixture.mean + 1, mixture.mean + 1e6)),
            *(case_of(found) for found in (one_draw, one_point, alike, constant, narrow, *heavy)),
            equal,
        ]

    def opposite(self) -> list[tuple[RegressionCase, RegressionCase]]:
        """Predictions near the truth and unsure where they are off; then far off, and unsure where they are not."""
        rng = np.random.default_rng(5)
        centre, sd = rng.normal(size=N), np.geomspace(0.2, 2, N)
        ideal = Mixture.of_one(centre, sd)
        y = targets_of(ideal)
        spread = np.linspace(-1, 1, DRAWS)
        error = 0.3 * sd * rng.choice([-1, 1], N)
        good = Mixture((centre + error)[:, None] + 0.3 * sd[:, None] * spread, sd[:, None])
        off = 3 + np.abs(y - centre)  # away from the target, so that noise adds to the error
        far = centre - off * np.sign(y - centre)
        bad = Mixture(far[:, None] + spread / off[:, None], 0.3 / sd[:, None])
        return [(RegressionCase(good, y, ideal, ideal), RegressionCase(bad, y, ideal, ideal))]


REGRESSION = Regression()
