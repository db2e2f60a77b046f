"""Regression data sets whose law is known: the law against simulation and formulas, and where the inputs lie."""

import itertools
import re

import numpy as np
import pytest
from scipy.stats import kstest, norm
from test_every_dataset import example

from bnnbench import datasets
from bnnbench.datasets import blundell, matern
from bnnbench.datasets._curves import is_in

CURVES = [
    family
    for family in datasets.FAMILIES
    if datasets.task(family) == "regression" and hasattr(datasets._module(family), "law")
]
VARIANTS = [(family, {}) for family in CURVES] + [("three_intervals", {"heteroscedastic": True})]
SMALL = {"n_train": 60, "n_validation": 40, "n_test": 200}

curves = pytest.mark.parametrize("family", CURVES)
variants = pytest.mark.parametrize(("family", "options"), VARIANTS)

# Mean and sd of y at x, at the published noise.
FORMULAS = [
    ("cubic", {}, lambda x: x**3, lambda x: 3),
    ("foong", {}, lambda x: np.cos(4 * x + 0.8), lambda x: 0.1),
    ("wiggle", {}, lambda x: np.sin(np.pi * x) + 0.2 * np.cos(np.pi * x * 4) - 0.3 * x, lambda x: 0.25),
    ("three_intervals", {}, lambda x: x - x**2 / 10 + np.cos(x * np.pi / 2), lambda x: 0.25),
    (
        "three_intervals",
        {"heteroscedastic": True},
        lambda x: x - x**2 / 10 + np.cos(x * np.pi / 2),
        lambda x: 0.1 * abs(x) ** 1.5,
    ),
    ("depeweg", {}, lambda x: 7 * np.sin(x), lambda x: 3 * abs(np.cos(x / 2))),
    ("matern", {}, lambda x: np.interp(x, matern.GRID, matern._function()), lambda x: 0.15),
]


def shown(family: str, options: dict, n: int = 101) -> np.ndarray:
    """Inputs (n, 1) from end to end of what is shown."""
    ends = np.ravel(datasets.regions(family, options)["outside"])
    return np.linspace(ends.min(), ends.max(), n)[:, None]


def mixture_cdf(y: np.ndarray, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """P(Y <= y) (n,) of equal-weight mixtures (n, S)."""
    return norm.cdf((y[:, None] - location) / scale).mean(1)


def moments(location: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n,) and sd (n,) of equal-weight mixtures (n, S)."""
    return location.mean(1), np.sqrt((scale**2).mean(1) + location.var(1))


@variants
def test_targets_follow_the_law(family, options):
    """Their ranks in it are uniform, everywhere and in each tenth of the inputs."""
    data = datasets.make(family, options | {"n_test": 20_000}, [0])
    x, y = data.test()
    ranks = mixture_cdf(y, *datasets.law(family, options, x))
    assert kstest(ranks, "uniform").statistic < 1.95 / np.sqrt(len(y))  # at a level of 0.1 %
    for part in np.array_split(ranks[np.argsort(x[:, 0])], 10):
        assert kstest(part, "uniform").statistic < 2.3 / np.sqrt(len(part))


@pytest.mark.parametrize(("family", "options", "mean", "sd"), FORMULAS)
def test_the_law_is_the_published_formula(family, options, mean, sd):
    x = shown(family, options, 997)  # none where an sd is held at its least
    found, found_sd = datasets.law(family, options, x)
    at = x[:, 0]
    claimed = np.broadcast_to(sd(at), at.shape)
    free = claimed > 0.03
    np.testing.assert_allclose(found[:, 0], mean(at), atol=1e-12)
    np.testing.assert_allclose(found_sd[free, 0], claimed[free])
    assert (found_sd > 0).all()


@variants
def test_the_law_is_finite_float64_and_takes_either_shape(family, options):
    x = shown(family, options)
    location, scale = datasets.law(family, options, x)
    assert location.shape == scale.shape and location.ndim == 2 and len(location) == len(x)
    assert location.dtype == scale.dtype == np.float64
    assert np.isfinite(location).all() and np.isfinite(scale).all() and (scale > 0).all()
    np.testing.assert_array_equal(datasets.law(family, options, x[:, 0])[0], location)
    with pytest.raises(ValueError, match="shape"):
        datasets.law(family, options, np.zeros((3, 2)))


@variants
def test_noise_scales_what_it_should(family, options):
    """Twice the noise is twice the sd; for noise inside a curve, where it is so little that the curve is straight."""
    noise = datasets.known_options(family)["noise"] / 100
    x = shown(family, options)
    _, sd = moments(*datasets.law(family, options | {"noise": noise}, x))
    _, twice = moments(*datasets.law(family, options | {"noise": 2 * noise}, x))
    np.testing.assert_allclose(twice, 2 * sd, rtol=0.05)


@variants
def test_inputs_lie_inside_and_never_in_the_gap(family, options):
    data = datasets.make(family, options, [0, 1])
    regions = {key: np.float32(found).tolist() for key, found in datasets.regions(family, options).items()}
    for x in (data.x_pool[:, 0], data.x_test[:, 0]):
        assert is_in(x, regions["inside"]).all()
        assert not any(((low < x) & (x < high)).any() for low, high in regions["gap"] + regions["outside"])
        for low, high in regions["inside"]:
            share = ((low <= x) & (x <= high)).mean()
            assert share > 0.05, "each interval has its share of the points"


@variants
def test_regions_touch_and_do_not_overlap(family, options):
    regions = datasets.regions(family, options)
    assert set(regions) == {"inside", "gap", "outside"} and all(regions.values())
    ordered = sorted(interval for found in regions.values() for interval in found)
    assert all(low < high for low, high in ordered)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(ordered))
    assert {ordered[0], ordered[-1]} == set(regions["outside"])


@curves
def test_seeds_change_train_and_validation_only(family):
    first = datasets.make(family, SMALL, [3, 7])
    again = datasets.make(family, SMALL, [7])
    for a, b in zip(first.split(7), again.split(7), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first.x_test, again.x_test)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    targets = np.concatenate([first.split(3)[1], first.split(7)[1], first.split(7)[3], first.y_test])
    assert len(np.unique(targets)) > 0.99 * len(targets)
    other = datasets.make(family, SMALL | {"test_seed": 1}, [7])
    assert not np.array_equal(other.x_test, first.x_test)


@curves
def test_shapes_and_types(family):
    data = datasets.make(family, SMALL, [0])
    x, y, x_validation, y_validation = data.split(0)
    assert (x.shape, y.shape, x_validation.shape, y_validation.shape) == ((60, 1), (60,), (40, 1), (40,))
    assert x.dtype == y.dtype == data.test()[1].dtype == np.float32
    assert (data.task, data.n_classes, data.standardise) == ("regression", 1, True)


@curves
def test_families_of_equal_sizes_are_stacked_and_names_say_the_noise(family):
    assert datasets.group(family, SMALL) == datasets.group(CURVES[0], SMALL)
    names = [datasets.dataset_name(family, options) for options in (example(family), {"noise": 0.5})]
    names = [re.sub(r"-n-\d+$", "", name) for name in names]  # of families that come in several sizes
    assert names == [family, f"{family}-noise-0.5"]


@curves
@pytest.mark.parametrize("noise", [0, -0.1, float("nan"), float("inf"), "0.4"])
def test_noise_without_a_density_is_refused(family, noise):
    module = datasets._module(family)
    for call in (
        lambda: datasets.make(family, {"noise": noise}, [0]),
        lambda: module.generate(noise),
        lambda: module.law(np.zeros((2, 1)), noise),
    ):
        with pytest.raises(ValueError, match="noise"):
            call()


@curves
@pytest.mark.parametrize("options", [{"n_train": 0}, {"n_test": 2.5}, {"seeds": []}, {"seeds": [1, 1]}])
def test_wrong_settings_are_refused(family, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        datasets._module(family).generate(**options)


def test_names_of_variants():
    name = datasets._module("three_intervals").name
    assert name(heteroscedastic=True) == "three_intervals-heteroscedastic"
    assert name(0.5, True) == "three_intervals-heteroscedastic-noise-0.5"


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.05])
def test_noise_inside_a_curve_against_brute_force(noise):
    x = shown("blundell", {}, 21)
    e = noise * np.random.default_rng(0).standard_normal(100_000)
    location, scale = blundell.law(x, noise)
    mean, sd = moments(location, scale)
    for i, at in enumerate(x[:, 0]):
        inner = at + e
        y = np.sort(at + 0.3 * np.sin(2 * np.pi * inner) + 0.3 * np.sin(4 * np.pi * inner) + e)
        grid = y[500::1000]
        approximate = mixture_cdf(grid, *(np.broadcast_to(array[i], (len(grid), 200)) for array in (location, scale)))
        exact = np.searchsorted(y, grid, side="right") / len(y)
        assert abs(approximate - exact).max() < 0.01
        assert abs(mean[i] - y.mean()) < 5 * y.std() / np.sqrt(len(y))
        np.testing.assert_allclose(sd[i], y.std(), rtol=0.02)


def test_noise_inside_a_curve_is_largest_where_it_is_steep():
    x = np.array([0.0, 0.17])
    _, sd = moments(*blundell.law(x))
    slope = 1 + 0.6 * np.pi * np.cos(2 * np.pi * x) + 1.2 * np.pi * np.cos(4 * np.pi * x)
    np.testing.assert_allclose(sd[0], 0.02 * slope[0], rtol=0.05)
    assert sd[0] > 3 * sd[1]


def test_exact_posterior_is_that_of_a_gaussian_process():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern

    data = datasets.make("matern", SMALL, [0])
    x, y, _, _ = data.split(0)
    at = shown("matern", {})
    mean, sd = matern.exact_posterior(x, y, at)

    def k(a, b):
        r = np.sqrt(3) * abs(a - b.T) / 0.5
        return (1 + r) * np.exp(-r)

    x = x.astype(np.float64)
    inverse = np.linalg.inv(k(x, x) + 0.15**2 * np.eye(60))
    np.testing.assert_allclose(mean, k(at, x) @ inverse @ y, atol=1e-9)
    np.testing.assert_allclose(sd**2, np.diag(k(at, at) - k(at, x) @ inverse @ k(x, at)), atol=1e-9)

    witness = GaussianProcessRegressor(Matern(0.5, nu=1.5), alpha=0.15**2, optimizer=None).fit(x, y)
    np.testing.assert_allclose((mean, sd), witness.predict(at, return_std=True), atol=1e-6)


def test_exact_posterior_covers_the_function_and_is_wide_in_the_gap():
    data = datasets.make("matern", {}, range(5))
    at = shown("matern", {})
    line = at[:, 0]
    gap, seen = abs(line + 0.25) < 0.3, is_in(line, [(-1.8, -1.2), (0.7, 2.3)])
    truth = matern.law(at)[0][:, 0]
    standardised = []
    for seed in range(5):
        mean, sd = matern.exact_posterior(*data.split(seed)[:2], at)
        standardised.append((truth - mean) / sd)
        assert sd[gap].min() > 3 * sd[seen].max()
    assert np.mean(np.abs(standardised) < 3) > 0.95
    with pytest.raises(ValueError, match="y_train has shape"):
        matern.exact_posterior(at, truth[1:], at)


def test_the_function_is_linear_between_points_that_are_close_enough():
    f = matern._function()
    skipped = (f[:-2:2] + f[2::2]) / 2 - f[1::2]
    assert abs(skipped).max() < 0.01
    assert 0.3 < f.std() < 1.5
