"""What is stored of a regression's predictions: small, and as good as what was computed."""

import numpy as np
import pytest
import xarray as xr

from bnnbench import tasks
from bnnbench.metrics import evaluate

N, DRAWS = 500, 100
TASK = tasks.find("regression")


def summary(heteroscedastic: bool, seed: int = 0, **changes) -> dict[str, np.ndarray]:
    """Locations and scales of two cells, as a likelihood sums them up."""
    rng = np.random.default_rng(seed)
    middle = 3 * rng.standard_normal((2, N, 1))
    location = middle + rng.gamma(2, 0.3, (2, N, 1)) * rng.standard_normal((2, N, DRAWS))
    shape = (2, N, DRAWS) if heteroscedastic else (2, 1, DRAWS)
    scale = np.exp(-1 + 0.3 * rng.standard_normal(shape))
    return {"location": location.astype(np.float32), "scale": scale.astype(np.float32)} | changes


def stored(arrays: dict[str, np.ndarray], path) -> xr.Dataset:
    """The arrays after a journey through a file."""
    encoded = TASK.encode(arrays, DRAWS, halves=True)
    group = xr.Dataset(encoded, attrs={"n_draws": DRAWS})
    encoding = {name: {"zlib": True, "complevel": 4} for name in group.data_vars}
    group.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    return xr.load_dataset(path, engine="h5netcdf")


@pytest.mark.parametrize("heteroscedastic", [False, True])
def test_metrics_of_what_is_stored_are_those_of_what_was_computed(heteroscedastic, tmp_path):
    arrays = summary(heteroscedastic)
    group = stored(arrays, tmp_path / "group.nc")
    y = arrays["location"][1, :, 0] + 0.4 * np.random.default_rng(1).standard_normal(N)
    exact, kept = (evaluate(m, y) for m in (TASK.summarise(arrays, 1, DRAWS), TASK.decode(group, 1)))
    assert kept == pytest.approx(exact, rel=4e-3, abs=4e-3, nan_ok=True)


@pytest.mark.parametrize("heteroscedastic", [False, True])
def test_a_cell_takes_no_more_than_150_kilobytes(heteroscedastic, tmp_path):
    stored(summary(heteroscedastic), tmp_path / "group.nc")
    assert (tmp_path / "group.nc").stat().st_size / 2 < 150_000


def test_one_draw_far_from_all_others_leaves_these_as_they_were(tmp_path):
    arrays = summary(True)
    arrays["location"][:, :, 7] = 1e6
    found = TASK.decode(stored(arrays, tmp_path / "group.nc"), 0).location
    others = np.delete(np.arange(DRAWS), 7)
    spread = arrays["location"][0][:, others].std(1)
    error = abs(found - arrays["location"][0])[:, others].max(1)
    assert (error < 0.01 * spread).all()
    np.testing.assert_allclose(found[:, 7], 1e6, rtol=0.2)


def test_a_point_estimate_and_draws_that_agree_are_exact(tmp_path):
    same = summary(False, location=np.repeat(np.linspace(-5, 5, N)[None, :, None], 2, 0).astype(np.float32))
    one = same | {"scale": same["scale"][:, :, :1]}
    mixture = TASK.decode(stored(one, tmp_path / "group.nc"), 0)
    np.testing.assert_allclose(mixture.location[:, 0], np.linspace(-5, 5, N), rtol=1e-6)
    assert mixture.epistemic_variance.max() == 0


def test_predictions_come_back_in_the_targets_units():
    arrays = summary(True)
    moved = TASK.rescaled(arrays, np.array([10.0, -3.0]), np.array([2.0, 0.5]))
    before, after = (TASK.summarise(a, 1, DRAWS) for a in (arrays, moved))
    np.testing.assert_allclose(after.mean, 0.5 * before.mean - 3, rtol=1e-6)
    np.testing.assert_allclose(after.total_variance, 0.25 * before.total_variance, rtol=1e-5)


def test_the_halves_of_the_chains_are_the_halves_of_the_draws(tmp_path):
    arrays = summary(False)
    first, second = TASK.halves(stored(arrays, tmp_path / "group.nc"), 0)
    np.testing.assert_allclose(first.location, arrays["location"][0, :, : DRAWS // 2], atol=0.01)
    np.testing.assert_allclose(second.scale.mean(), arrays["scale"][0, 0, DRAWS // 2 :].mean(), rtol=1e-5)
