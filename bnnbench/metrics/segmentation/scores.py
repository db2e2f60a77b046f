"""Scores of the mean probabilities against the true classes of pixels."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from .._metric import Column
from .._registry import describe, metric
from ..classification.accuracy import PROBABILITY_FLOOR, log_of, negative_log_likelihood
from ..classification.calibration import calibration_floor, expected_calibration_error

Proba, Labels = NDArray[np.float64], NDArray[np.int64]


def counts(proba: Proba, y: Labels) -> NDArray[np.int64]:
    """Pixels by true class (rows) and most probable class (columns), (K, K)."""
    k = proba.shape[1]
    return np.bincount(k * y + proba.argmax(1), minlength=k * k).reshape(k, k)


def intersection_over_union(proba: Proba, y: Labels) -> NDArray[np.float64]:
    """Of each class, pixels that are it in truth and in prediction over those that are it in either; (K,), NaN where
    none is."""
    table = counts(proba, y)
    either = table.sum(0) + table.sum(1) - table.diagonal()
    return np.divide(table.diagonal(), either, out=np.full(len(table), np.nan), where=either > 0)


@metric(
    "accuracy",
    label="Accuracy",
    definition="Global accuracy: share of pixels whose most probable class is the true one.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Global acc. %", 2, 100, "share of pixels read right; higher is better"),
)
def global_accuracy(wrong: NDArray[np.bool_]) -> float:
    """Share of pixels that are right. wrong: (m,) booleans."""
    return float(1 - wrong.mean())


@metric(
    "class_accuracy",
    label="Class accuracy",
    definition="Share of a class's pixels that are read right, averaged over the classes that occur.",
    direction="higher",
    bounds=(0, 1),
    column=Column("Class acc. %", 2, 100, "accuracy averaged over classes; higher is better"),
)
def class_accuracy(proba: Proba, y: Labels) -> float:
    """Mean over classes that occur in truth of the share read right. proba: (m, K). y: (m,)."""
    table = counts(proba, y)
    total = table.sum(1)
    return float((table.diagonal()[total > 0] / total[total > 0]).mean())


@metric(
    "miou",
    label="mIoU",
    definition="Intersection over union of the pixels predicted and the true ones, averaged over the classes that "
    "occur in truth or prediction.",
    direction="higher",
    bounds=(0, 1),
    column=Column("mIoU %", 2, 100, "mean intersection over union; higher is better"),
)
def mean_iou(proba: Proba, y: Labels) -> float:
    """Mean over classes that occur of `intersection_over_union`; all images together, as is customary."""
    return float(np.nanmean(intersection_over_union(proba, y)))


@metric(
    "iou_{c}",
    label="IoU, class {c}",
    definition="Intersection over union of the pixels predicted and the true ones of class {c}.",
    direction="higher",
    bounds=(0, 1),
    undefined="where the class occurs neither in truth nor in prediction",
)
def _iou_by_class(proba: Proba, y: Labels) -> NDArray[np.float64]:
    return intersection_over_union(proba, y)


@metric(
    "nll",
    label="NLL",
    definition="Mean over pixels of -log p(true class), p averaged over draws and raised to at least 6e-8.",
    direction="lower",
    unit="nats",
    bounds=(0, -np.log(PROBABILITY_FLOOR)),
    column=Column("NLL", 4, 1, "negative log-likelihood of a pixel in nats; lower is better"),
)
def _nll(proba: Proba, y: Labels) -> float:
    return negative_log_likelihood(proba, y)


@metric(
    "ece",
    label="ECE",
    definition="Mean gap between accuracy and confidence in 15 equal-mass bins of pixels; compare with its floor.",
    direction="lower",
    bounds=(0, 1),
    floor="ece_floor",
    column=Column("ECE", 4, 1, "expected calibration error of pixels; lower is better, compare with its floor"),
)
def _ece(proba: Proba, y: Labels) -> float:
    return expected_calibration_error(proba, y)


@metric(
    "ece_floor",
    label="ECE floor",
    definition="The ECE expected of a perfectly calibrated model with these confidences and this many pixels, if each "
    "were independent of the others; as they are not, the true floor is higher.",
    direction="",
    bounds=(0, 1),
)
def _ece_floor(proba: Proba) -> float:
    return calibration_floor(proba)


@metric(
    "excess_nll",
    label=describe("excess_nll").label,
    definition="NLL minus that of the true class probabilities, same pixels.",
    direction="lower",
    unit="nats",
)
def _excess_nll(proba: Proba, y: Labels, ideal: Proba) -> float:
    return negative_log_likelihood(proba, y) - negative_log_likelihood(ideal, y)


@metric(
    "kl_to_bayes",
    label=describe("kl_to_bayes").label,
    definition="Mean over pixels of KL(p* || p): the excess NLL expected over labels.",
    direction="lower",
    unit="nats",
    bounds=(0, np.inf),
)
def _kl_to_bayes(proba: Proba, ideal: Proba) -> float:
    return float(max((xlogy(ideal, ideal) - ideal * log_of(proba)).sum() / len(proba), 0.0))
