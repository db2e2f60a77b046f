"""BNNClassifier as a scikit-learn user would have it."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_moons
from sklearn.utils.estimator_checks import parametrize_with_checks

from bnnbench import BNNClassifier, metrics

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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prior": "gauss"}, "unknown prior 'gauss': known are normal"),
        ({"hyperprior": "half_gamma"}, "unknown hyperprior"),
        ({"prior": "flat", "hyperprior": "half_normal"}, "no scale to learn"),
        ({"prior_scale": -1.0}, "must be positive"),
        ({"settings": {"stepz": 3}}, "no setting 'stepz': known are steps"),
        ({"settings": {"steps": 200, "learning_rate": 1e30}}, "diverged"),
        ({"inference": "gibbs"}, "unknown inference 'gibbs'"),
    ],
)
def test_mistakes_are_named(moons, change, message):
    with pytest.raises(ValueError, match=message):
        BNNClassifier(**change).fit(*moons)
