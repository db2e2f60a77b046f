"""How well uncertainties find the pixels that are wrong."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._metric import Column
from .._ranks import spearman
from .._registry import describe, metric
from ..classification.decomposition import true_entropy
from ..classification.misclassification import aupr, auroc
from ._maps import Pixels, Scenes

PATCH = 4
"""Side of the squares of pixels of PAvPU."""


def _mean(values: NDArray) -> float:
    return float(values.mean(dtype=np.float64))


for _name, _words in {
    "predictive_entropy": "entropy of the averaged probabilities, H[p]",
    "expected_entropy": "mean over draws of the entropy of their probabilities, the aleatoric part of H[p]",
    "mutual_information": "predictive minus expected entropy, the epistemic part: what the draws disagree on",
    "total_variance": "variance of a probability over draws, summed over classes",
}.items():
    _known = describe(_name)

    @metric(
        _name,
        label=_known.label,
        definition=f"Mean over pixels of the {_words}.",
        direction="",
        unit=_known.unit,
        bounds=_known.bounds,
        column=_known.column,
    )
    def _average(pixels: Pixels, *, of: str = _name) -> float:
        return _mean(getattr(pixels, of))


def _register(name: str, score: Callable[[Pixels], NDArray], column: Column | None) -> None:
    """AUROC, under classification's name, and AUPR of a score for wrong pixels."""
    known = describe(f"auroc_{name}", "classification")

    @metric(
        known.name,
        label=known.label,
        definition=f"Chance that a wrong pixel has a higher {known.score} than a right one, ties half; of the maximum "
        "probability, a lower one. 0.5 is no use.",
        direction="higher",
        bounds=(0, 1),
        undefined="where all pixels are right, or all are wrong",
        score=known.score,
        column=column,
    )
    def _auroc(pixels: Pixels, wrong: NDArray[np.bool_]) -> float:
        return auroc(score(pixels), wrong)

    @metric(
        f"aupr_{name}",
        label=f"AUPR of {known.score}",
        definition=f"Average precision of finding wrong pixels by {known.score}; chance gives the share that is wrong.",
        direction="",  # fewer wrong pixels make it lower
        bounds=(0, 1),
        undefined="where all pixels are right, or all are wrong",
    )
    def _aupr(pixels: Pixels, wrong: NDArray[np.bool_]) -> float:
        return aupr(score(pixels), wrong)


SCORES: dict[str, Callable[[Pixels], NDArray]] = {
    "predictive_entropy": lambda p: p.predictive_entropy,
    "mutual_information": lambda p: p.mutual_information,
    "total_variance": lambda p: p.total_variance,
    "max_probability": lambda p: p.doubt,
}
"""Scores of uncertainty of pixels, high = uncertain, by classification's names."""
COLUMNS = {"predictive_entropy": Column("AUROC", 3, 1, "of predictive entropy for wrong pixels; higher is better")}

for _name, _score in SCORES.items():
    _register(_name, _score, COLUMNS.get(_name))


@metric(
    "pavpu",
    label="PAvPU",
    definition="Patch accuracy versus patch uncertainty (Mukhoti & Gal 2018): share of squares of "
    f"{PATCH}x{PATCH} pixels that are accurate and certain, or inaccurate and uncertain. Accurate: more than half of "
    "its pixels are right. Uncertain: its mean entropy is above the mean over all squares.",
    direction="higher",
    bounds=(0, 1),
)
def pavpu(scenes: Scenes) -> float:
    """Share of patches in which accuracy and certainty go together."""
    accurate, certain = _judged(scenes)
    return float((accurate == certain).mean())


@metric(
    "accurate_if_certain",
    label="Accurate if certain",
    definition=f"Share of the certain squares of {PATCH}x{PATCH} pixels that are accurate, both as in the PAvPU.",
    direction="higher",
    bounds=(0, 1),
)
def accurate_if_certain(scenes: Scenes) -> float:
    """p(accurate | certain) of patches."""
    accurate, certain = _judged(scenes)
    return float(accurate[certain].mean())


@metric(
    "uncertain_if_inaccurate",
    label="Uncertain if inaccurate",
    definition=f"Share of the inaccurate squares of {PATCH}x{PATCH} pixels that are uncertain, both as in the PAvPU.",
    direction="higher",
    bounds=(0, 1),
    undefined="where no square is inaccurate",
)
def uncertain_if_inaccurate(scenes: Scenes) -> float:
    """p(uncertain | inaccurate) of patches."""
    accurate, certain = _judged(scenes)
    return float((~certain[~accurate]).mean()) if not accurate.all() else float("nan")


def _judged(scenes: Scenes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which patches are accurate, and which certain."""
    wrong, entropy = scenes.patches(PATCH)
    return wrong < 0.5, entropy <= entropy.mean() * (1 + 1e-9)  # patches that are alike are all certain


def accuracy_kept(score: NDArray, wrong: NDArray[np.bool_], share: float) -> float:
    """Accuracy of the share of the pixels with the lowest scores; of those that tie at the border their mean counts."""
    kept = share * len(score)
    border = np.partition(score, int(np.ceil(kept)) - 1)[int(np.ceil(kept)) - 1]
    below, at = score < border, score == border
    right = np.sum(~wrong[below]) + (kept - below.sum()) * np.mean(~wrong[at])
    return float(right / kept)


for _percent in (50, 90):

    @metric(
        f"accuracy_kept_{_percent}",
        label=f"Accuracy of the {_percent}% kept",
        definition=f"Share of right pixels among the {_percent}% with the lowest predictive entropy.",
        direction="higher",
        bounds=(0, 1),
    )
    def _accuracy_kept(pixels: Pixels, wrong: NDArray[np.bool_], *, percent: int = _percent) -> float:
        return accuracy_kept(pixels.predictive_entropy, wrong, percent / 100)


@metric(
    "aleatoric_entropy_rank_correlation",
    label="Rank correlation of expected and true entropy",
    definition="Spearman correlation over pixels of the expected entropy, the aleatoric part, with the entropy of the "
    "true class probabilities.",
    direction="",
    bounds=(-1, 1),
    undefined="where either is the same for all pixels",
)
def _aleatoric_entropy_rank_correlation(pixels: Pixels, ideal: NDArray[np.float64]) -> float:
    return spearman(pixels.expected_entropy, true_entropy(ideal))
