"""What every registered metric must hold: a new one is tested here without being named."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

from bnnbench import metrics

KNOWN = metrics.registered()
COMPUTED = [name for name, found in KNOWN.items() if found.compute]
N, DRAWS = 240, 30
FIELDS = ("mean_proba", "class_variance", "expected_entropy", "argmax_votes", "label_votes")


@dataclass
class Case:
    """Predictions of N points with their labels, true class probabilities and those of a reference."""

    predictions: metrics.Predictions
    y: np.ndarray
    bayes_proba: np.ndarray
    reference: np.ndarray

    def values(self, name: str) -> list[float]:
        """The metric's values: one, or one a class; none where it is left out."""
        found = metrics.evaluate(self.predictions, self.y, self.bayes_proba)
        found |= metrics.compare(self.predictions.mean_proba, self.reference)
        pattern = name.replace("{c}", r"\d+")
        return [value for key, value in found.items() if re.fullmatch(pattern, key)]

    def at(self, points: np.ndarray) -> "Case":
        """The same at some of the points, in this order."""
        fields = (getattr(self.predictions, field)[points] for field in FIELDS)
        predictions = metrics.Predictions(*fields, self.predictions.n_draws)
        return Case(predictions, self.y[points], self.bayes_proba[points], self.reference[points])


def normalised(logits: np.ndarray) -> np.ndarray:
    p = np.exp(logits)
    return p / p.sum(-1, keepdims=True)


def random_draws(k: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return normalised(1.5 * rng.normal(size=(N, k)) + 0.7 * rng.normal(size=(DRAWS, N, k)))


def case_of(draws: np.ndarray, y: np.ndarray | None = None, seed: int = 0) -> Case:
    """Draws (S, n, K) beside a random Bayes rule and reference; labels are drawn from the rule unless given."""
    rng = np.random.default_rng(seed + 100)
    bayes_proba, reference = (normalised(np.log(draws.mean(0)) + rng.normal(size=draws.shape[1:])) for _ in range(2))
    y = metrics.draw_labels(bayes_proba[None], "label", seed)[0] if y is None else y
    return Case(metrics.Predictions.from_draws(draws), y, bayes_proba, reference)


def extreme_cases() -> list[Case]:
    """Nobody wrong, everybody wrong, a point estimate, one class alone, and no idea at all."""
    draws = random_draws(3, 0)
    best = draws.mean(0).argmax(1)
    unsure = np.full_like(draws, 1 / 3)
    cases = [case_of(draws, best), case_of(draws, (best + 1) % 3), case_of(draws[:1].repeat(DRAWS, 0)), case_of(unsure)]
    return [*cases, cases[0].at(np.flatnonzero(best == 1))]


def opposite_cases(k: int) -> list[Case]:
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
        found.append(Case(metrics.Predictions.from_draws(draws), y, truth, truth))
    return found


def probability_on(labels: np.ndarray, p: float, k: int) -> np.ndarray:
    return np.where(np.arange(k) == labels[:, None], p, (1 - p) / (k - 1))


@pytest.mark.parametrize("name", COMPUTED)
def test_it_is_finite_and_within_its_bounds_for_as_many_classes_as_it_says(name):
    low, high = KNOWN[name].bounds
    for k in (2, 3, 7):
        values = case_of(random_draws(k, seed=k), seed=k).values(name)
        assert bool(values) == (k >= KNOWN[name].min_classes)
        assert all(type(value) is float for value in values)
        assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)


@pytest.mark.parametrize("name", COMPUTED)
def test_where_it_is_not_defined_the_registration_says_when(name):
    for case in extreme_cases():
        values = case.values(name)
        assert not np.isinf(values).any()
        assert KNOWN[name].undefined or not np.isnan(values).any()


@pytest.mark.parametrize("name", COMPUTED)
def test_the_order_of_points_does_not_matter(name):
    case = case_of(random_draws(3, 1))
    moved = case.at(np.random.default_rng(0).permutation(N))
    assert moved.values(name) == pytest.approx(case.values(name), abs=1e-12)


@pytest.mark.parametrize("name", [name for name in COMPUTED if KNOWN[name].direction])
@pytest.mark.parametrize("k", [2, 4])
def test_good_predictions_are_better_in_its_direction(name, k):
    good, bad = (case.values(name) for case in opposite_cases(k))
    sign = 1 if KNOWN[name].direction == "higher" else -1
    assert all(sign * better > sign * worse for better, worse in zip(good, bad, strict=True))


@pytest.mark.parametrize("name", KNOWN)
def test_all_that_the_report_needs_is_known_of_it(name):
    about = KNOWN[name].of_class(1)
    assert metrics.describe(about.name) == about
    assert about.label and about.definition.endswith(".") and "{c}" not in about.label + about.definition
    if about.floor:
        assert metrics.describe(about.floor).bounds == about.bounds
    if about.column:
        assert about.column.label and about.column.hint and about.column.digits >= 0
