"""A class for each pixel under the softmax of its outputs; pixels are independent given these."""

from dataclasses import dataclass
from typing import Literal

from bnnbench.likelihoods._base import Likelihood
from bnnbench.likelihoods._pixels import log_likelihood, with_weights
from bnnbench.likelihoods.categorical import Categorical

Weights = Literal["none", "median_frequency"]


@dataclass(frozen=True)
class Pixels(Categorical):
    """p(y = c) = softmax(outputs)_c of each pixel; void pixels have no part in it.

    Outputs are (cells, classes, points, rows, columns), targets (cells, points, rows, columns). With `class_weights`
    "median_frequency" each pixel counts by its class's weight (Eigen & Fergus 2015), which makes rare classes as
    important as frequent ones: an objective, and no density.
    """

    class_weights: Weights = "none"

    task = "segmentation"
    pymc = Likelihood.pymc

    @property
    def is_density(self):
        return self.class_weights == "none"

    def target(self, y):
        return y.int() if self.is_density else with_weights(y)

    def log_prob(self, outputs, y, own):
        return log_likelihood(self.log_proba(outputs), y)

    def curvature_root(self, outputs, own):
        return super().curvature_root(outputs.flatten(2), own)

    def functions(self, outputs, own):
        return super().functions(outputs.flatten(2), own)

    @property
    def summary(self):
        from bnnbench.likelihoods._pixel_summary import PixelSummary

        return PixelSummary(self)


LIKELIHOOD = Pixels
