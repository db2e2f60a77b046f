"""Spread of the predictions where there are data, in the gaps between them and beyond, of data in one dimension.

Inputs are at even distances in each region (see `datasets.regions`), so that a reading is a mean over the region and
not over where points happen to lie. Over all regions together the two uncertainties are compared with each other.
"""

from dataclasses import dataclass

import numpy as np

from bnnbench.base.settings import Count
from bnnbench.datasets import DataSet, regions
from bnnbench.metrics import Summary, describe
from bnnbench.probes._base import Probe, Reading

METRICS = {
    "regression": ("total_sd", "epistemic_sd", "aleatoric_sd", "width_90", "width_50"),
    "classification": ("predictive_entropy", "expected_entropy", "mutual_information"),
}
"""What is read in each region, by task."""
EVERYWHERE, OVER_ALL = "everywhere", "uncertainties_rank_correlation"
"""The regions together, and what is read there."""


def regions_of(data: DataSet) -> dict[str, list[tuple[float, float]]]:
    """The regions of a data set by name; ValueError where it has none."""
    family = data.name.partition("-")[0]  # every variant of a family has the same
    try:
        found = regions(family, {})
    except ValueError:  # an unknown family, or one with options that must be given: none with regions has such
        found = None
    if found is None:
        raise ValueError(f"data set {data.name!r} has no regions: this probe is for data in one dimension that have")
    return found


def grid(intervals: list[tuple[float, float]], points: int) -> np.ndarray:
    """`points` inputs (points, 1) at even distances over the joined length of the intervals, none of them at an end."""
    low, high = np.array(intervals, dtype=np.float64).T
    ends = np.concatenate([[0.0], np.cumsum(high - low)])
    along = (np.arange(points) + 0.5) / points * ends[-1]
    which = np.searchsorted(ends, along, side="right") - 1
    return (low[which] + along - ends[which])[:, None].astype(np.float32)


def value_of(name: str, predictions: Summary) -> float:
    """A metric that is computed from predictions alone."""
    key = "mixture" if predictions.task == "regression" else "predictions"
    return describe(name, predictions.task).values({key: predictions})[name]


@dataclass(frozen=True)
class Regions(Probe):
    """`points` inputs in each region, read with `draws` posterior draws; the readings' variable is the region."""

    points: Count = 100
    draws: Count = 100

    def run(self, cell, data, seed):
        regions = regions_of(data)
        for region, intervals in regions.items():
            predictions = cell.predictions(grid(intervals, self.points), self.draws)
            for name in METRICS[predictions.task]:
                yield Reading(region, 0.0, name, value_of(name, predictions))
        together = sorted(interval for intervals in regions.values() for interval in intervals)
        predictions = cell.predictions(grid(together, self.points * len(regions)), self.draws)
        yield Reading(EVERYWHERE, 0.0, OVER_ALL, value_of(OVER_ALL, predictions))


PROBE = Regions
