"""Classification of the rows of a table."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from bnnbench import metrics
from bnnbench.estimators._base import BNNEstimator, index_of
from bnnbench.estimators._parameters import whole


class BNNClassifier(ClassifierMixin, BNNEstimator):
    """Bayesian multi-layer perceptron for classification of tabular data.

    Parameters
    ----------
    hidden: widths of the hidden layers (default (5, 5)), a number for one layer, or () for none
    prior: "normal", "laplace", "cauchy", "flat" or "scale_mixture"
    hyperprior: "fixed", or a density over each parameter tensor's scale: "half_normal", "half_cauchy", "inverse_gamma",
        or one for the whole network: "shared_half_normal"
    prior_scale: the scale where `hyperprior` is "fixed" (default 1.0); "flat" has a scale of its own
    inference: "map" or "mean_field" (default), or another method of the suite that takes dense networks
    settings: the method's own settings, such as {"steps": 5000}; its defaults otherwise, of mean_field 2,400 steps
    activation: "tanh" or "relu"
    n_draws: posterior draws behind `predict_proba` (default 100)
    standardize: subtract the training mean and divide by the training sd of each feature (default True). Features that
        do not vary in training but for rounding are left out, with a warning
    random_state: a whole number, a NumPy RandomState or Generator to draw one from, or None for NumPy's global one
    likelihood: "categorical" (default), or "logit_noise", whose logits have noise that depends on the input (Kendall &
        Gal 2017, section 3.3)
    n_restarts: initial values to train from, in one stack (default 1); what ends with the highest objective (ELBO, or
        log joint) is kept. The first is that of n_restarts=1
    verbose: 1 prints how far the training is; 0 (default) nothing

    Attributes
    ----------
    classes_, n_features_in_, `feature_names_in_` (of a DataFrame), `trained_` (a TrainedCell, which takes features in
    training units), `objective_trace_` (the ELBO or log joint, in nats, of the start that was kept; None where the
    method has none), `start_objectives_` (n_restarts,: where each start's ended), `n_iter_` (steps),
    `log_evidence_` (log marginal likelihood of the training labels, in nats, by `inference="smc"`, and by Laplace's
    method of one mode alone by "laplace_approximation"; None where the method estimates none)

    `fit` raises ValueError for a parameter that makes no sense, with what is allowed, and for a fit that diverges; one
    that fails leaves the estimator as it was before. X may be an array or a DataFrame; results are arrays, save
    `uncertainty`.
    """

    _task = "classification"
    _defaults = {"mean_field": {"steps": 2400}}

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
        likelihood="categorical",
        n_restarts=1,
        verbose=0,
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
        self.likelihood = likelihood
        self.n_restarts = n_restarts
        self.verbose = verbose

    def _validated(self, X, y):
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        return X, y

    def _targets(self, y):
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("BNNClassifier needs at least two classes in y, got one class")
        return codes.astype(np.int64), len(self.classes_)

    def predict_proba(self, X):
        """Class probabilities (n, classes), in the order of `classes_`; the mean over `n_draws` posterior draws."""
        x = self._checked(X)
        total, count = np.zeros((len(x), len(self.classes_))), 0
        for s, rows, proba in self._each_draw(x):
            total[rows] += proba
            count = s + 1
        return total / count

    def predict(self, X):
        """The most probable class of each row, (n,)."""
        codes = self.predict_proba(X).argmax(1)
        return self.classes_[codes]

    def sample_proba(self, X, n_draws=100):
        """Class probabilities of single posterior draws, (n_draws, n, classes)."""
        x = self._checked(X)
        draws = self.trained_.sample_proba(x, whole("n_draws", n_draws))
        return draws / draws.sum(-1, keepdims=True)

    def uncertainty(self, X):
        """A DataFrame with one row for each row of X, and X's index where it is a DataFrame.

        Columns: predicted class, its probability, entropies and mutual information in nats, total variance, expected
        error rate and chi-square (arg-max votes).
        """
        x = self._checked(X)
        shape, count = (len(x), len(self.classes_)), 0
        mean, squares, votes, entropy = np.zeros(shape), np.zeros(shape), np.zeros(shape, int), np.zeros(len(x))
        for s, rows, proba in self._each_draw(x):
            count, deviation = s + 1, proba - mean[rows]
            mean[rows] += deviation / count
            squares[rows] += deviation * (proba - mean[rows])
            entropy[rows] += metrics.predictive_entropy(proba)
            votes[rows] += proba.argmax(1)[:, None] == np.arange(shape[1])
        votes *= self.n_draws // count  # all draws of a point estimate are the one that was taken
        predictive, expected = metrics.predictive_entropy(mean), entropy / count
        return pd.DataFrame(
            {
                "prediction": self.classes_[mean.argmax(1)],
                "max_probability": mean.max(1),
                "predictive_entropy": predictive,
                "expected_entropy": expected,
                "mutual_information": np.maximum(predictive - expected, 0.0),
                "total_variance": squares.sum(1) / count,
                "expected_error_rate": metrics.expected_error_rate(votes),
                "chi_square": metrics.chi_square(votes),
            },
            index=index_of(X),
        )

    def _each_draw(self, x: np.ndarray) -> Iterator[tuple[int, slice, np.ndarray]]:
        """Number of the draw, rows, and their class probabilities, which sum to 1 in double precision."""
        for s, rows, proba in self.trained_.each_draw(x, whole("n_draws", self.n_draws)):
            yield s, rows, proba / proba.sum(1, keepdims=True)
