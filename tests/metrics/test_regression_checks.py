"""Malformed mixtures and targets are refused with a message that names the argument and the remedy."""

import numpy as np
import pytest

from bnnbench import metrics
from bnnbench.metrics import Mixture
from bnnbench.metrics.regression import fidelity

GOOD = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((GOOD * np.nan, 1.0), "location holds NaN or infinity; drop"),
        ((GOOD, np.inf), "scale holds NaN or infinity"),
        ((GOOD, 0.0), "scale must be positive, the smallest is 0"),
        ((GOOD, np.ones((4, 3))), r"scale must broadcast to the shape \(3, 4\).*one a point \(n, 1\)"),
        ((GOOD, np.ones(3)), "scale must broadcast"),
        ((GOOD[0], 1.0), r"location must be a non-empty array of shape \(n, S\).*of_one"),
        ((GOOD[:0], 1.0), "location must be a non-empty"),
        ((GOOD.astype(str), 1.0), "location must hold real numbers"),
        ((GOOD, 1.0, 0.0), "df must be a positive number, got 0.0; leave it out"),
        ((GOOD, 1.0, np.nan), "df must be a positive number"),
    ],
)
def test_malformed_mixtures_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Mixture(*arguments)


def test_malformed_targets_and_comparisons_are_refused():
    mixture = Mixture(GOOD, 1.0)
    for y, message in (([0, np.nan, 0], "y holds NaN"), ([0, 1], r"y must have shape \(3,\), got \(2,\)")):
        for function in (metrics.root_mean_squared_error, metrics.interval_score, metrics.pit, metrics.evaluate):
            with pytest.raises(ValueError, match=message):
                function(mixture, y)
    with pytest.raises(ValueError, match="y holds NaN or infinity"):
        mixture.log_density([0, np.inf, 0])
    with pytest.raises(ValueError, match="levels must lie between 0 and 1, found 5 to 50; divide per cent"):
        mixture.quantile([5, 50])
    with pytest.raises(ValueError, match="ideal has 2 points but the mixture 3"):
        metrics.evaluate(mixture, np.zeros(3), Mixture(GOOD[:2], 1.0))
    with pytest.raises(ValueError, match="reference is a ndarray; give a Mixture"):
        fidelity.total_variation(mixture, GOOD)
    with pytest.raises(ValueError, match="ask for at least one bin"):
        metrics.pit_histogram(mixture, np.zeros(3), bins=0)
