"""BNNClassifier as a scikit-learn user would have it."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris, make_moons
from sklearn.utils.estimator_checks import parametrize_with_checks

from bnnbench import BNNClassifier, metrics
from bnnbench.estimators import _starts

QUICK = {"steps": 300, "learning_rate": 0.05}


@pytest.mark.slow
@parametrize_with_checks(
    [
        BNNClassifier(inference="map", settings=QUICK, n_draws=2),
        BNNClassifier(inference="mean_field", settings=QUICK, n_draws=20, prior="laplace", hyperprior="half_cauchy"),
    ]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def moons():
    return make_moons(400, noise=0.2, random_state=0)


@pytest.fixture(scope="module")
def fitted(moons):
    model = BNNClassifier(prior="laplace", hyperprior="half_cauchy", settings={"steps": 2000, "learning_rate": 0.03})
    return model.fit(*moons)


def test_it_learns_two_moons(fitted):
    X, y = make_moons(2000, noise=0.2, random_state=1)
    assert fitted.score(X, y) > 0.93


def test_draws_average_to_the_prediction(fitted, moons):
    draws = fitted.sample_proba(moons[0], 100)
    assert draws.shape == (100, 400, 2)
    np.testing.assert_allclose(draws.mean(0), fitted.predict_proba(moons[0]), atol=1e-6)


def test_uncertainty_is_consistent_with_the_draws(fitted, moons):
    table = fitted.uncertainty(moons[0])
    draws = fitted.sample_proba(moons[0], fitted.n_draws)
    np.testing.assert_allclose(table.mutual_information, metrics.mutual_information(draws), atol=1e-9)
    assert (table.predictive_entropy >= table.expected_entropy - 1e-9).all()


def test_uncertainty_is_largest_at_the_boundary(fitted, moons):
    """Far from the data a tanh network saturates, so it is the boundary, not distance, that must stand out."""
    table = fitted.uncertainty(moons[0])
    near = table.max_probability < 0.8
    assert near.any()
    assert table.total_variance[near].mean() > 2 * table.total_variance[~near].mean()


def test_same_seed_same_model_and_other_seed_another(moons):
    def proba(seed):
        return BNNClassifier(settings=QUICK, random_state=seed).fit(*moons).predict_proba(moons[0])

    assert np.array_equal(proba(0), proba(0))
    assert not np.allclose(proba(0), proba(1))


def test_map_draws_are_all_the_same(moons):
    draws = BNNClassifier(inference="map", settings=QUICK).fit(*moons).sample_proba(moons[0], 3)
    assert np.array_equal(draws[0], draws[2])


def test_string_labels_come_back():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = BNNClassifier(inference="map", settings={"steps": 500, "learning_rate": 0.03}).fit(X, names)
    assert set(model.predict(X)) <= set(names)
    assert model.score(X, names) > 0.9


SHORT = {"steps": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prior": "gauss"}, "unknown prior 'gauss': .*known are .*normal"),
        ({"prior": ["normal"]}, r"prior must be a name, got \['normal'\]"),
        ({"hyperprior": "half_gamma"}, "unknown hyperprior"),
        ({"hyperprior": None}, "hyperprior must be a name, got None"),
        ({"prior": "flat", "hyperprior": "half_normal"}, "no scale to learn"),
        ({"prior": "flat", "prior_scale": 3.0}, "prior 'flat' has the fixed scale 100, so prior_scale=3.0 would"),
        ({"hyperprior": "half_normal", "prior_scale": 3.0}, "'half_normal' learns the scale, so prior_scale=3.0 would"),
        *[({"prior_scale": value}, "prior_scale must be positive")
          for value in (-1.0, 0, np.nan, np.inf, -np.inf, 1e300, 10**400, 1e-300, "1", None, True, [1.0])],
        *[({"hidden": value}, "hidden must be the widths")
          for value in (0, (0,), (5, -1), (5, 2.5), (5.0,), "55", None, 2.5, True, (True,), [[5]])],
        *[({"n_draws": value}, "n_draws must be a whole number of at least 1") for value in (0, -3, 2.5, None, True)],
        *[({"standardize": value}, "standardize must be True or False") for value in ("yes", None, 1)],
        *[({"random_state": value}, "random_state must be a whole number") for value in (1.5, "0", True, [1])],
        *[({"activation": value}, "activation is .* one of tanh, relu") for value in ("sigmoid", None, 3)],
        *[({"settings": value}, "settings must be a dictionary") for value in ([("steps", 3)], "steps", 3)],
        ({"settings": {"stepz": 3}}, "no setting 'stepz': .*known are steps"),
        *[({"settings": {"steps": value}}, "steps is .*whole number of at least 1") for value in (0, "ten", None, 2.5)],
        ({"settings": {"steps": 200, "learning_rate": 1e30}}, "diverged"),
        ({"inference": "gibbs"}, "unknown inference 'gibbs'"),
        ({"inference": None}, "inference must be a name"),
        ({"inference": "mle"}, "inference 'mle' cannot be used here"),
    ],
)  # fmt: skip
def test_mistakes_are_named(moons, change, message):
    with pytest.raises(ValueError, match=message):
        BNNClassifier(**{"settings": SHORT} | change).fit(*moons)


def test_constructor_values_stay_as_they_were_given_and_clones_have_them(moons):
    given = {"hidden": 4, "settings": SHORT, "random_state": np.random.default_rng(0), "prior_scale": np.float32(2)}
    model = BNNClassifier(**given).fit(*moons)
    assert all(getattr(model, name) is value for name, value in given.items())
    assert [p.shape for p in model.trained_.network.parameters[::2]] == [(4, 2), (2, 4)]
    assert clone(model).fit(*moons).get_params().keys() == model.get_params().keys()
    assert BNNClassifier(hidden=(), settings=SHORT).fit(*moons).trained_.network.n_weights == 6


@pytest.mark.parametrize("source", [np.random.RandomState, np.random.default_rng])
def test_random_states_give_a_seed_each_time_they_are_asked(moons, source):
    def proba(state):
        return BNNClassifier(settings=SHORT, random_state=state).fit(*moons).predict_proba(moons[0])

    state = source(0)
    first = proba(state)
    assert np.array_equal(first, proba(source(0))) and not np.allclose(first, proba(state))


@pytest.mark.parametrize("names", [None, ["left", "right"]])
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(moons, names):
    X, y = moons[0] if names is None else pd.DataFrame(moons[0], columns=names), moons[1]
    model = BNNClassifier(settings=SHORT).fit(X, y)
    before, expected = dict(vars(model)), model.predict_proba(X)
    wild = {"steps": 200, "learning_rate": 1e30}
    three = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "c"])
    for change, target in (
        ({"settings": wild}, np.arange(60) % 3),
        ({}, np.zeros(60)),
        ({"n_draws": 0}, three.index % 2),
    ):
        with pytest.raises(ValueError):
            model.set_params(**change).fit(three, target)
        model.set_params(settings=SHORT, n_draws=100)
        assert vars(model).keys() == before.keys() and model.n_features_in_ == 2
        assert model.classes_.tolist() == [0, 1] and np.array_equal(model.predict_proba(X), expected)
    fresh = BNNClassifier(settings=wild)
    with pytest.raises(ValueError, match="diverged"):
        fresh.fit(*moons)
    assert vars(fresh).keys() == fresh.get_params().keys()


def test_draws_are_asked_for_in_whole_numbers_after_the_fit_too(fitted, moons):
    for n_draws in (0, 2.5):
        with pytest.raises(ValueError, match="n_draws must be"):
            fitted.sample_proba(moons[0], n_draws)
        with pytest.raises(ValueError, match="n_draws must be"):
            clone(fitted).set_params(settings=SHORT).fit(*moons).set_params(n_draws=n_draws).predict(moons[0])


def test_what_is_said_of_each_row_keeps_the_index_of_the_rows(moons):
    index = pd.MultiIndex.from_product([["a", "b"], range(200)])
    frame = pd.DataFrame(moons[0], columns=["x1", "x2"], index=index)
    model = BNNClassifier(settings=SHORT).fit(frame, moons[1])
    rows = frame.sample(frac=0.5, random_state=0)
    table = model.uncertainty(rows)
    assert table.index.equals(rows.index)
    assert np.array_equal(table.prediction, model.predict(rows))  # arrays, as scikit-learn has them
    assert isinstance(model.predict_proba(rows), np.ndarray)
    assert BNNClassifier(settings=SHORT).fit(*moons).uncertainty(moons[0]).index.equals(pd.RangeIndex(400))


def test_a_column_that_varies_by_rounding_is_named_and_does_no_harm(moons):
    X, y = moons
    noise = np.random.default_rng(0).standard_normal(400)
    table = pd.DataFrame(X, columns=["x1", "x2"]).assign(rate=0.1 + 1e-17 * noise, on=True, day=1.6e9 + 1e4 * noise)
    model = BNNClassifier(settings=QUICK | {"steps": 1000})
    with pytest.warns(
        UserWarning, match="do not vary in training but for rounding are left out: 'rate', 'on'$"
    ) as caught:
        model.fit(table, y)
    assert len(caught) == 1 and caught[0].filename == __file__
    later = table.assign(rate=table.rate * (1 + 1e-6), on=False)
    assert np.array_equal(model.predict_proba(later), model.predict_proba(table)) and model.score(table, y) > 0.9
    assert not np.allclose(model.predict_proba(table.assign(day=1.6e9)), model.predict_proba(table))
    with pytest.warns(UserWarning, match="are left out: 2, 3$"):
        model.set_params(settings=SHORT).fit(table.to_numpy(dtype=float), y)
    with pytest.warns(UserWarning, match="held within what was seen in training .*: 'near'"):
        model.fit(table[["x1"]].assign(near=1 + 1e-10 * noise), y)


@pytest.mark.parametrize("units", [1e200, 1e-200, (1e200, 1e-200), np.float32(1e30)])
def test_the_unit_of_a_column_does_not_matter(moons, units):
    X, y = moons
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, plain = (BNNClassifier(settings=QUICK).fit(X * unit, y) for unit in (np.array(units), 1.0))
        proba = found.predict_proba(X * np.array(units))
    np.testing.assert_allclose(proba, plain.predict_proba(X), atol=1e-4)


def test_columns_that_are_not_standardised_are_refused_or_named_where_single_precision_loses_them(moons):
    model = BNNClassifier(settings=SHORT, standardize=False)
    with pytest.raises(ValueError, match="features number 0, 1 hold values beyond single precision"):
        model.fit(moons[0] * 1e200, moons[1])
    with pytest.warns(UserWarning, match="vary too little for single precision are constant.*: 1"):
        model.fit(moons[0] * [1, 1e-200], moons[1])
    with pytest.raises(ValueError, match="beyond single precision"):
        model.predict(moons[0] * 1e200)


@pytest.mark.parametrize("call", ["predict_proba", "uncertainty"])
def test_memory_of_predictions_does_not_grow_with_the_draws(fitted, moons, call):
    X = np.repeat(moons[0], 20, axis=0)
    model = clone(fitted).set_params(settings=SHORT).fit(*moons)

    def peak(n_draws):
        tracemalloc.start()
        getattr(model.set_params(n_draws=n_draws), call)(X)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(60) < 1.2 * peak(2)


def test_fits_and_predictions_are_the_same_where_gradients_are_switched_off(moons):
    expected = BNNClassifier(settings=SHORT).fit(*moons).predict_proba(moons[0])
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            model = BNNClassifier(settings=SHORT).fit(*moons)
            assert np.array_equal(model.predict_proba(moons[0]), expected)
        assert np.array_equal(model.predict_proba(moons[0]), expected)


def test_only_what_takes_many_gradients_is_worth_a_compiler(monkeypatch):
    asked, made = [], _starts.LogJoint

    def seen(*data, compiled, **options):
        asked.append(compiled)
        return made(*data, **options)

    monkeypatch.setattr(_starts, "resolve_compile", lambda wanted: True)
    monkeypatch.setattr(_starts, "LogJoint", seen)
    X, y = make_moons(40, noise=0.3, random_state=0)
    few = {"chains": 2, "tune": 5, "samples": 10, "keep": 10}
    for name, settings in (("hmc", few), ("mile", few | {"start_steps": 5}), ("map", {"steps": 5})):
        BNNClassifier(hidden=(3,), inference=name, settings=settings, random_state=0).fit(X, y)
    assert asked == [True, True, False]
