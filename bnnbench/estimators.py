"""The scikit-learn face of the suite: the same priors, joint and methods, for one data set at a time."""

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from bnnbench import hyperpriors, metrics, networks, priors
from bnnbench.inference import make
from bnnbench.joint import LogJoint, Model
from bnnbench.streams import Streams
from bnnbench.trained import TrainedCell


class BNNClassifier(ClassifierMixin, BaseEstimator):
    """Bayesian multi-layer perceptron for classification of tabular data.

    Parameters
    ----------
    hidden: widths of the hidden layers (default (5, 5))
    prior: "normal", "laplace", "cauchy", "flat" or "scale_mixture"
    hyperprior: "fixed", or a density over each parameter tensor's scale: "half_normal", "half_cauchy", "inverse_gamma",
        or one for the whole network: "shared_half_normal"
    prior_scale: the scale where `hyperprior` is "fixed" (default 1.0)
    inference: "map" or "mean_field", or another method of the suite that takes dense networks
    settings: the method's own settings, such as {"steps": 5000}; its defaults otherwise
    activation: "tanh" or "relu"
    n_draws: posterior draws behind `predict_proba` (default 100)
    standardize: subtract the training mean and divide by the training sd of each feature (default True)
    random_state: a number, or a RandomState to draw one from

    Attributes
    ----------
    classes_, n_features_in_, `trained_` (a TrainedCell), `objective_trace_` (the ELBO or log joint, in nats)

    Raises ValueError for unknown names or settings, with the known ones, and for a fit that diverges.
    """

    def __init__(
        self,
        hidden=(5, 5),
        prior="normal",
        hyperprior="fixed",
        prior_scale=1.0,
        inference="mean_field",
        settings=None,
        activation="tanh",
        n_draws=100,
        standardize=True,
        random_state=0,
    ):
        self.hidden = hidden
        self.prior = prior
        self.hyperprior = hyperprior
        self.prior_scale = prior_scale
        self.inference = inference
        self.settings = settings
        self.activation = activation
        self.n_draws = n_draws
        self.standardize = standardize
        self.random_state = random_state

    def fit(self, X, y):
        """Train on X (n, features) and labels y (n,); returns self."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("BNNClassifier needs at least two classes in y, got one class")
        self._centre = X.mean(0) if self.standardize else np.zeros(X.shape[1])
        spread = X.std(0) if self.standardize else np.ones(X.shape[1])
        self._spread = np.where(spread > 0, spread, 1.0)
        method, model = make(self.inference, self.settings or {}), self._model()
        options = {"kind": "mlp", "hidden": list(self.hidden), "activation": self.activation}
        network = networks.make(options, (X.shape[1],), len(self.classes_))
        if reason := method.skip(network, model):
            raise ValueError(f"inference '{self.inference}' cannot be used here: {reason}")
        name = f"estimator-{_seed(self.random_state)}"
        x = torch.from_numpy(self._scaled(X))[None]
        joint = LogJoint(network, [model], x, torch.from_numpy(codes)[None].long(), torch.zeros(1, dtype=torch.long))
        fit = method.fit(joint, Streams([name], [name]))
        if not all(torch.isfinite(a).all() for a in fit.posterior.arrays.values()):
            raise ValueError("training diverged: standardize the inputs, or give settings a smaller learning_rate")
        self.trained_ = TrainedCell(network, fit.posterior, name)
        self.objective_trace_ = None if fit.trace is None else fit.trace[0]
        self.n_iter_ = fit.steps
        return self

    def predict_proba(self, X):
        """Class probabilities (n, classes), in the order of `classes_`."""
        return self.sample_proba(X, self.n_draws).mean(0)

    def predict(self, X):
        """The most probable class of each row, (n,)."""
        codes = self.predict_proba(X).argmax(1)
        return self.classes_[codes]

    def sample_proba(self, X, n_draws=100):
        """Class probabilities of single posterior draws, (n_draws, n, classes)."""
        check_is_fitted(self, "trained_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        draws = self.trained_.sample_proba(self._scaled(X), n_draws)
        return draws / draws.sum(-1, keepdims=True)

    def uncertainty(self, X):
        """One row for each row of X: predicted class, its probability, entropies and mutual information in nats, total
        variance, expected error rate and chi-square (arg-max votes)."""
        draws = self.sample_proba(X, self.n_draws)
        mean = draws.mean(0)
        votes = metrics.votes(draws, kind="argmax")
        return pd.DataFrame(
            {
                "prediction": self.classes_[mean.argmax(1)],
                "max_probability": mean.max(1),
                "predictive_entropy": metrics.predictive_entropy(mean),
                "expected_entropy": metrics.expected_entropy(draws),
                "mutual_information": metrics.mutual_information(draws),
                "total_variance": metrics.total_variance(draws),
                "expected_error_rate": metrics.expected_error_rate(votes),
                "chi_square": metrics.chi_square(votes),
            }
        )

    def _model(self) -> Model:
        family = priors.make(self.prior)
        if self.hyperprior == "fixed":
            if not self.prior_scale > 0:
                raise ValueError(f"prior_scale must be positive, got {self.prior_scale}")
            return Model(family, float(self.prior_scale))
        if family.fixed_scale is not None:
            raise ValueError(f"prior '{self.prior}' has no scale to learn: use hyperprior='fixed'")
        return Model(family, hyperprior=hyperpriors.make(self.hyperprior))

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._centre) / self._spread).astype(np.float32)


def _seed(random_state) -> int:
    if random_state is None or hasattr(random_state, "randint"):
        rng = random_state or np.random.mtrand._rand
        return int(rng.randint(2**31))
    return int(random_state)
