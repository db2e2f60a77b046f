"""Digits turned step by step: does the network become uncertain before it misreads them?

The first images of each class of the test set are turned from upright; a reading is of one image at one angle.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from bnnbench.base.settings import Count
from bnnbench.metrics import mutual_information, predictive_entropy
from bnnbench.probes._base import Probe, Reading
from bnnbench.probes.shift import turn


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """An image (channel, height, width), uint8, turned against the clock."""
    return turn(image.astype(np.float32), degrees).round().clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Rotation(Probe):
    """`per_class` images of each class, turned by 0 to 180 degrees in steps of `step`, read with `draws` draws."""

    per_class: Count = 10
    step: Annotated[int, Field(ge=1, le=180)] = 10
    draws: Count = 100

    def run(self, cell, data, seed):
        angles = range(0, 181, self.step)
        for c in range(data.n_classes):
            for index in np.flatnonzero(data.y_test == c)[: self.per_class]:
                images = np.stack([turned(data.x_test[index], angle) for angle in angles])
                draws = cell.sample_proba(images, self.draws)
                mean = draws.mean(0)
                values = {
                    "predictive_entropy": predictive_entropy(mean),
                    "mutual_information": mutual_information(draws),
                    "misread": (mean.argmax(1) != c).astype(float),
                }
                for name, by_angle in values.items():
                    for angle, value in zip(angles, by_angle, strict=True):
                        yield Reading(f"digit-{c}/image-{index}", float(angle), name, float(value))


PROBE = Rotation
