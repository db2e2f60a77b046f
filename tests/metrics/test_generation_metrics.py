"""Metrics of samples where their values are known."""

import math

import numpy as np
import pytest
from scipy import integrate, linalg, stats

from bnnbench import datasets, metrics, tasks
from bnnbench.metrics.generation._real import Real, feature_map
from bnnbench.metrics.generation._samples import Samples
from bnnbench.metrics.generation.coverage import nearest_mode, share_within
from bnnbench.metrics.generation.distances import energy, frechet, frechet_of_moments
from bnnbench.metrics.generation.judges import code_accuracy, trained_value
from bnnbench.metrics.generation.parzen import best_kernels, log_kernels, log_mixture, optimal_value

RING = datasets.make("ring_generation", {"noise": 0.1, "n_train": 400, "n_validation": 300, "n_test": 1500}, [0])
MIXTURE = datasets.law("ring_generation", {"noise": 0.1}, RING.x_test, "mixture")
TASK = tasks.find("generation")
LOG_4 = math.log(4)


def of_ring(points: np.ndarray) -> dict[str, float]:
    return metrics.evaluate(Samples(points), RING.y_test, TASK.known(MIXTURE, RING, "test", 0))


def drawn(n: int, modes=range(8), seed: int = 1, sd: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return MIXTURE[0][rng.choice(list(modes), n)] + sd * rng.standard_normal((n, 2))


def test_the_frechet_distance_of_gaussians_is_in_closed_form():
    rng = np.random.default_rng(0)
    a, b = (m @ m.T for m in rng.normal(size=(2, 3, 3)))
    mean, other = rng.normal(size=(2, 3))
    root = linalg.sqrtm(a @ b).real
    expected = ((mean - other) ** 2).sum() + np.trace(a + b - 2 * root)
    assert frechet_of_moments(mean, a, other, b) == pytest.approx(expected, rel=1e-8)
    assert frechet_of_moments(mean, a, mean, a) == pytest.approx(0, abs=1e-8)
    # On a line it is (m - m')² + (s - s')², of a singular one too.
    assert frechet_of_moments(np.ones(1), np.eye(1) * 9, np.zeros(1), np.eye(1)) == pytest.approx(5)
    assert frechet_of_moments(np.ones(2), np.eye(2), np.ones(2), np.zeros((2, 2))) == pytest.approx(2)
    x = rng.normal(size=(20_000, 2))
    assert frechet(x, 3 * rng.normal(size=(20_000, 2)) + [1, 0]) == pytest.approx(1 + 2 * 4, abs=0.3)


def test_its_bias_halves_with_twice_the_points():
    rng = np.random.default_rng(0)
    mean = [np.mean([frechet(*rng.normal(size=(2, n, 4))) for _ in range(150)]) for n in (50, 100)]
    assert mean[0] / mean[1] == pytest.approx(2, rel=0.2)


def test_the_energy_distance_is_that_of_its_definition_and_unbiased():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 1)), rng.normal(size=(4, 1)) + 2
    pairs = lambda u, v: abs(u - v.T)  # noqa: E731
    within = pairs(a, a).sum() / 30 + pairs(b, b).sum() / 12
    assert energy(a, b) == pytest.approx(2 * pairs(a, b).mean() - within)
    found = [energy(*rng.normal(size=(2, 20, 1))) for _ in range(400)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 20
    # Of N(0, 1) and N(m, 1): 2 E|Z_m| - 2 E|Z_0|, Z of variance 2.
    x = stats.norm.ppf((np.arange(1500) + 0.5) / 1500)[:, None]
    y = rng.permutation(x) + 2
    folded = [stats.foldnorm(m / math.sqrt(2), scale=math.sqrt(2)).mean() for m in (2, 0)]
    assert energy(x, y) == pytest.approx(2 * (folded[0] - folded[1]), abs=0.01)


def test_precision_and_recall_of_known_constructions():
    rng = np.random.default_rng(0)
    real = rng.uniform(size=(300, 2))
    assert share_within(real, real) == 1 and share_within(real, real + 10) == 0
    half = np.concatenate([real[:150], real[:150] + 10])
    assert share_within(real, half) == 0.5
    # Samples on the left alone are real, and cover the left half.
    left = rng.uniform(size=(300, 2)) * [0.5, 1]
    assert share_within(real, left) > 0.9
    assert share_within(left, real) == pytest.approx(0.5, abs=0.08)
    # Balls reach to the third neighbour: on a line of whole numbers to 2 at the middle, 3 at an end.
    line = np.arange(7.0)[:, None]
    assert share_within(line, np.array([[-3.0], [-3.1], [9.0], [9.1]])) == 0.5
    assert share_within(np.zeros((5, 1)), np.array([[0.0], [0.1]])) == 0.5


def test_modes_are_counted():
    everywhere = of_ring(drawn(1500))
    assert everywhere["modes_covered"] == 8 and everywhere["mode_kl"] < 0.02
    inside = 1 - math.exp(-4.5)
    assert everywhere["high_quality"] == pytest.approx(inside, abs=4 * math.sqrt(inside * (1 - inside) / 1500))
    three = of_ring(drawn(1500, [0, 3, 4]))
    assert three["modes_covered"] == 3 and three["mode_kl"] == pytest.approx(math.log(8 / 3), abs=0.01)
    nowhere = of_ring(np.full((20, 2), [0.01, 0.0]))
    assert nowhere["modes_covered"] == 0 and nowhere["high_quality"] == 0
    assert nowhere["mode_kl"] == pytest.approx(math.log(8)) and nowhere["variance_ratio"] == pytest.approx(0, abs=1e-9)
    mode, good = nearest_mode(MIXTURE[0] * 1.29, MIXTURE)
    assert mode.tolist() == list(range(8)) and good.all()
    assert not nearest_mode(MIXTURE[0] * 1.31, MIXTURE)[1].any()


def test_the_value_of_the_game_is_that_of_the_optimal_discriminator():
    """Against quadrature on a line, and -log 4 where samples are of the truth."""
    p, q = stats.norm(0, 1), stats.norm(1.5, 0.7)
    exact = integrate.quad(
        lambda x: p.pdf(x) * (p.logpdf(x) - np.logaddexp(p.logpdf(x), q.logpdf(x)))
        + q.pdf(x) * (q.logpdf(x) - np.logaddexp(p.logpdf(x), q.logpdf(x))),
        -9, 9,
    )[0]  # fmt: skip
    rng, mixture = np.random.default_rng(0), (np.zeros((1, 1)), 1.0)
    points, samples = p.rvs((2000, 1), random_state=rng), q.rvs((2000, 1), random_state=rng)
    assert optimal_value(samples, points, mixture) == pytest.approx(exact, abs=0.05)
    assert optimal_value(p.rvs((2000, 1), random_state=rng), points, mixture) == pytest.approx(-LOG_4, abs=0.03)
    assert optimal_value(samples + 50, points, mixture) == pytest.approx(0, abs=1e-6)
    assert -0.69 < of_ring(drawn(1500, [0]))["game_value"] < 0 < LOG_4 + of_ring(drawn(1500))["game_value"] + 0.06
    assert trained_value((np.zeros(3), np.zeros(4))) == pytest.approx(-LOG_4)


def test_kernels_are_a_density_and_leave_out_the_point_itself():
    rng = np.random.default_rng(0)
    samples, grid = rng.normal(size=(30, 1)), np.linspace(-8, 8, 4001)[:, None]
    assert np.trapezoid(np.exp(log_kernels(samples, grid, 0.3)), grid[:, 0]) == pytest.approx(1)
    others = log_kernels(samples[1:], samples[:1], 0.3)
    assert log_kernels(samples, samples, 0.3, leave_out=True)[0] == pytest.approx(others[0])
    assert np.trapezoid(np.exp(log_mixture(grid, (np.array([[0.0], [2.0]]), 0.5))), grid[:, 0]) == pytest.approx(1)
    sd, best = best_kernels(rng.normal(size=(1500, 1)), rng.normal(size=(1500, 1)))
    assert 0.05 < sd < 0.6 and best == pytest.approx(-stats.norm.entropy(), abs=0.06)


def test_codes_are_matched_one_to_one():
    classes = np.repeat(np.arange(3), 10)
    assert code_accuracy((classes + 1) % 3, classes) == 1
    assert code_accuracy(np.zeros(30, int), classes) == pytest.approx(1 / 3)
    split = np.where(np.arange(30) < 5, 3, classes)  # a class with two categories keeps the larger
    assert code_accuracy(split, classes) == pytest.approx(25 / 30)
    of_nine = np.where(classes == 2, 0, classes)
    assert code_accuracy(of_nine, classes) == pytest.approx(20 / 30)


def test_controls_bound_what_is_worth_having():
    real = TASK.known(MIXTURE, RING, "test", 0)
    chance = metrics.evaluate(TASK.chance_at(*RING.split(0)[:2], 1, RING.x_test), RING.y_test, real)
    truth = metrics.evaluate(TASK.of_truth(real), RING.y_test, real)
    for name in ("nll", "game_value", "energy_distance"):
        assert truth[name] < chance[name]
    assert truth["precision"] > 0.9 > 0.5 > chance["precision"] and truth["recall"] > 0.8
    assert np.array_equal(real.fresh, RING.split(0)[2].astype(float))
    assert chance["frechet_distance"] < 0.05  # it has the moments of the data, which is all that this one sees


def test_halves_are_random_and_the_same_in_any_order():
    points = np.random.default_rng(0).normal(size=(101, 2))
    order = np.random.default_rng(1).permutation(101)
    one, other = (Real(x, None, x, None, lambda p: p) for x in (points, points[order]))
    for half, moved in zip(one.halves, other.halves, strict=True):
        assert np.array_equal(points[half], points[order][moved])
    assert sorted(np.concatenate(one.halves)) == list(range(101))


def test_images_are_compared_in_hidden_units_that_are_the_same_each_time():
    data = datasets.make("digits_generation", {}, [0])
    real = TASK.known(None, data, "test", 0)
    assert real.mixture is None and real.in_features.shape == (497, 32)
    again = feature_map("another", data.scaled(data.x_pool).reshape(1300, -1).astype(float), data.y_pool)
    assert np.array_equal(again(real.points), real.in_features)
    found = metrics.evaluate(TASK.of_truth(real), data.y_test, real)
    noise = metrics.evaluate(Samples(np.random.default_rng(0).random((497, 64))), data.y_test, real)
    assert "modes_covered" not in found and "game_value" not in found
    assert found["frechet_distance"] < 2 * found["frechet_distance_floor"] < noise["frechet_distance"]
    assert found["precision"] > 0.8 and noise["precision"] < 0.1 and noise["recall"] < 0.1


@pytest.mark.parametrize("bad", [np.full((3, 2), np.nan), np.zeros(3), np.zeros((0, 2))])
def test_what_are_no_samples_is_refused(bad):
    with pytest.raises(ValueError, match="samples"):
        Samples(bad)
