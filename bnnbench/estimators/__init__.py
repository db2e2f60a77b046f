"""The scikit-learn face of the suite: the same priors, joint and methods, for one data set at a time."""

from bnnbench.estimators.classifier import BNNClassifier
from bnnbench.estimators.regressor import BNNRegressor

__all__ = ["BNNClassifier", "BNNRegressor"]
