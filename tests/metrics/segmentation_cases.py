"""Maps that the tests of every metric are run with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnnbench import metrics
from bnnbench.metrics import Maps

N, SIDE, DRAWS = 12, 8, 10
VOID = -1
FIELDS = ("mean_proba", "class_sd", "total_variance", "expected_entropy", "mutual_information")


@dataclass
class SegmentationCase:
    """Maps of N images with their labels and the true class probabilities."""

    maps: Maps
    y: np.ndarray
    ideal: np.ndarray

    @cached_property
    def found(self) -> dict[str, float]:
        return metrics.evaluate(self.maps, self.y, self.ideal)

    def values(self, name: str) -> list[float]:
        prefix, several, _ = name.partition("{c}")
        return [v for key, v in self.found.items() if key == name or (several and key.startswith(prefix))]

    def at(self, points: np.ndarray) -> "SegmentationCase":
        maps = Maps(*(getattr(self.maps, name)[points] for name in FIELDS), self.maps.n_draws)
        return SegmentationCase(maps, self.y[points], self.ideal[points])


def softmax(logits: np.ndarray, axis: int) -> np.ndarray:
    p = np.exp(logits)
    return p / p.sum(axis, keepdims=True)


def probability_on(labels: np.ndarray, p: float, k: int) -> np.ndarray:
    """(n, k, rows, columns): p on the label of each pixel, the rest evenly."""
    return np.where(labels[:, None] == np.arange(k)[:, None, None], p, (1 - p) / (k - 1))


def random_draws(k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (N, k, SIDE, SIDE)
    return softmax(1.5 * rng.normal(size=shape) + 0.7 * rng.normal(size=(DRAWS, *shape)), 2)


def case_of(draws: np.ndarray, y: np.ndarray | None = None, seed: int = 0) -> SegmentationCase:
    """Labels are drawn from a random truth unless given: some pixels are void, and the first image is misread."""
    rng = np.random.default_rng(seed)
    ideal = softmax(np.log(draws.mean(0)) + rng.normal(size=draws.shape[1:]), 1)
    if y is None:
        y = (ideal.cumsum(1)[:, :-1] <= rng.random((N, 1, SIDE, SIDE))).sum(1)
        y[0] = (draws.mean(0)[0].argmax(0) + 1) % draws.shape[2]
        y[rng.random(y.shape) < 0.1] = VOID
    return SegmentationCase(Maps.from_draws(draws), y, ideal)


class Segmentation:
    """Cases of segmentation."""

    def random(self) -> list[tuple[int, SegmentationCase]]:
        return [(k, case_of(random_draws(k, k), seed=k)) for k in (2, 5)]

    def extreme(self) -> list[SegmentationCase]:
        """Nobody wrong, everybody wrong, a point estimate, no idea at all, one pixel that is known."""
        draws = random_draws(3, 0)
        best = draws.mean(0).argmax(1)
        one = np.full_like(best, VOID)
        one[0, 0, 0] = 2
        found = [case_of(draws, y) for y in (best, (best + 1) % 3, one)]
        return [*found, case_of(draws[:1].repeat(DRAWS, 0)), case_of(np.full_like(draws, 1 / 3))]

    def opposite(self) -> list[tuple[SegmentationCase, SegmentationCase]]:
        """Mostly right and unsure where wrong; then mostly wrong and sure of it. Whole squares are wrong together."""
        k, y = 3, np.random.default_rng(5).integers(0, 3, (N, SIDE, SIDE))
        truth, found = probability_on(y, 0.98, k), []
        for share, sure_where_wrong in ((0.2, False), (0.6, True)):
            wrong = np.zeros((N, SIDE // 4, SIDE // 4), bool)
            wrong.flat[: int(share * wrong.size)] = True
            wrong = wrong.repeat(4, 1).repeat(4, 2)
            guess = np.where(wrong, (y + 1) % k, y)
            votes = [guess if s % 5 < 3 else (guess + 1) % k for s in range(DRAWS)]
            unsure = np.stack([probability_on(v, 0.7, k) for v in votes])
            is_sure = (wrong == sure_where_wrong)[:, None]
            draws = np.where(is_sure, probability_on(guess, 0.97, k), unsure)
            found.append(SegmentationCase(Maps.from_draws(draws), y, truth))
        return [tuple(found)]


SEGMENTATION = Segmentation()
