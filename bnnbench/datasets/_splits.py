"""Rows of a user's table to train, validate and test on: as many of each for every seed, whichever way they are cut."""

from typing import NamedTuple

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets._check import DataError

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
"""Of all rows, and of those that are not tested on."""
FEWEST_ROWS = 10
TRAIN, VALIDATION, TEST = range(3)
PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""What a column may call the parts, in small letters or capitals."""


class Parts(NamedTuple):
    """Rows of a table, (n,) int64 each."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def drawn(name: str, seed: int, n: int, labels: np.ndarray | None = None) -> Parts:
    """Parts of n rows, drawn by the seed; of each class its share, where labels (n,) are given."""
    rest, test = _cut(name, f"test-{seed}", np.arange(n), labels, TEST_SHARE)
    train, validation = _cut(name, f"validation-{seed}", rest, labels, VALIDATION_SHARE)
    return Parts(train, validation, test)


def given(name: str, seed: int, codes: np.ndarray, labels: np.ndarray | None = None) -> Parts:
    """The parts that codes (n,) of `PARTS` name; where none validates, a tenth of the training rows, by the seed."""
    train, validation, test = (np.flatnonzero(codes == part) for part in (TRAIN, VALIDATION, TEST))
    if not len(validation):
        train, validation = _cut(name, f"validation-{seed}", train, labels, VALIDATION_SHARE)
    return Parts(train, validation, test)


def grouped(name: str, seed: int, groups: np.ndarray) -> Parts:
    """Parts that no group is divided between, drawn by the seed; groups (n,) are 0 ... k - 1.

    All rows stand in the order of their groups, which are shuffled. The first are tested on, the next validate, the
    last train, and of a group at a border the rest is in neither part, so that sizes are the same for every seed: they
    leave room for the largest group at each border, but where all are of one size.
    """
    sizes = np.bincount(groups)
    unit = int(sizes[0]) if (sizes == sizes[0]).all() else 1
    spare = 0 if unit > 1 else int(sizes.max()) - 1
    n_test = _multiple(TEST_SHARE * len(groups), unit)
    n_validation = _multiple(VALIDATION_SHARE * (len(groups) - n_test), unit)
    n_train = len(groups) - n_test - n_validation - 2 * spare
    rng = generator(name, f"groups-{seed}")
    rows = rng.permutation(len(groups))
    places = rng.permutation(len(sizes))[groups]
    rows = rows[np.argsort(places[rows], kind="stable")]
    test = rows[:n_test]
    after = _beyond(places, rows, n_test)
    validation = rows[after : after + n_validation]
    return Parts(rng.permutation(rows[len(rows) - n_train :]), validation, test)


def check_groups(file: str, column: str, groups: np.ndarray) -> None:
    """DataError for groups that could not be kept together and leave enough to train on."""
    sizes, n = np.bincount(groups), len(groups)
    n_parts = len(grouped("any", 0, groups).train) if len(sizes) >= 3 else 0
    if n_parts < 0.4 * n:
        raise DataError(
            f"{file}: the groups of column {column!r} are too few or too large to be kept apart: {len(sizes)}, the "
            f"largest of {sizes.max()} of {n} rows: name a column with more groups, or say in a column of your own, "
            "named by 'split', which rows are train, validation and test"
        )


def _multiple(size: float, unit: int) -> int:
    return max(1, round(size / unit)) * unit


def _beyond(places: np.ndarray, rows: np.ndarray, end: int) -> int:
    """The first of the ordered rows, from `end` on, that is of another group than the one before `end`."""
    others = places[rows[end:]] != places[rows[end - 1]]
    return end + int(np.argmax(others))


def _cut(
    name: str, purpose: str, rows: np.ndarray, labels: np.ndarray | None, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """The rows without a share of them, and that share, drawn."""
    rows = generator(name, purpose).permutation(rows)
    n = max(1, round(share * len(rows)))
    if labels is None:
        return rows[n:], rows[:n]
    of_class = labels[rows]
    taken = np.zeros(len(rows), dtype=bool)
    counts = _counts(np.bincount(of_class), n)
    if not counts.sum():  # a row of each class
        return rows[n:], rows[:n]
    for label, count in enumerate(counts):
        taken[np.flatnonzero(of_class == label)[:count]] = True
    return rows[~taken], rows[taken]


def _counts(sizes: np.ndarray, n: int) -> np.ndarray:
    """n rows by class in proportion to the classes' sizes, of which one row each is left, rounded to the nearest."""
    wanted = n * sizes / sizes.sum()
    counts = np.minimum(np.floor(wanted).astype(int), np.maximum(sizes - 1, 0))
    for label in np.argsort(counts - wanted, kind="stable"):
        if counts.sum() < n and counts[label] < sizes[label] - 1:
            counts[label] += 1
    return counts
