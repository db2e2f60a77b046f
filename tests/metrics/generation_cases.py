"""Samples that the tests of every metric are run with."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bnnbench import metrics
from bnnbench.metrics.generation._real import Real
from bnnbench.metrics.generation._samples import Samples

N, SD = 120, 0.1
CENTRES = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


@dataclass
class GenerationCase:
    """Samples of a generator and of a critic, with as many real points of four modes, and codes of both."""

    samples: Samples
    points: np.ndarray
    y: np.ndarray

    @cached_property
    def found(self) -> dict[str, float]:
        real = Real(self.points, self.y, self.points, (CENTRES, SD), lambda points: points)
        critic = replace(self.samples, is_critic=True)
        return metrics.evaluate(critic, self.y, real) | metrics.evaluate(self.samples, self.y, real)

    def values(self, name: str) -> list[float]:
        return [self.found[name]] if name in self.found else []

    def at(self, points: np.ndarray) -> "GenerationCase":
        s = self.samples
        arrays = (s.logits, s.real_logits, s.code, s.code_log_proba, s.real_code)
        logits, real_logits, code, code_log_proba, real_code = (a[points] for a in arrays)
        moved = Samples(s.points[points], False, logits, real_logits, code, code_log_proba, real_code)
        return GenerationCase(moved, self.points[points], self.y[points])


def case_of(samples: np.ndarray, right: float, seed: int = 0, points: np.ndarray | None = None) -> GenerationCase:
    """Samples (n, 2), a discriminator at random, and codes that are read rightly with that probability."""
    rng = np.random.default_rng(seed)
    n = len(samples)
    y = rng.integers(0, 4, n)
    points = CENTRES[y] + SD * rng.standard_normal((n, 2)) if points is None else points
    code = np.where(rng.random(n) < right, y, rng.integers(0, 4, n))
    judged = rng.standard_normal(n), rng.standard_normal(n)
    return GenerationCase(Samples(samples, False, *judged, code, np.log(np.full(n, right)), code), points, y)


def of_modes(rng, n: int, modes: int, sd: float) -> np.ndarray:
    return CENTRES[rng.integers(0, modes, n)] + sd * rng.standard_normal((n, 2))


class Generation:
    """Cases of samples; there are no classes, which `None` stands for."""

    def random(self) -> list[tuple[None, GenerationCase]]:
        rng = np.random.default_rng(0)
        return [(None, case_of(of_modes(rng, N, 4, sd), 0.6, seed)) for seed, sd in enumerate((0.1, 0.3, 0.05))]

    def extreme(self) -> list[GenerationCase]:
        """All samples in one place, far away, the real points themselves, one sample, real points in one place."""
        rng, real = np.random.default_rng(1), case_of(np.zeros((N, 2)), 0.5)
        same = of_modes(rng, N, 4, 0.1)
        places = np.zeros((N, 2)), 1e3 + of_modes(rng, N, 4, 0.1), same, same[:1]
        return [*(case_of(samples, 0.5) for samples in places), real, case_of(same, 0.5, points=np.zeros((N, 2)))]

    def opposite(self) -> list[tuple[GenerationCase, GenerationCase]]:
        """Samples of all modes with codes that are right; of one mode, too wide, with codes at random."""
        rng = np.random.default_rng(2)
        good, bad = case_of(of_modes(rng, N, 4, 0.1), 0.99), case_of(of_modes(rng, N, 1, 0.4), 0.3)
        return [(good, bad)]


GENERATION = Generation()
