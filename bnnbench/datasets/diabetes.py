"""Diabetes: the progression of the disease within a year, of 442 patients with ten measurements each; no download.

Efron et al. (2004), Least angle regression; scikit-learn carries it with it.
"""

from collections.abc import Iterable

import numpy as np

from bnnbench.datasets import _splits, _tables
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._check import check_seeds

TASK = "regression"
CONTROLS = _tables.CONTROLS
N = 442
N_TEST = round(_splits.TEST_SHARE * N)


def generate(seeds: Iterable[int] = range(5)) -> DataSet:
    """Inputs (442, 10) in the units of the source, the target 25 to 346; each seed tests on a fifth of its own."""
    from sklearn.datasets import load_diabetes

    table = load_diabetes(scaled=False)
    seeds = check_seeds("diabetes", seeds).tolist()
    parts = {seed: _splits.drawn("diabetes", seed, N) for seed in seeds}
    return _tables.of_parts("diabetes", table.data, table.target.astype(np.float32), parts, n_classes=1, task=TASK)


def shape() -> Shape:
    """Ten features, one column of targets."""
    n_validation = _tables.n_validation_of(N - N_TEST)
    return Shape((10,), 1, N - N_TEST - n_validation, n_validation, N_TEST)
