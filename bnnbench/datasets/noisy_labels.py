"""Two classes along a line whose labels are wrong with a known probability, which is large on the right and small on
the left, in training sets of growing size, of which a smaller one is part of a larger one.

The class is 1 where sin(2x) > 0; a label is the other one with probability noise · (1 + 0.9 sin x). Inputs are uniform
in (-3, -1) and in (1, 3), with a gap between. At the default noise of 0.2 between 2 and 17 % of the labels are wrong on
the left, and between 23 and 38 % on the right. The entropy of a label at x is therefore known, and none of it can be
learned away.
"""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from bnnbench.base.settings import Count, ProperShare, WholeNumber
from bnnbench.datasets import _curves, _two_noises
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._bayes import check_noise

GROUP = "line"
GROUP_SIZES = _curves.SIZES
NOISE = 0.2

regions = _two_noises.regions


def name(n_train: int, noise: float = NOISE, quiet_share: float = _two_noises.QUIET_SHARE) -> str:
    """`noisy_labels-n-200`; `noisy_labels-noise-0.05-quiet-0.1-n-200` where noise and share are not 0.2 and 0.5."""
    return _two_noises.sized_name("noisy_labels", n_train, (noise, NOISE), quiet_share)


def generate(
    noise: Annotated[float, Field(gt=0, le=0.25)] = NOISE,
    n_train: Count = 100,
    quiet_share: ProperShare = _two_noises.QUIET_SHARE,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The labels, each seed its own points and one test set for all, at the same inputs whatever the options.

    noise: a factor of the share of wrong labels, above 0, at most 0.25; quiet_share: of training and validation inputs,
    those in (-3, -1); n_*: points (a seed). Raises ValueError otherwise.
    """

    def targets(x: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        return ((np.sin(2 * x) > 0) ^ (uniform < share_wrong(x, noise))).astype(np.int64)

    arrays = _two_noises.nested_pool(
        "noisy_labels", targets, quiet_share, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )
    return DataSet(name=name(n_train, noise, quiet_share), **arrays, n_classes=2, standardise=True)


def shape(n_train: int, n_validation: int, n_test: int) -> Shape:
    """Inputs of one feature, two classes."""
    return Shape((1,), 2, n_train, n_validation, n_test)


def share_wrong(x: np.ndarray, noise: float = NOISE) -> np.ndarray:
    """Probability (n,) that the label at x (n, 1) or (n,) is not that of the class there."""
    check_noise(noise)
    if noise > 0.25:
        raise ValueError(f"noise is {noise:g}; give at most 0.25, or half of the labels would be wrong somewhere")
    return noise * (1 + 0.9 * np.sin(_curves.as_line(x)))


def bayes_proba(x: np.ndarray, noise: float = NOISE) -> np.ndarray:
    """The exact posterior p(y|x) (n, 2) at x (n, 1) or (n,)."""
    wrong = share_wrong(x, noise)
    one = np.where(np.sin(2 * _curves.as_line(x)) > 0, 1 - wrong, wrong)
    return np.stack([1 - one, one], axis=1)
