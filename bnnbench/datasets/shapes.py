"""Scenes of discs, squares and stripes, made up: a class a pixel, with labels that are noisy at edges, and void.

What a scene shows follows from its image alone, which has grain within known bounds, so the class probabilities of each
pixel are known. Colours tell objects from the background, and nothing else: for the class a network must look at the
form.
"""

from collections.abc import Iterable

import numpy as np

from bnnbench.base.settings import Count, Share, WholeNumber
from bnnbench.datasets._base import DataSet, Shape, drawn_pool
from bnnbench.datasets._bayes import toy_name

TASK = "segmentation"

CLASSES = ("background", "disc", "square", "stripe")
BACKGROUND, DISC, SQUARE, STRIPE = range(4)
VOID = -1
LEVELS, STEP = 8, 32
"""Of a colour's channel: levels, and how far they are apart in a byte."""
GRAIN = 15
"""The most by which a pixel's channel is off the middle of its level: less than half a step, so it can be undone."""
DARK = 3
"""Levels below this are the background's, the others those of objects."""
OBJECTS, TRIES = 3, 10
"""Discs and squares that are tried to be put into a scene, and places that are tried for each."""
SMALLEST = 16
"""Rows and columns that leave room for the objects."""


def name(noise: float, size: int) -> str:
    """`shapes-0.6` at noise 0.6; other sizes than the default are added."""
    return toy_name("shapes", noise, size=(size, 24))


def generate(
    noise: Share = 0.6,
    size: Count = 24,
    n_train: Count = 100,
    n_validation: Count = 40,
    n_test: Count = 100,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """Images (n, 3, size, size) uint8 and labels (n, size, size) int8, each seed its own and one test set for all.

    noise: the share of labels that are those of a pixel drawn from the 3x3 around; it shows at edges alone
    size: rows and columns. A rectangle of each label map is void.
    """
    check(size)

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        scenes = [_scene(rng, size) for _ in range(n)]
        x = np.stack([_image(rng, regions, colours) for regions, _, colours in scenes])
        clean = np.stack([classes[regions] for regions, classes, _ in scenes])
        return x, np.stack([_labels(rng, proba) for proba in _label_proba(clean, noise)])

    arrays = drawn_pool(name(noise, size), draw, n_train, n_validation, n_test, seeds, test_seed)
    return DataSet(
        name=name(noise, size), **arrays, n_classes=len(CLASSES), x_divisor=255.0, task=TASK, class_names=CLASSES
    )


def check(size: int) -> None:
    """Raise ValueError where the objects do not fit in."""
    if size < SMALLEST:
        raise ValueError(f"size is {size}: scenes have room for their objects from {SMALLEST} rows and columns on")


def shape(size: int, n_train: int, n_validation: int, n_test: int) -> Shape:
    """Images of four classes a pixel."""
    return Shape((3, size, size), len(CLASSES), n_train, n_validation, n_test)


def pixel_proba(x: np.ndarray, noise: float) -> np.ndarray:
    """The true class probabilities of each pixel, (n, classes, rows, columns), of images x (n, 3, rows, columns) in
    [0, 1]."""
    levels = np.rint(np.asarray(x) * 255).astype(np.int64) // STEP
    return _label_proba(np.stack([_shown(image) for image in levels]), noise)


def _scene(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which region a pixel is of (size, size), the class of each region, and its colour's levels (regions, 3).

    Regions do not overlap and have colours of their own; all but the background stay off the border, but for the ends
    of a stripe.
    """
    regions, classes = np.zeros((size, size), np.int64), [BACKGROUND]

    def put(mask: np.ndarray, of_class: int) -> bool:
        if regions[mask].any():
            return False
        regions[mask] = len(classes)
        classes.append(of_class)
        return True

    if rng.random() < 0.6:
        width = rng.integers(3, 6)
        start = rng.integers(1, size - width)
        mask = np.zeros((size, size), bool)
        mask[start : start + width] = True
        put(mask if rng.random() < 0.5 else mask.T, STRIPE)
    rows, columns = np.indices((size, size))
    for _ in range(OBJECTS):
        half, of_class = rng.integers(2, size // 6 + 1), int(rng.choice([DISC, SQUARE]))
        for _ in range(TRIES):
            down, right = (abs(axis - rng.integers(half + 1, size - half - 1)) for axis in (rows, columns))
            square = np.maximum(down, right) <= half
            if put(square if of_class == SQUARE else down**2 + right**2 <= (half + 0.5) ** 2, of_class):
                break
    return regions, np.array(classes), _colours(rng, len(classes))


def _colours(rng: np.random.Generator, n: int) -> np.ndarray:
    """Levels (n, 3), each colour another: that of the background is dark, the others are bright."""
    while True:
        levels = rng.integers(DARK, LEVELS, (n, 3))
        levels[0] = rng.integers(0, DARK, 3)
        if len(np.unique(_codes(levels.T))) == n:
            return levels


def _codes(levels: np.ndarray) -> np.ndarray:
    """One number for each colour; levels: (3, ...)."""
    return (levels[0] * LEVELS + levels[1]) * LEVELS + levels[2]


def _image(rng: np.random.Generator, regions: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """(3, size, size) uint8: the colours with grain."""
    middle = colours[regions].transpose(2, 0, 1) * STEP + STEP // 2
    return (middle + rng.integers(-GRAIN, GRAIN + 1, middle.shape)).astype(np.uint8)


def _shown(levels: np.ndarray) -> np.ndarray:
    """The class of each pixel of an image, by the form of its region; levels: (3, rows, columns)."""
    codes = _codes(levels)
    classes = np.zeros(codes.shape, np.int64)
    for code in np.unique(codes):
        mask = codes == code
        height, width = (np.ptp(np.flatnonzero(mask.any(axis))) + 1 for axis in (1, 0))
        spans = height == mask.shape[0], width == mask.shape[1]
        if all(spans):
            continue  # the background
        fills = mask.sum() == height * width
        classes[mask] = STRIPE if any(spans) else SQUARE if fills else DISC
    return classes


def _label_proba(clean: np.ndarray, noise: float) -> np.ndarray:
    """Probabilities (n, classes, rows, columns) of the labels of scenes (n, rows, columns) without noise."""
    shown = (clean[:, None] == np.arange(len(CLASSES))[:, None, None]).astype(np.float64)
    padded = np.pad(shown, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return (1 - noise) * shown + noise * windows.mean((4, 5))


def _labels(rng: np.random.Generator, proba: np.ndarray) -> np.ndarray:
    """Labels (rows, columns) drawn from proba (classes, rows, columns), with a rectangle that is void."""
    u = rng.random(proba.shape[1:])
    labels = (proba.cumsum(0)[:-1] <= u).sum(0).astype(np.int8)
    height, width = rng.integers(3, 7, 2)
    top, left = rng.integers(0, labels.shape[0] - height + 1), rng.integers(0, labels.shape[1] - width + 1)
    labels[top : top + height, left : left + width] = VOID
    return labels
