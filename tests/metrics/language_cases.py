"""Predictions of symbols that the tests of every metric are run with."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import entr, softmax

from bnnbench import metrics
from bnnbench.metrics.language import SymbolPredictions

N = 150


@dataclass
class LanguageCase:
    """Mean probabilities (n, K) and expected entropies with the true next symbols, their law and a reference."""

    proba: np.ndarray
    entropy: np.ndarray
    y: np.ndarray
    law: np.ndarray
    reference: np.ndarray

    @cached_property
    def found(self) -> dict[str, float]:
        found = metrics.evaluate(SymbolPredictions(self.proba, self.entropy), self.y, self.law)
        return found | metrics.compare(self.proba, self.reference, "language")

    def values(self, name: str) -> list[float]:
        return [self.found[name]] if name in self.found else []

    def at(self, points: np.ndarray) -> "LanguageCase":
        arrays = (a[points] for a in (self.proba, self.entropy, self.y, self.law, self.reference))
        return LanguageCase(*arrays)


def case_of(k: int, seed: int, spread: float = 1.0, draws: int = 8) -> LanguageCase:
    """Draws about a random law, from which the symbols come."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(N, k))
    law = softmax(logits, -1)
    each = softmax(logits + spread * rng.normal(size=(draws, N, k)), -1)
    y = np.array([rng.choice(k, p=p) for p in law])
    return LanguageCase(each.mean(0), entr(each).sum(-1).mean(0), y, law, law)


class Language:
    """Cases of symbols, which come in as many kinds as there are classes."""

    def random(self) -> list[tuple[int, LanguageCase]]:
        return [(k, case_of(k, seed=k)) for k in (2, 5, 30)]

    def extreme(self) -> list[LanguageCase]:
        """The law itself, one draw, no idea at all, and sure of the wrong symbol."""
        none = case_of(4, 0)
        none.proba = np.full((N, 4), 0.25)
        none.entropy = entr(none.proba).sum(-1)
        wrong = case_of(4, 1)
        wrong.proba = np.eye(4)[(wrong.y + 1) % 4]
        wrong.entropy = np.zeros(N)
        return [case_of(3, 2, spread=0.0), case_of(3, 3, draws=1), none, wrong]

    def opposite(self) -> list[tuple[LanguageCase, LanguageCase]]:
        """The law itself; then its probabilities given to other symbols."""
        good, bad = case_of(4, 5, spread=0.0), case_of(4, 5, spread=0.0)
        bad.proba = np.roll(bad.proba, 1, axis=1)
        return [(good, bad)]


LANGUAGE = Language()
