"""What the estimators share: settings to a model, rows to a network's inputs, training, and what a failure leaves."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from bnnbench import networks
from bnnbench.base.progress import SILENT
from bnnbench.base.standardise import Standardiser, Unscaled, resolutions
from bnnbench.estimators import _parameters as parameters
from bnnbench.estimators._starts import Printed, Problem, best_of, names_of
from bnnbench.inference import Method
from bnnbench.likelihoods import Likelihood
from bnnbench.model.prior import Model
from bnnbench.networks import Network
from bnnbench.prediction.trained import TrainedCell


class BNNEstimator(BaseEstimator):
    """A Bayesian multi-layer perceptron on the columns of a table. A subclass has the parameters and its targets."""

    _task: ClassVar[str]
    _defaults: ClassVar[dict[str, dict]] = {}
    """Settings by method, in the place of the method's own defaults."""

    def fit(self, X, y):
        """Train on X (n, features) and targets y (n,); returns self."""
        with _restored_on_failure(self):
            return self._fit(X, y)

    def _fit(self, X, y):
        method = parameters.method(self.inference, self.settings, self._defaults)
        model = parameters.model(self.prior, self.hyperprior, self.prior_scale)
        likelihood = parameters.likelihood(self.likelihood, self._task)
        hidden, n_starts = parameters.widths(self.hidden), parameters.whole("n_restarts", self.n_restarts)
        parameters.whole("n_draws", self.n_draws)  # refused here, not only where it is needed
        progress = Printed(type(self).__name__) if parameters.verbosity(self.verbose) else SILENT
        table, (X, y) = X, self._validated(X, y)
        targets, n_targets = self._targets(y)
        options = {"kind": "mlp", "hidden": hidden, "activation": self.activation}
        network = networks.make(options, (X.shape[1],), likelihood.n_outputs(n_targets))
        method = self._suited(method, network, model, likelihood)
        self._scaled = self._scaler(table, X)
        problem = Problem(network, model, likelihood, torch.from_numpy(self._scaled(X)), torch.from_numpy(targets))
        kept = best_of(problem, method, names_of(parameters.seed(self.random_state), n_starts), progress)
        self.trained_ = TrainedCell(network, kept.posterior, kept.name)
        self.objective_trace_, self.start_objectives_, self.n_iter_ = kept.trace, kept.objectives, kept.steps
        self.log_evidence_ = kept.log_evidence
        return self

    def _validated(self, X, y) -> tuple[np.ndarray, np.ndarray]:
        """X as float64 (n, features) and y (n,); ValueError where they are not such."""
        raise NotImplementedError

    def _targets(self, y: np.ndarray) -> tuple[np.ndarray, int]:
        """Targets (n,) as a likelihood reads them, and the number of classes or columns."""
        raise NotImplementedError

    def _suited(self, method: Method, network: Network, model: Model, likelihood: Likelihood) -> Method:
        """The method; ValueError where it has no meaning for this model."""
        if reason := method.unsuited(network, model, likelihood):
            raise ValueError(f"inference '{self.inference}' cannot be used here: {reason}")
        return method

    def _checked(self, X) -> np.ndarray:
        """New rows as the network sees them."""
        check_is_fitted(self, "trained_")
        return self._scaled(validate_data(self, X, dtype=np.float64, reset=False))

    def _scaler(self, table, X: np.ndarray) -> Standardiser | Unscaled:
        """What brings rows in the units of the training rows X; `table` is X as the user gave it."""
        standardize = parameters.flag("standardize", self.standardize)
        scaler = Standardiser.of(X, resolutions(table, X.shape[1])) if standardize else Unscaled.of(X)
        names = getattr(self, "feature_names_in_", np.arange(X.shape[1]))
        for remark, features in scaler.remarks().items():
            if features.any():
                shown = ", ".join(map(repr, names[features].tolist()))
                warnings.warn(f"{remark}: {shown}", stacklevel=4)  # where fit was called
        return scaler


def index_of(X) -> pd.Index | None:
    """The index of rows that are a DataFrame's."""
    return X.index if isinstance(X, pd.DataFrame) else None


@contextmanager
def _restored_on_failure(estimator) -> Iterator[None]:
    """Leave an estimator with the attributes that it had, where what follows raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
