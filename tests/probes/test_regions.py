"""The spread inside, in the gap and outside: where it is asked, and what it is of networks whose spread is known."""

import numpy as np
import pytest

from bnnbench import datasets, probes
from bnnbench.metrics import Mixture, Predictions
from bnnbench.probes.regions import EVERYWHERE, METRICS, OVER_ALL, grid, regions_of


class Widening:
    """Predicts draws that are |x| to either side of 0, under noise of one sd."""

    def __init__(self, noise=0.1):
        self.noise, self.asked = noise, []

    def predictions(self, x, n_draws):
        self.asked.append(x)
        location = np.where(np.arange(n_draws) % 2, 1.0, -1.0) * np.abs(x)
        return Mixture(location, np.full_like(location, self.noise))


@pytest.fixture
def foong():
    return datasets.make("foong", {}, [0])


def read(cell, data, **settings):
    return {(r.variable, r.metric): r.value for r in probes.make("regions", settings).run(cell, data, 0)}


def test_every_region_is_asked_at_even_distances_within_it(foong):
    cell, asked = Widening(), datasets.regions("foong", {})
    found = read(cell, foong, points=40, draws=4)
    assert {region for region, _ in found} == {"inside", "gap", "outside", EVERYWHERE}
    for x, intervals in zip(cell.asked[:3], asked.values(), strict=True):
        inside = [(low < x) & (x < high) for low, high in intervals]
        assert len(x) == 40 and np.any(inside, axis=0).all()
        lengths = np.array([high - low for low, high in intervals])
        assert [part.sum() for part in inside] == pytest.approx(40 * lengths / lengths.sum(), abs=1)


def test_readings_are_what_the_network_predicts_there(foong):
    found = read(Widening(), foong, points=400, draws=2)
    mean_square = {"gap": (0.7**3 + 0.5**3) / 3 / 1.2, "outside": (2**3 - 1) / 3}
    for region, value in mean_square.items():
        assert found[region, "epistemic_sd"] == pytest.approx(np.sqrt(value), rel=1e-3)
        assert found[region, "aleatoric_sd"] == pytest.approx(0.1)
        assert found[region, "total_sd"] == pytest.approx(np.sqrt(value + 0.01), rel=1e-3)
    assert found["outside", "width_90"] > 2 * found["gap", "width_90"] > 0
    assert {metric for _, metric in found} == {*METRICS["regression"], OVER_ALL}


def test_over_all_regions_together_the_two_uncertainties_are_compared(foong):
    class Louder(Widening):
        def predictions(self, x, n_draws):
            plain = super().predictions(x, n_draws)
            return Mixture(plain.location, 0.1 + np.abs(x) * np.ones(n_draws))

    cell = Louder()
    assert read(cell, foong, points=40, draws=4)[EVERYWHERE, OVER_ALL] == pytest.approx(1)
    x = cell.asked[3][:, 0]
    assert len(x) == 120 and (np.diff(x) > 0).all() and x.min() > -2 and x.max() < 2
    assert np.isnan(read(Widening(), foong, points=40, draws=4)[EVERYWHERE, OVER_ALL])  # noise of one sd


def test_of_classes_entropies_are_read():
    class Shy:
        def predictions(self, x, n_draws):
            p = 0.5 + 0.4 * np.where(np.arange(n_draws) % 2, 1, -1)[:, None] * (np.abs(x[:, 0]) > 3)
            return Predictions.from_draws(np.stack([1 - p, p], -1))

    found = read(Shy(), datasets.make("noisy_labels", {"n_train": 5}, [0]), points=10, draws=4)
    assert {metric for _, metric in found} == {*METRICS["classification"], OVER_ALL}
    assert (
        found["inside", "expected_entropy"] == pytest.approx(np.log(2)) and found["inside", "mutual_information"] == 0
    )
    assert found["outside", "predictive_entropy"] == pytest.approx(np.log(2))
    assert found["outside", "mutual_information"] > 0.3 and found[EVERYWHERE, OVER_ALL] == pytest.approx(-1)


def test_a_grid_leaves_no_interval_out():
    x = grid([(0.0, 1.0), (10.0, 13.0)], 8)[:, 0]
    assert x.tolist() == [0.25, 0.75, 10.25, 10.75, 11.25, 11.75, 12.25, 12.75]


def test_variants_of_a_family_have_its_regions():
    data = datasets.make("three_intervals", {"noise": 0.1, "heteroscedastic": True, "n_train": 5}, [0])
    assert regions_of(data) == datasets.regions("three_intervals", {})


def test_data_without_regions_are_refused():
    with pytest.raises(ValueError, match=r"'moons-0.4' has no regions"):
        list(probes.make("regions", {}).run(Widening(), datasets.make("moons", {"noise": 0.4}, [0]), 0))
