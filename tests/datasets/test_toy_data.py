"""Moons and circles: the known ceilings, the exact posterior against simulation, and what seeds change."""

import numpy as np
import pytest

from bnnbench.datasets import circles, moons

# Accuracy and H(Y|X) in nats of the Bayes rule, computed independently. Noise; moons;
# circles at factor .8, .5, .3
CEILINGS = [
    (0.1, (0.9994, 0.002), (0.8406, 0.358), (0.9936, 0.018), (0.9997, 0.001)),
    (0.2, (0.9710, 0.076), (0.6893, 0.584), (0.8899, 0.261), (0.9554, 0.115)),
    (0.3, (0.9146, 0.210), (0.6270, 0.644), (0.7873, 0.452), (0.8618, 0.320)),
    (0.4, (0.8630, 0.319), (0.5937, 0.666), (0.7173, 0.554), (0.7784, 0.470)),
    (0.5, (0.8233, 0.394), (0.5728, 0.677), (0.6682, 0.610), (0.7147, 0.559)),
    (0.6, (0.7927, 0.446), (0.5581, 0.683), (0.6325, 0.641), (0.6676, 0.610)),
]
SETTINGS = [(moons, {"noise": 0.4}), (circles, {"noise": 0.4}), (circles, {"noise": 0.2, "factor": 0.8})]


@pytest.mark.parametrize("row", CEILINGS, ids=lambda row: f"noise {row[0]}")
def test_ceilings_match_the_reference_table(row):
    noise, *expected = row
    found = [(moons.bayes_accuracy(noise), moons.bayes_entropy(noise))]
    found += [(circles.bayes_accuracy(noise, f), circles.bayes_entropy(noise, f)) for f in (0.8, 0.5, 0.3)]
    np.testing.assert_allclose(found, expected, atol=0.002)


@pytest.mark.parametrize(("module", "options"), SETTINGS)
def test_posterior_agrees_with_simulation(module, options):
    data = module.generate(**options, n_train=1, n_validation=1, n_test=200_000, seeds=[0])
    x, y = data.x_test, data.y_test
    proba = module.bayes_proba(x, **options)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)

    hits = proba.argmax(axis=1) == y
    assert abs(hits.mean() - module.bayes_accuracy(**options)) < 4 * hits.std() / np.sqrt(len(y))
    nll = -np.log(proba[np.arange(len(y)), y])
    assert abs(nll.mean() - module.bayes_entropy(**options)) < 4 * nll.std() / np.sqrt(len(y))

    # Calibrated: within every bin of p(y=1|x), the share of class 1 is the mean up to its error.
    bins = np.minimum((proba[:, 1] * 10).astype(int), 9)
    for b in np.unique(bins):
        p, share = proba[bins == b, 1], y[bins == b].mean()
        assert abs(share - p.mean()) <= 4.5 * np.sqrt(np.sum(p * (1 - p))) / len(p) + 1e-9, f"bin {b}"


@pytest.mark.parametrize(("module", "options"), SETTINGS)
def test_class_densities_integrate_to_one_and_give_the_posterior(module, options):
    line = np.arange(-4, 5, 0.05)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    densities = module.class_densities(grid, **options)
    np.testing.assert_allclose(densities.sum(axis=0) * 0.05**2, 1, atol=1e-6)
    near = densities.sum(axis=1) > 1e-200
    expected = densities[near] / densities[near].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(module.bayes_proba(grid[near], **options), expected, atol=1e-9)


@pytest.mark.parametrize(("module", "options"), SETTINGS)
def test_posterior_is_finite_far_away_and_at_little_noise(module, options):
    far = np.array([[1e3, -1e3], [0.0, 0.0], [-50.0, 2.0]])
    for noise in (options["noise"], 0.01):
        proba = module.bayes_proba(far, **{**options, "noise": noise})
        assert np.isfinite(proba).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1)


@pytest.mark.parametrize(("module", "options"), SETTINGS)
def test_geometry_is_that_of_sklearn(module, options):
    from sklearn import datasets

    make = datasets.make_moons if module is moons else datasets.make_circles
    shape = {"factor": options.get("factor", 0.5)} if module is circles else {}
    x, y = make(2000, noise=None, **shape)
    data = module.generate(**{**options, "noise": 1e-4}, n_train=2000, n_validation=1, n_test=1, seeds=[0])
    ours, labels, *_ = data.split(0)
    for label in (0, 1):
        gaps = np.linalg.norm(ours[labels == label][:, None] - x[y == label], axis=-1).min(axis=1)
        assert gaps.max() < 0.005
        for axis in (0, 1):
            assert abs(np.ptp(ours[labels == label][:, axis]) - np.ptp(x[y == label][:, axis])) < 0.01


@pytest.mark.parametrize("module", [moons, circles])
def test_seeds_change_train_and_validation_only(module):
    first = module.generate(0.4, n_test=500, seeds=[3, 7])
    again = module.generate(0.4, n_test=500, seeds=[7])
    for a, b in zip(first.split(7), again.split(7), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first.x_test, again.x_test)
    np.testing.assert_array_equal(first.y_test, again.y_test)
    train_3, train_7, validation_7 = first.split(3)[0], first.split(7)[0], first.split(7)[2]
    points = np.concatenate([train_3, train_7, validation_7, first.x_test])
    assert len(np.unique(points, axis=0)) == len(points)
    other = module.generate(0.4, n_test=500, seeds=[7], test_seed=1)
    assert not np.array_equal(other.x_test, first.x_test)


def test_shapes_types_and_names():
    data = circles.generate(0.4, seeds=[0, 1])
    x_train, y_train, x_validation, y_validation = data.split(1)
    assert (x_train.shape, x_validation.shape, data.x_test.shape) == ((700, 2), (300, 2), (20_000, 2))
    assert (y_train.shape, y_validation.shape) == ((700,), (300,))
    assert (x_train.dtype, y_train.dtype) == (np.float32, np.int64)
    assert set(np.unique(y_train)) == {0, 1}
    assert data.name == "circles-0.4"
    assert moons.generate(1, seeds=[0]).name == "moons-1"
    assert circles.name(0.4, 0.8) == "circles-0.4-factor-0.8"  # must not overwrite circles-0.4


@pytest.mark.parametrize("noise", [0, -0.1, float("nan"), float("inf"), "0.4"])
def test_noise_without_a_density_is_refused(noise):
    for module in (moons, circles):
        for function in (module.generate, module.bayes_accuracy, module.bayes_entropy):
            with pytest.raises(ValueError, match="noise"):
                function(noise)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factor": 1.0}, "factor"),
        ({"n_train": 0}, "n_train"),
        ({"n_test": 2.5}, "n_test"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "each once"),
        ({"seeds": [0.5]}, "seeds"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        circles.generate(0.4, **settings)
