"""The scikit-learn face of the suite: the same priors, joint and methods, for one data set at a time."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from bnnbench import hyperpriors, metrics, networks, priors
from bnnbench.base.standardise import Standardiser, Unscaled, resolutions
from bnnbench.inference import make
from bnnbench.model.joint import LogJoint, Model
from bnnbench.model.streams import Streams
from bnnbench.prediction.trained import TrainedCell


class BNNClassifier(ClassifierMixin, BaseEstimator):
    """Bayesian multi-layer perceptron for classification of tabular data.

    Parameters
    ----------
    hidden: widths of the hidden layers (default (5, 5)), a number for one layer, or () for none
    prior: "normal", "laplace", "cauchy", "flat" or "scale_mixture"
    hyperprior: "fixed", or a density over each parameter tensor's scale: "half_normal", "half_cauchy", "inverse_gamma",
        or one for the whole network: "shared_half_normal"
    prior_scale: the scale where `hyperprior` is "fixed" (default 1.0); "flat" has a scale of its own
    inference: "map" or "mean_field", or another method of the suite that takes dense networks
    settings: the method's own settings, such as {"steps": 5000}; its defaults otherwise
    activation: "tanh" or "relu"
    n_draws: posterior draws behind `predict_proba` (default 100)
    standardize: subtract the training mean and divide by the training sd of each feature (default True). Features that
        do not vary in training but for rounding are left out, with a warning
    random_state: a whole number, a NumPy RandomState or Generator to draw one from, or None for NumPy's global one

    Attributes
    ----------
    classes_, n_features_in_, `feature_names_in_` (of a DataFrame), `trained_` (a TrainedCell), `objective_trace_` (the
    ELBO or log joint, in nats), `n_iter_` (steps)

    `fit` raises ValueError for a parameter that makes no sense, with what is allowed, and for a fit that diverges; one
    that fails leaves the estimator as it was before.
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
        with _restored_on_failure(self):
            return self._fit(X, y)

    def _fit(self, X, y):
        method, model, hidden = self._method(), self._model(), _widths(self.hidden)
        _whole("n_draws", self.n_draws)  # refused here, not only where it is needed
        table, (X, y) = X, validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("BNNClassifier needs at least two classes in y, got one class")
        options = {"kind": "mlp", "hidden": hidden, "activation": self.activation}
        network = networks.make(options, (X.shape[1],), len(self.classes_))
        if reason := method.skip(network, model):
            raise ValueError(f"inference '{self.inference}' cannot be used here: {reason}")
        self._scaled = self._scaler(table, X)
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
        draws = self.trained_.sample_proba(x, _whole("n_draws", n_draws))
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
            index=X.index if isinstance(X, pd.DataFrame) else None,
        )

    def _method(self):
        if self.settings is not None and not isinstance(self.settings, Mapping):
            raise ValueError(f"settings must be a dictionary of the method's settings, or None, got {self.settings!r}")
        return make(_name("inference", self.inference), dict(self.settings or {}))

    def _model(self) -> Model:
        family, hyperprior = priors.make(_name("prior", self.prior)), _name("hyperprior", self.hyperprior)
        scale = self.prior_scale
        if not 0 < _single(scale) < np.inf:
            raise ValueError(f"prior_scale must be positive and within single precision, 1e-45 to 3e38, got {scale!r}")
        if hyperprior == "fixed":
            if family.fixed_scale is not None and scale != 1:
                raise ValueError(
                    f"prior '{self.prior}' has the fixed scale {family.fixed_scale:g}, so prior_scale={scale!r} would "
                    "have no effect: leave it at 1.0"
                )
            return Model(family, float(scale))
        learned = hyperpriors.make(hyperprior)
        if family.fixed_scale is not None:
            raise ValueError(f"prior '{self.prior}' has no scale to learn: use hyperprior='fixed'")
        if scale != 1:
            raise ValueError(
                f"hyperprior='{hyperprior}' learns the scale, so prior_scale={scale!r} would have no effect: leave it "
                "at 1.0, or use hyperprior='fixed'"
            )
        return Model(family, hyperprior=learned)

    def _each_draw(self, x: np.ndarray) -> Iterator[tuple[int, slice, np.ndarray]]:
        """Number of the draw, rows, and their class probabilities, which sum to 1 in double precision."""
        for s, rows, proba in self.trained_.each_draw(x, _whole("n_draws", self.n_draws)):
            yield s, rows, proba / proba.sum(1, keepdims=True)

    def _checked(self, X) -> np.ndarray:
        """New rows as the network sees them."""
        check_is_fitted(self, "trained_")
        return self._scaled(validate_data(self, X, dtype=np.float64, reset=False))

    def _scaler(self, table, X: np.ndarray) -> Standardiser | Unscaled:
        """What brings rows in the units of the training rows X; `table` is X as the user gave it."""
        if not isinstance(self.standardize, bool | np.bool_):
            raise ValueError(f"standardize must be True or False, got {self.standardize!r}")
        scaler = Standardiser.of(X, resolutions(table, X.shape[1])) if self.standardize else Unscaled.of(X)
        names = getattr(self, "feature_names_in_", np.arange(X.shape[1]))
        for remark, features in scaler.remarks().items():
            if features.any():
                shown = ", ".join(map(repr, names[features].tolist()))
                warnings.warn(f"{remark}: {shown}", stacklevel=4)  # where fit was called
        return scaler


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


def _is(value, kind: type) -> bool:
    """Whether a parameter is a number of this kind; True and False are none."""
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def _whole(parameter: str, value) -> int:
    if not _is(value, Integral) or value < 1:
        raise ValueError(f"{parameter} must be a whole number of at least 1, got {value!r}")
    return int(value)


def _name(parameter: str, value) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{parameter} must be a name, got {value!r}")
    return value


def _widths(hidden) -> tuple[int, ...]:
    widths = [hidden] if _is(hidden, Integral) else hidden
    if not isinstance(widths, list | tuple | np.ndarray) or not all(_is(w, Integral) and w >= 1 for w in widths):
        raise ValueError(
            f"hidden must be the widths of the hidden layers, whole numbers from 1 on, such as (5, 5), got {hidden!r}"
        )
    return tuple(int(width) for width in widths)


def _single(value) -> float:
    """A number in single precision; NaN for what is none."""
    try:
        with np.errstate(over="ignore"):
            return float(np.float32(float(value))) if _is(value, Real) else np.nan
    except OverflowError:
        return np.inf


def _seed(random_state) -> int:
    if random_state is None or random_state is np.random:
        random_state = np.random.mtrand._rand
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if not _is(random_state, Integral):
        raise ValueError(
            "random_state must be a whole number, a NumPy RandomState or Generator, or None for NumPy's global one, "
            f"got {random_state!r}"
        )
    return int(random_state)
