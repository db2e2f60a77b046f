"""BNNRegressor as a scikit-learn user would have it."""

import io
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from bnnbench import BNNRegressor
from bnnbench.estimators._starts import names_of

QUICK = {"steps": 300}
SHORT = {"steps": 2}
LINE = {
    "hidden": (),
    "hyperprior": "fixed",
    "inference": "laplace_approximation",
    "settings": {"steps": 1500, "learning_rate": 0.05},
}


@pytest.mark.slow
@parametrize_with_checks(
    [
        BNNRegressor(hidden=5, inference="map", settings=QUICK, hyperprior="fixed", n_draws=2),
        BNNRegressor(hidden=5, settings=QUICK, n_draws=20, likelihood="gaussian_heteroscedastic"),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def line(n=400, noise=0.5, seed=0):
    """y = 2 x1 - x2 + 3 + noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, 2 * X[:, 0] - X[:, 1] + 3 + noise * rng.normal(size=n)


@pytest.fixture(scope="module")
def data():
    return line()


@pytest.fixture(scope="module")
def fitted(data):
    return BNNRegressor(**LINE).fit(*data)


@pytest.fixture(scope="module")
def wave():
    """A sine on [-2, 2], known to 0.1."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-2, 2, 150)
    return x[:, None], np.sin(2 * x) + 0.1 * rng.normal(size=150)


def test_a_line_its_coefficients_and_its_noise_are_found(fitted, data):
    grid = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    at_zero, at_first, at_second = fitted.predict(grid)
    np.testing.assert_allclose([at_zero, at_first - at_zero, at_second - at_zero], [3, 2, -1], atol=0.12)
    np.testing.assert_allclose(fitted.uncertainty(grid).aleatoric_sd, 0.5, rtol=0.12)
    assert fitted.score(*line(seed=1)) > 0.9


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover_as_often_as_they_say(fitted, coverage):
    X, y = line(2000, seed=2)
    low, high = fitted.predict_interval(X, coverage).T
    assert abs(((low <= y) & (y <= high)).mean() - coverage) < 0.05
    inner = fitted.predict_interval(X, coverage / 2)
    assert (low < inner[:, 0]).all() and (inner[:, 1] < high).all()


def test_total_uncertainty_is_the_sum_of_its_parts(fitted, data):
    table = fitted.uncertainty(data[0])
    assert list(table) == ["prediction", "aleatoric_sd", "epistemic_sd", "total_sd"]
    np.testing.assert_allclose(table.total_sd**2, table.aleatoric_sd**2 + table.epistemic_sd**2)
    mean, sd = fitted.predict(data[0], return_std=True)
    assert np.array_equal(mean, table.prediction) and np.array_equal(sd, table.total_sd)
    assert np.array_equal(mean, fitted.predict(data[0]))


@pytest.mark.parametrize("likelihood", ["gaussian", "student_t"])
def test_samples_have_the_predictive_moments_and_come_again(data, likelihood):
    model = BNNRegressor(**LINE | {"likelihood": likelihood, "n_draws": 1000}).fit(*data)
    draws = model.sample(data[0][:50], 4000)
    mean, sd = model.predict(data[0][:50], return_std=True)
    assert draws.shape == (4000, 50)
    np.testing.assert_allclose(draws.mean(0), mean, atol=5 * sd.max() / np.sqrt(4000))
    np.testing.assert_allclose(draws.std(0).mean(), sd.mean(), rtol=0.05)
    assert np.array_equal(draws, model.sample(data[0][:50], 4000))


def test_rows_are_taken_in_parts_without_a_difference(fitted, data, monkeypatch):
    expected = fitted.uncertainty(data[0]), fitted.predict_interval(data[0]), fitted.sample(data[0], 10)
    monkeypatch.setattr("bnnbench.estimators.regressor.AT_A_TIME", 3000)
    found = fitted.uncertainty(data[0]), fitted.predict_interval(data[0]), fitted.sample(data[0], 10)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("a", "b"), [(1000.0, -7.0), (1e-3, 1e3), (1e150, 0.0), (1e-150, 0.0), (1e-300, 0.0)])
def test_the_unit_of_the_target_does_not_matter(fitted, data, a, b):
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch itself, where it is first imported
        model = clone(fitted).fit(X, a * y + b)
        (mean, sd), interval = model.predict(X, return_std=True), model.predict_interval(X)
        draws = model.sample(X, 5)
    plain_mean, plain_sd = fitted.predict(X, return_std=True)
    np.testing.assert_allclose((mean - b) / a, plain_mean, atol=1e-3)
    np.testing.assert_allclose(sd / a, plain_sd, atol=1e-3)
    np.testing.assert_allclose((interval - b) / a, fitted.predict_interval(X), atol=2e-3)
    np.testing.assert_allclose((draws - b) / a, fitted.sample(X, 5), atol=3e-3)


@pytest.mark.parametrize(
    ("likelihood", "inference"), [("gaussian_heteroscedastic", "mean_field"), ("beta_gaussian_heteroscedastic", "map")]
)
def test_noise_is_found_where_it_is(likelihood, inference):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 500)
    y = x + np.where(x > 0, 1.0, 0.1) * rng.normal(size=500)
    settings = {"steps": 1000, "learning_rate": 0.05}
    model = BNNRegressor(hidden=8, likelihood=likelihood, inference=inference, settings=settings)
    sd = model.fit(x[:, None], y).uncertainty([[-0.6], [0.6]]).aleatoric_sd
    assert sd[0] < 0.35 and 0.6 < sd[1] < 1.5


def test_uncertainty_grows_away_from_the_data(wave):
    model = BNNRegressor(hidden=16, activation="relu", settings={"steps": 1000}).fit(*wave)  # tanh saturates there
    assert model.score(*wave) > 0.9
    table = model.uncertainty([[0.0], [1.0], [6.0], [-6.0]])
    assert table.epistemic_sd[2:].min() > 2 * table.epistemic_sd[:2].max()


@pytest.mark.parametrize("inference", ["map", "mean_field"])
def test_the_best_of_the_starts_is_kept(wave, inference):
    model = BNNRegressor(hidden=4, inference=inference, settings=SHORT | {"steps": 60}, n_restarts=3).fit(*wave)
    ended, predicted = [], []
    for name in names_of(0, 3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bnnbench.estimators._base.names_of", lambda seed, n, name=name: [name])
            alone = clone(model).set_params(n_restarts=1).fit(*wave)
        ended.append(alone.objective_trace_[-1])
        predicted.append(alone.predict(wave[0]))
    best = int(np.argmax(ended))
    np.testing.assert_allclose(model.start_objectives_, ended, rtol=1e-4)
    assert model.objective_trace_[-1] == model.start_objectives_.max() and len(set(ended)) == 3
    np.testing.assert_allclose(model.predict(wave[0]), predicted[best], atol=1e-3)


def test_restarts_without_an_objective_keep_the_first_and_say_so(wave):
    model = BNNRegressor(hidden=4, inference="prior_only", n_restarts=3)
    with pytest.warns(UserWarning, match="n_restarts has no effect") as caught:
        model.fit(*wave)
    assert caught[0].filename == __file__ and model.start_objectives_ is None
    expected = clone(model).set_params(n_restarts=1).fit(*wave).predict(wave[0])
    np.testing.assert_array_equal(model.predict(wave[0]), expected)


def test_a_start_that_diverges_is_passed_over(wave, monkeypatch):
    from bnnbench.inference.map import Map

    original = Map.posterior

    def broken(self, prior, latents):
        latents = latents.clone()
        latents[:2] = torch.nan
        return original(self, prior, latents)

    monkeypatch.setattr(Map, "posterior", broken)
    model = BNNRegressor(hidden=4, inference="map", settings=SHORT, n_restarts=3).fit(*wave)
    assert model.trained_.name == names_of(0, 3)[2] and np.isfinite(model.predict(wave[0])).all()
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(n_restarts=2).fit(*wave)


def test_same_seed_same_model_and_other_seed_another(data):
    def predicted(seed):
        return BNNRegressor(hidden=4, settings=SHORT, random_state=seed).fit(*data).predict(data[0])

    assert np.array_equal(predicted(0), predicted(0)) and not np.allclose(predicted(0), predicted(1))
    assert np.array_equal(predicted(np.random.default_rng(3)), predicted(np.random.default_rng(3)))


def test_a_constant_target_is_predicted_without_spread(data):
    X = data[0]
    for y, value in ((np.full(400, 7.0), 7.0), (np.zeros(400), 0.0), (0.1 + 1e-17 * data[1], 0.1)):
        with pytest.warns(UserWarning, match="y does not vary") as caught:
            model = BNNRegressor(hidden=4, settings=SHORT).fit(X, y)
        assert caught[0].filename == __file__
        mean, sd = model.predict(X, return_std=True)
        np.testing.assert_allclose(mean, value, rtol=1e-15)
        assert (sd == 0).all() and np.allclose(model.predict_interval(X), value)
        assert np.allclose(model.sample(X, 3), value)


@pytest.mark.parametrize("kind", [np.float32, np.float16, int, "Int64", object, list])
def test_targets_of_every_type_and_a_column(data, kind):
    X, y = data[0], np.rint(3 * data[1])
    model = BNNRegressor(hidden=4, settings=SHORT)
    expected = model.fit(X, y).predict(X)
    given = y.tolist() if kind is list else pd.Series(y, index=np.arange(400)[::-1]).astype(kind)
    found = model.fit(X, given).predict(X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        np.testing.assert_allclose(model.fit(X, y[:, None]).predict(X), expected)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(400, np.nan), "NaN"),
        (np.r_[np.inf, np.ones(399)], "infinity"),
        (np.ones((400, 2)), r"BNNRegressor predicts one target, and y has shape \(400, 2\).*MultiOutputRegressor"),
        (np.ones(399), "inconsistent numbers of samples"),
        (np.array(["a", "b"] * 200), "could not convert string to float"),
        (None, "requires y to be passed"),
    ],
)
def test_targets_that_make_no_sense_are_refused(data, y, message):
    with pytest.raises(ValueError, match=message):
        BNNRegressor(settings=SHORT).fit(data[0], y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"likelihood": "gauss"}, "unknown likelihood 'gauss': .*known are .*gaussian"),
        (
            {"likelihood": "categorical"},
            "likelihood 'categorical' is of classification: known for regression",
        ),
        ({"likelihood": None}, "likelihood must be a name, got None"),
        *[({"n_restarts": value}, "n_restarts must be a whole number of at least 1") for value in (0, 2.5, None, True)],
        *[({"verbose": value}, "verbose must be 0") for value in (-1, "yes", None, 0.5)],
        *[({"n_draws": value}, "n_draws must be a whole number") for value in (0, 2.5, True)],
        ({"hyperprior": "half_normal", "prior_scale": 2.0}, "'half_normal' learns the scale"),
        ({"hidden": 0}, "hidden must be the widths"),
        ({"standardize": 1}, "standardize must be True or False"),
        ({"settings": {"stepz": 3}}, "no setting 'stepz'"),
        ({"settings": {"steps": 200, "learning_rate": 1e30}}, "diverged"),
        ({"inference": "mle"}, "inference 'mle' cannot be used here"),
    ],
)
def test_mistakes_are_named_and_leave_the_estimator_as_it_was(fitted, data, change, message):
    model = clone(fitted).set_params(settings=SHORT).fit(*data)
    before, expected = dict(vars(model)), model.predict(data[0])
    with pytest.raises(ValueError, match=message):
        model.set_params(**{"settings": SHORT} | change).fit(data[0][:, :1], data[1] * 3)
    model.set_params(**{name: before[name] for name in change})
    assert vars(model).keys() == before.keys() and model.n_features_in_ == 2
    assert np.array_equal(model.predict(data[0]), expected)


def test_arguments_of_methods_are_checked(fitted, data):
    for coverage in (0, 1, 1.5, "a", None, True):
        with pytest.raises(ValueError, match="coverage must be a number between 0 and 1"):
            fitted.predict_interval(data[0], coverage)
    with pytest.raises(ValueError, match="n_draws must be"):
        fitted.sample(data[0], 0)


def test_frames_come_in_and_their_index_goes_out(data):
    index = pd.MultiIndex.from_product([["a", "b"], range(200)])
    frame = pd.DataFrame(data[0], columns=["x1", "x2"], index=index)
    model = BNNRegressor(hidden=4, settings=SHORT).fit(frame, pd.Series(data[1], index=index))
    rows = frame.sample(frac=0.5, random_state=0)
    assert model.uncertainty(rows).index.equals(rows.index) and model.feature_names_in_.tolist() == ["x1", "x2"]
    assert type(model.predict(rows)) is np.ndarray and type(model.predict_interval(rows)) is np.ndarray


def test_pickles_pipelines_and_searches_work(data):
    buffer = io.BytesIO()
    model = BNNRegressor(hidden=4, settings=SHORT, n_restarts=2).fit(*data)
    joblib.dump(model, buffer)
    buffer.seek(0)
    assert np.array_equal(joblib.load(buffer).predict(data[0]), model.predict(data[0]))
    pipeline = make_pipeline(StandardScaler(), BNNRegressor(hidden=(), settings=QUICK))
    assert pipeline.fit(*data).score(*data) > 0.8
    search = GridSearchCV(BNNRegressor(settings=SHORT), {"hidden": [2, 3]}, cv=2, n_jobs=2).fit(*data)
    assert np.isfinite(search.best_score_)


def test_fits_and_predictions_are_the_same_where_gradients_are_switched_off(data):
    expected = BNNRegressor(hidden=4, settings=SHORT, n_restarts=2).fit(*data).predict(data[0])
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            model = BNNRegressor(hidden=4, settings=SHORT, n_restarts=2).fit(*data)
            assert np.array_equal(model.predict(data[0]), expected)
        assert np.array_equal(model.predict(data[0]), expected)


def test_progress_is_printed_where_it_is_asked_for(data, capsys):
    model = BNNRegressor(hidden=4, settings={"steps": 100})
    model.fit(*data)
    assert capsys.readouterr().out == ""
    model.set_params(verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and lines[0].startswith("BNNRegressor: 10 of 100 steps, ")
    assert lines[-1] == "BNNRegressor: 100 of 100 steps, 0 s left"
