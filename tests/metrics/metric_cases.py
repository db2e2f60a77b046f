"""Predictions of each task that the tests of every metric are run with: `CASES` by task."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from density_cases import DENSITY
from generation_cases import GENERATION
from language_cases import LANGUAGE
from regression_cases import REGRESSION
from segmentation_cases import SEGMENTATION

from bnnbench import metrics

N, DRAWS = 240, 30
FIELDS = ("mean_proba", "class_variance", "expected_entropy", "argmax_votes", "label_votes")


class Case(Protocol):
    """Predictions of some points, with their true targets, the ideal predictions and those of a reference."""

    def values(self, name: str) -> list[float]:
        """The metric's values: one, or one a class; none where it is left out."""

    def at(self, points: np.ndarray) -> "Case":
        """The same at some of the points, in this order."""


@dataclass
class ClassificationCase:
    """Predictions of N points with their labels, true class probabilities and those of a reference."""

    predictions: metrics.Predictions
    y: np.ndarray
    bayes_proba: np.ndarray
    reference: np.ndarray

    @cached_property
    def found(self) -> dict[str, float]:
        found = metrics.evaluate(self.predictions, self.y, self.bayes_proba)
        return found | metrics.compare(self.predictions.mean_proba, self.reference)

    def values(self, name: str) -> list[float]:
        pattern = name.replace("{c}", r"\d+")
        return [value for key, value in self.found.items() if re.fullmatch(pattern, key)]

    def at(self, points: np.ndarray) -> "ClassificationCase":
        fields = (getattr(self.predictions, field)[points] for field in FIELDS)
        predictions = metrics.Predictions(*fields, self.predictions.n_draws)
        return ClassificationCase(predictions, self.y[points], self.bayes_proba[points], self.reference[points])


def normalised(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits)
    return p / p.sum(-1, keepdims=True)


def random_draws(k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return normalised(1.5 * rng.normal(size=(N, k)) + 0.7 * rng.normal(size=(DRAWS, N, k)))


def case_of(draws: np.ndarray, y: np.ndarray | None = None, seed: int = 0) -> ClassificationCase:
    """Draws (S, n, K) beside a random Bayes rule and reference; labels are drawn from the rule unless given."""
    rng = np.random.default_rng(seed + 100)
    bayes_proba, reference = (normalised(np.log(draws.mean(0)) + rng.normal(size=draws.shape[1:])) for _ in range(2))
    y = metrics.draw_labels(bayes_proba[None], "label", seed)[0] if y is None else y
    return ClassificationCase(metrics.Predictions.from_draws(draws), y, bayes_proba, reference)


def probability_on(labels: np.ndarray, p: float, k: int) -> np.ndarray:
    return np.where(np.arange(k) == labels[:, None], p, (1 - p) / (k - 1))


class Classification:
    """Cases of classification; `classes` says of how many classes the random ones are."""

    classes = (2, 3, 7)

    def random(self) -> list[tuple[int, Case]]:
        return [(k, case_of(random_draws(k, seed=k), seed=k)) for k in self.classes]

    def extreme(self) -> list[Case]:
        """Nobody wrong, everybody wrong, a point estimate, one class alone, and no idea at all."""
        draws = random_draws(3, 0)
        best = draws.mean(0).argmax(1)
        cases = [case_of(draws, best), case_of(draws, (best + 1) % 3), case_of(draws[:1].repeat(DRAWS, 0))]
        return [*cases, case_of(np.full_like(draws, 1 / 3)), cases[0].at(np.flatnonzero(best == 1))]

    def opposite(self) -> list[tuple[Case, Case]]:
        return [tuple(self._opposite(k)) for k in (2, 4)]

    def _opposite(self, k: int) -> list[Case]:
        """Predictions that are mostly right and unsure where they are wrong; then mostly wrong and sure of it."""
        y = np.random.default_rng(5).integers(0, k, N)
        truth = probability_on(y, 0.98, k)
        found = []
        for share_wrong, sure_where_wrong in ((0.1, False), (0.6, True)):
            wrong = np.arange(N) < share_wrong * N
            guess = np.where(wrong, (y + 1) % k, y)
            votes = np.where(np.arange(DRAWS)[:, None] % 5 < 3, guess, (guess + 1) % k)  # three of five draws guess so
            unsure = np.stack([probability_on(row, 0.7, k) for row in votes])
            is_sure = (wrong == sure_where_wrong)[:, None]
            draws = np.where(is_sure, probability_on(guess, 0.97, k), unsure)
            found.append(ClassificationCase(metrics.Predictions.from_draws(draws), y, truth, truth))
        return found


CASES: dict[str, Any] = {
    "classification": Classification(),
    "regression": REGRESSION,
    "density": DENSITY,
    "generation": GENERATION,
    "language": LANGUAGE,
    "segmentation": SEGMENTATION,
}
