"""Regression on the rows of a table."""

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from bnnbench.base.philox import generator
from bnnbench.base.standardise import Units
from bnnbench.estimators._base import BNNEstimator, index_of
from bnnbench.estimators._parameters import share, whole
from bnnbench.metrics import Mixture

AT_A_TIME = 1_000_000
"""Draws times rows that are held at a time, so that memory does not grow with the rows: 8 MB an array."""


class BNNRegressor(RegressorMixin, BNNEstimator):
    """Bayesian multi-layer perceptron for regression of one target on tabular data.

    What it predicts is a distribution: the equal-weight mixture of the likelihood over `n_draws` posterior draws. The
    spread of a draw's likelihood is aleatoric, that of the draws' locations epistemic (Kendall & Gal 2017).

    Parameters
    ----------
    hidden: widths of the hidden layers (default (32,)), a number for one layer, or () for none
    prior: "normal", "laplace", "cauchy", "flat" or "scale_mixture"
    hyperprior: a density over each parameter tensor's scale: "half_normal" (default), "half_cauchy", "inverse_gamma",
        or one for the whole network: "shared_half_normal"; or "fixed"
    prior_scale: the scale where `hyperprior` is "fixed" (default 1.0); "flat" has a scale of its own
    likelihood: "gaussian" (default; noise of one sd, which is inferred), "student_t" (4 degrees of freedom, for
        outliers), "gaussian_heteroscedastic" (noise that depends on the input: Nix & Weigend 1994) or
        "beta_gaussian_heteroscedastic" (the same with points weighted by the sd: Seitzer et al. 2022; an objective, so
        for `inference` by "map", "ensemble" and the like)
    inference: "mean_field" (default), or another method of the suite that takes dense networks
    settings: the method's own settings, such as {"steps": 5000}; its defaults otherwise, of mean_field 1,500 steps at a
        learning rate of 0.05 with local reparameterisation (Kingma et al. 2015)
    activation: "tanh" or "relu"
    n_draws: posterior draws behind predictions (default 100)
    standardize: subtract the training mean and divide by the training sd of each feature (default True). Features that
        do not vary in training but for rounding are left out, with a warning
    random_state: a whole number, a NumPy RandomState or Generator to draw one from, or None for NumPy's global one
    n_restarts: initial values to train from, in one stack (default 1); what ends with the highest objective (ELBO, or
        log joint) is kept. The first is that of n_restarts=1
    verbose: 1 prints how far the training is; 0 (default) nothing

    Attributes
    ----------
    n_features_in_, `feature_names_in_` (of a DataFrame), `trained_` (a TrainedCell, which takes features and gives
    targets in training units), `objective_trace_` (the ELBO or log joint, in nats, of the start that was kept; None
    where the method has none), `start_objectives_` (n_restarts,: where each start's ended), `n_iter_` (steps),
    `log_evidence_` (log marginal likelihood of the scaled training targets, in nats, by `inference="smc"`, and by
    Laplace's method of one mode alone by "laplace_approximation"; None where the method estimates none)

    The target is scaled to mean 0 and sd 1 for training, whatever `standardize` says; results are in its own units. Of
    a target that does not vary but for rounding the prediction is its value, without spread, and a warning says so.

    `fit` raises ValueError for a parameter that makes no sense, with what is allowed, for more than one target, and for
    a fit that diverges; one that fails leaves the estimator as it was before. X may be an array or a DataFrame, y an
    array or a Series; results are arrays, save `uncertainty`.
    """

    _task = "regression"
    _defaults = {"mean_field": {"steps": 1500, "learning_rate": 0.05, "estimator": "local"}}

    def __init__(
        self,
        hidden=(32,),
        prior="normal",
        hyperprior="half_normal",
        prior_scale=1.0,
        likelihood="gaussian",
        inference="mean_field",
        settings=None,
        activation="tanh",
        n_draws=100,
        standardize=True,
        random_state=0,
        n_restarts=1,
        verbose=0,
    ):
        self.hidden = hidden
        self.prior = prior
        self.hyperprior = hyperprior
        self.prior_scale = prior_scale
        self.likelihood = likelihood
        self.inference = inference
        self.settings = settings
        self.activation = activation
        self.n_draws = n_draws
        self.standardize = standardize
        self.random_state = random_state
        self.n_restarts = n_restarts
        self.verbose = verbose

    def _validated(self, X, y):
        shape = np.asarray(y).shape
        if len(shape) == 2 and shape[1] > 1:
            raise ValueError(
                f"BNNRegressor predicts one target, and y has shape {shape}: fit one for each column, as "
                "sklearn.multioutput.MultiOutputRegressor does"
            )
        return validate_data(self, X, y, dtype=np.float64, y_numeric=True)

    def _targets(self, y):
        self._units, standardised = Units.standardised(y)
        if not self._units.scale:
            remark = "y does not vary but for rounding: predictions are its value, without spread"
            warnings.warn(remark, stacklevel=4)  # where fit was called
        return standardised, 1

    def predict(self, X, return_std=False):
        """The predictive mean of each row, (n,); with `return_std` also the predictive sd, (n,), noise included."""
        table = self._moments(self._checked(X))
        return (table["prediction"], table["total_sd"]) if return_std else table["prediction"]

    def predict_interval(self, X, coverage=0.9):
        """Lower and upper end, (n, 2), of the interval that the target of each row lies in with that probability.

        The ends are quantiles of the predictive distribution, noise included: (1 - coverage) / 2 lies beyond each.
        """
        x, tail = self._checked(X), (1 - share("coverage", coverage)) / 2
        ends = np.empty((len(x), 2))
        for rows, mixture in self._mixtures(x, self.n_draws):
            ends[rows] = mixture.quantile([tail, 1 - tail])
        return self._units.values(ends)

    def sample(self, X, n_draws=100):
        """Draws of the targets of all rows, (n_draws, n), noise included; the same for the same `random_state`.

        In each draw the rows have one draw of the posterior in common, so that their errors are correlated as the
        model has it.
        """
        x, n_draws = self._checked(X), whole("n_draws", n_draws)
        draws = self._noise((n_draws, len(x)))
        for rows, mixture in self._mixtures(x, n_draws):
            draws[:, rows] = mixture.location.T + mixture.scale.T * draws[:, rows]
        return self._units.values(draws)

    def uncertainty(self, X):
        """A DataFrame with one row for each row of X, and X's index where it is a DataFrame.

        Columns, in the target's units: prediction (the mean), aleatoric_sd (of the noise), epistemic_sd (of the mean
        over posterior draws) and total_sd; the square of the last is the sum of the other two's.
        """
        return pd.DataFrame(self._moments(self._checked(X)), index=index_of(X))

    def _moments(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of `uncertainty`, each (n,)."""
        mean, aleatoric, epistemic = np.empty((3, len(x)))
        for rows, mixture in self._mixtures(x, self.n_draws):
            mean[rows] = mixture.mean
            aleatoric[rows] = np.sqrt(mixture.aleatoric_variance)
            epistemic[rows] = np.sqrt(mixture.epistemic_variance)
        sds = {"aleatoric_sd": aleatoric, "epistemic_sd": epistemic, "total_sd": np.hypot(aleatoric, epistemic)}
        return {"prediction": self._units.values(mean)} | {name: self._units.scale * sd for name, sd in sds.items()}

    def _mixtures(self, x: np.ndarray, n_draws: int) -> Iterator[tuple[slice, Mixture]]:
        """Some rows at a time, and their predictive distribution in training units."""
        step = max(1, AT_A_TIME // whole("n_draws", n_draws))
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            yield rows, self.trained_.predictions(x[rows], n_draws)

    def _noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """Draws of the likelihood at location 0 and scale 1."""
        rng, df = generator(self.trained_.name, "targets"), self.trained_.likelihood.df
        return rng.standard_normal(shape) if df is None else rng.standard_t(df, shape)
