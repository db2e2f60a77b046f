"""Densities of images that were not trained on: the data, the scores, and what claims make of them."""

import os

import numpy as np
import pytest

from bnnbench import datasets
from bnnbench.claims.density_novelty import claims_on
from bnnbench.datasets import _files
from bnnbench.metrics import auroc
from bnnbench.metrics.density._densities import Densities
from bnnbench.probes import make

REAL = pytest.mark.skipif(not os.environ.get(_files.ENVIRONMENT), reason=f"{_files.ENVIRONMENT} names no data folder")


class Told:
    """A stand-in for a trained cell: images of a mean above 0 are improbable, and draws do not agree about them."""

    def predictions(self, x, n_draws):
        bright = x.mean(1)
        return Densities(-bright, -bright, np.maximum(bright, 0) ** 2, x.shape[1])


def data_of(known, novel):
    rng = np.random.default_rng(0)
    pool = (known + rng.normal(size=(200, 4))).astype(np.float32)
    data = datasets.make("digits_density", {}, [0])
    far = (novel + rng.normal(size=(90, 4))).astype(np.float32)
    return type(data)(
        "points", pool[:100], np.zeros(100, int), np.arange(60)[None], np.arange(60, 100)[None], np.array([0]),
        pool[100:], np.zeros(100, int), 1, novel={"far": far}, task="density", standardise=True,
    )  # fmt: skip


def test_the_scores_are_density_spread_and_their_sum():
    densities = Densities(np.array([-1.0, -3.0]), np.array([-1.5, -3.5]), np.array([0.25, 4.0]), 2)
    found = densities.novelty_scores
    np.testing.assert_allclose(found["nll"], [1, 3])
    np.testing.assert_allclose(found["spread"], [0.5, 2])
    np.testing.assert_allclose(found["waic"], [1.25, 7])


@pytest.mark.parametrize(("novel", "most"), [(2.0, 1.0), (-2.0, 0.0)])
def test_novel_points_are_told_by_their_density_or_taken_for_usual(novel, most):
    data = data_of(0.0, novel)
    readings = {(r.variable, r.metric): r.value for r in make("novelty", {}).run(Told(), data, 0)}
    score = np.concatenate([data.x_test.mean(1), data.novel["far"].mean(1)])
    expected = auroc(score, np.repeat([False, True], [100, 90]))
    assert readings["far/nll", "auroc"] == pytest.approx(expected)
    assert abs(readings["far/nll", "auroc"] - most) < 0.1
    assert np.sign(readings["far/nll", "mean_novel"] - readings["far/nll", "mean_known"]) == np.sign(novel)


def test_digits_are_spread_out_within_their_grey_levels_and_dim_ones_are_halves():
    data = datasets.make("digits_density", {}, [0, 1])
    assert set(data.y_test) == {0, 1, 2, 3, 4} and len(data.novel["others"]) == 1797 - 901
    whole = np.floor(data.x_test)
    assert whole.min() == 0 and whole.max() == 16
    remainder = data.x_test - whole
    assert remainder.mean() == pytest.approx(0.5, abs=0.01) and remainder.std() == pytest.approx(12**-0.5, abs=0.01)
    np.testing.assert_array_equal(np.floor(data.novel["dim"]), whole // 2)
    assert data.scaling(0).log_volume == pytest.approx(np.log(data.split(0)[0].std(0)).sum(), abs=1e-4)
    with pytest.raises(ValueError, match="exceed its pool of 700"):
        datasets.make("digits_density", {"n_train": 650, "n_validation": 100}, [0])


@REAL
@pytest.mark.parametrize(("family", "other"), [("mnist", "fashion-mnist"), ("fashion", "mnist")])
def test_images_of_the_other_set_are_spread_out_like_ones_own(family, other):
    data = datasets.make(
        f"{family}_density", {"strangers": other, "n_train": 50, "n_validation": 20, "n_test": 30}, [0]
    )
    labelled = "fashion_mnist" if family == "fashion" else family
    images = datasets.make(labelled, {"strangers": other, "n_train": 50, "n_validation": 20, "n_test": 30}, [0])
    novel, levels = data.novel[other], images.novel[other]
    assert novel.shape == (10_000, 784) and novel.min() >= 0 and novel.max() <= 1
    within = novel * 256 - levels.reshape(10_000, 784)
    assert within.min() >= 0 and within.max() <= 1
    assert within.mean() == pytest.approx(0.5, abs=0.01) and data.task == "density"


def test_a_claim_on_other_kinds_is_decided_by_the_first_of_them():
    plain, other = claims_on({"a": "few", "b": "many"}), claims_on({"b": "many", "a": "few"}, "X")
    assert [c.id for c in plain] == ["D1", "D2"] and [c.id for c in other] == ["D1X", "D2X"]
    for claim, kind, method in ((plain[0], "few", "MAP"), (plain[1], "few", "ensemble"), (other[0], "many", "MAP")):
        decides = [s for s in claim.statistics if not s.beside]
        assert len(decides) == 1 and kind in decides[0].name and method.lower() in decides[0].name.lower()
        assert len(claim.statistics) == 6
