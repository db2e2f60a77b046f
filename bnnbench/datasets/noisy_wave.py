"""A sine with much noise on the right and little on the left, in training sets of growing size, of which a smaller one
is part of a larger one: y = sin(2x) + noise · exp(sin x) e, e ~ N(0, 1).

Inputs are uniform in (-3, -1) and in (1, 3), with a gap between. The sd of the noise is 0.37 to 0.87 times `noise` on
the left and 1.15 to 2.72 times it on the right. `quiet_share` of the training inputs are on the left: what is not
known of the curve goes as the noise over the root of the inputs' density, so that under even inputs it is large where
the noise is; with few inputs where there is little noise the two are told apart more easily.
"""

from collections.abc import Iterable

import numpy as np
from scipy.special import ndtri

from bnnbench.base.settings import Count, Positive, ProperShare, WholeNumber
from bnnbench.datasets import _curves, _two_noises
from bnnbench.datasets._base import DataSet
from bnnbench.datasets._bayes import check_noise

TASK = "regression"
GROUP = _curves.GROUP
GROUP_SIZES = _curves.SIZES
NOISE = 0.2

shape = _curves.curve_shape
regions = _two_noises.regions


def name(n_train: int, noise: float = NOISE, quiet_share: float = _two_noises.QUIET_SHARE) -> str:
    """`noisy_wave-n-200`; `noisy_wave-noise-0.8-quiet-0.1-n-200` where noise and share are not 0.2 and 0.5."""
    return _two_noises.sized_name("noisy_wave", n_train, (noise, NOISE), quiet_share)


def generate(
    noise: Positive = NOISE,
    n_train: Count = 100,
    quiet_share: ProperShare = _two_noises.QUIET_SHARE,
    n_validation: Count = 100,
    n_test: Count = 500,
    seeds: Iterable[int] = range(5),
    test_seed: WholeNumber = 0,
) -> DataSet:
    """The sine, each seed its own points and one test set for all, at the same inputs whatever the options.

    noise: a factor of its sd, > 0; quiet_share: of training and validation inputs, those in (-3, -1); n_*: points (a
    seed). Raises ValueError otherwise.
    """
    check_noise(noise)

    def targets(x: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        mean, sd = law(x, noise)
        e = ndtri(np.maximum(uniform, np.finfo(float).tiny))
        return (mean[:, 0] + sd[:, 0] * e).astype(np.float32)

    arrays = _two_noises.nested_pool(
        "noisy_wave", targets, quiet_share, n_train, n_validation, n_test, seeds=seeds, test_seed=test_seed
    )
    data = name(n_train, noise, quiet_share)
    return DataSet(name=data, **arrays, n_classes=1, task="regression", standardise=True)


def law(x: np.ndarray, noise: float = NOISE) -> _curves.Law:
    """Mean (n, 1) and sd (n, 1) of the Gaussian p(y|x) at x (n, 1) or (n,)."""
    check_noise(noise)
    x = _curves.as_line(x)
    return _curves.gaussian(np.sin(2 * x), noise * np.exp(np.sin(x)))
