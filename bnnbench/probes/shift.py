"""Shifted test images: how accuracy and calibration fall as images are turned, moved, blurred and made noisy.

The images are made from the test set, the same for every cell, at five strengths of each kind (as in Hendrycks &
Dietterich 2019, Ovadia et al. 2019). Strength 0 is the test set as it is.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import ndimage

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count
from bnnbench.probes._base import Probe, evenly, readings

KINDS = {
    "rotation": (15, 30, 45, 60, 75),  # degrees
    "translation": (2, 4, 6, 8, 10),  # pixels
    "blur": (0.5, 1, 1.5, 2, 2.5),  # sd in pixels
    "noise": (25, 51, 76, 102, 127),  # sd in grey levels of 255
}
"""Strengths of each kind of shift, on images of 28 pixels."""

METRICS = ("accuracy", "nll", "ece", "ece_floor", "predictive_entropy", "mutual_information")


def check_kind(kind: str) -> str:
    """Return `kind` if images can be shifted so; else ValueError."""
    if kind not in KINDS:
        raise ValueError(f"shift: unknown kind '{kind}': known are {', '.join(KINDS)}")
    return kind


def shifted(images: np.ndarray, kind: str, strength: float) -> np.ndarray:
    """Images (n, channel, height, width), uint8, shifted; in a direction that is drawn once for each image."""
    directions = generator("shift", check_kind(kind))
    images = images.astype(np.float32)
    n = len(images)
    if kind == "rotation":
        signs = directions.choice([-1, 1], n)
        found = np.stack([turn(image, s * strength) for image, s in zip(images, signs, strict=True)])
    elif kind == "translation":
        angles = directions.uniform(0, 2 * np.pi, n)
        offsets = strength * np.stack([np.sin(angles), np.cos(angles)], 1)
        found = np.stack([ndimage.shift(i, (0, *o), order=1) for i, o in zip(images, offsets, strict=True)])
    elif kind == "blur":
        found = ndimage.gaussian_filter(images, (0, 0, strength, strength))
    elif kind == "noise":
        found = images + strength * directions.standard_normal(images.shape).astype(np.float32)
    return found.round().clip(0, 255).astype(np.uint8)


def turn(image: np.ndarray, degrees: float) -> np.ndarray:
    """An image (channel, height, width), of floats, turned about its centre against the clock; corners become 0."""
    return ndimage.rotate(image, degrees, axes=(2, 1), reshape=False, order=1)


@dataclass(frozen=True)
class Shift(Probe):
    """`images` test images, evenly spread, read with `draws` posterior draws."""

    images: Count = 2000
    draws: Count = 30
    kinds: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(KINDS)

    def __post_init__(self) -> None:
        for kind in self.kinds:
            check_kind(kind)

    def run(self, cell, data, seed):
        index = evenly(len(data.x_test), self.images)
        x, y = data.x_test[index], data.y_test[index]
        clean = cell.predictions(x, self.draws)
        for kind in self.kinds:
            yield from readings(kind, 0, clean, y, METRICS)
            for strength in KINDS[kind]:
                found = cell.predictions(shifted(x, kind, strength), self.draws)
                yield from readings(kind, strength, found, y, METRICS)


PROBE = Shift
