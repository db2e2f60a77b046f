"""Densities that data are drawn from integrate to one, and the points are theirs."""

import numpy as np
import pytest

from bnnbench import datasets

PLANE = [("moons_density", {"noise": 0.2}), ("circles_density", {"noise": 0.2}), ("gaussian_ring", {"noise": 0.2})]
LINE = [("two_gaussians", {}), ("two_gaussians", {"distance": 6})]


def log_density(family, options, x):
    return datasets.law(family, options, x, "log_density")


@pytest.mark.parametrize(("family", "options"), PLANE + LINE)
def test_it_is_one_and_the_points_have_its_entropy(family, options):
    data = datasets.make(family, options | {"n_test": 20_000}, [0])
    d = data.x_test.shape[1]
    edge = np.linspace(-9, 9, 20_001) if d == 1 else np.linspace(-3, 4, 401)
    grid = np.stack(np.meshgrid(*[edge] * d), -1).reshape(-1, d)
    log_p = log_density(family, options, grid)
    mass = np.exp(log_p) * (edge[1] - edge[0]) ** d
    assert mass.sum() == pytest.approx(1, abs=1e-3)
    entropy = -np.sum(np.where(mass > 0, mass * np.where(mass > 0, log_p, 0), 0))
    of_points = -log_density(family, options, data.x_test)
    assert of_points.mean() == pytest.approx(entropy, abs=4 * of_points.std() / np.sqrt(len(of_points)) + 1e-3)
    if family == "moons_density":
        assert entropy == pytest.approx(1.678, abs=2e-3)


def test_the_square_of_a_uniform_number():
    data = datasets.make("squared_uniform", {}, [0])
    assert data.x_test.min() >= 0 and data.x_test.max() <= 4
    found = log_density("squared_uniform", {}, np.array([[1.0], [0.25], [-1.0], [5.0]]))
    np.testing.assert_allclose(np.exp(found), [0.25, 0.5, 0, 0])
    assert np.mean(data.x_test < 1) == pytest.approx(0.5, abs=0.02)  # z below 1


def test_they_are_the_points_of_the_labelled_set():
    sizes = {"noise": 0.4, "n_train": 50, "n_validation": 20, "n_test": 30}
    for family in ("moons", "circles"):
        labelled = datasets.make(family, sizes, [0, 1])
        data = datasets.make(f"{family}_density", sizes, [0, 1])
        np.testing.assert_array_equal(data.x_pool, labelled.x_pool)
        assert data.task == "density" and not data.y_pool.any()
        exact = datasets.bayes_proba(family, {"noise": 0.4}, data.x_test)
        assert len(exact) == len(log_density(f"{family}_density", {"noise": 0.4}, data.x_test))
