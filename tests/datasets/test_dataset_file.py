"""The DataSet form: its checks, its splits, and its file."""

from dataclasses import fields, replace

import numpy as np
import pytest

from bnnbench.datasets import DataError, DataSet, circles, cubic, diabetes, digits
from bnnbench.files import integrity


@pytest.fixture
def toy():
    return circles.generate(0.4, n_train=6, n_validation=4, n_test=5, seeds=[2, 5])


@pytest.fixture
def curve():
    return cubic.generate(n_train=6, n_validation=4, n_test=5, seeds=[2, 5])


@pytest.mark.parametrize(
    "make", [lambda: circles.generate(0.4, n_test=50, seeds=[2, 5]), digits.generate, cubic.generate, diabetes.generate]
)
def test_file_round_trip(make, tmp_path):
    data, path = make(), tmp_path / "new" / "data.nc"
    data.to_netcdf(path)
    back = DataSet.from_netcdf(path)
    for field in fields(DataSet):
        before, after = getattr(data, field.name), getattr(back, field.name)
        np.testing.assert_array_equal(after, before)
        assert getattr(after, "dtype", type(after)) == getattr(before, "dtype", type(before))
    assert [p.name for p in path.parent.iterdir()] == ["data.nc"]


def test_file_follows_the_contract(toy, tmp_path):
    import xarray as xr

    toy.to_netcdf(tmp_path / "toy.nc")
    with xr.open_dataset(tmp_path / "toy.nc", engine="h5netcdf") as stored:
        assert stored["train_index"].dims[0] == stored["validation_index"].dims[0] == "seed"
        assert stored["seed"].values.tolist() == [2, 5]
        assert stored["x_pool"].dims[0] == "pool"
        kind = {"task": "classification", "standardise": 0}
        assert stored.attrs == {"name": "circles-0.4", "n_classes": 2, "x_divisor": 1.0, **kind}


def test_a_file_that_names_no_task_is_classification(toy, tmp_path):
    import h5py

    toy.to_netcdf(tmp_path / "toy.nc")
    with h5py.File(tmp_path / "toy.nc", "a") as stored:
        del stored.attrs["task"], stored.attrs["standardise"]
    integrity.seal(tmp_path / "toy.nc")
    back = DataSet.from_netcdf(tmp_path / "toy.nc")
    assert (back.task, back.standardise) == ("classification", False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_index": lambda d: d.test_index[:1]}, "test_index has shape"),
        ({"test_index": lambda d: d.train_index[:, :88]}, "test_index shares 88 points with train at seed 0"),
        ({"test_index": lambda d: d.validation_index}, "test_index shares 35 points with validation at seed 0"),
        ({"x_test": lambda d: d.x_pool[:5], "y_test": lambda d: d.y_pool[:5]}, "x_test is given beside test_index"),
    ],
)
def test_test_rows_of_a_seed_are_apart_from_what_it_trains_on(changes, message):
    data = diabetes.generate(seeds=[0, 1])
    with pytest.raises(DataError, match=message):
        replace(data, **{name: change(data) for name, change in changes.items()})


def test_each_seed_has_the_test_set_that_was_drawn_for_it():
    data = diabetes.generate(seeds=[0, 1])
    (first, targets), (second, _) = data.test(0), data.test(1)
    assert first.shape == second.shape == (88, 10) and not np.array_equal(first, second)
    assert np.array_equal(targets, data.y_pool[data.test_index[0]])
    assert np.array_equal(diabetes.generate(seeds=[1]).test(1)[0], second)
    with pytest.raises(ValueError, match="'diabetes' has a test set for each seed; say of which"):
        data.test()


def test_failed_write_keeps_the_old_file(toy, tmp_path, monkeypatch):
    import xarray as xr

    path = tmp_path / "toy.nc"
    toy.to_netcdf(path)
    before = path.read_bytes()

    def fail(self, target, **_):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", fail)
    with pytest.raises(OSError, match="disk full"):
        toy.to_netcdf(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["toy.nc"]


def test_unreadable_file_is_named(tmp_path):
    path = tmp_path / "data.nc"
    with pytest.raises(FileNotFoundError, match=r"data\.nc"):
        DataSet.from_netcdf(path)
    path.write_bytes(b"not netCDF")
    with pytest.raises(DataError, match=r"data\.nc.*delete it"):
        DataSet.from_netcdf(path)


def test_unknown_seed_is_refused(toy):
    with pytest.raises(ValueError, match=r"circles-0\.4.*seed 3.*2, 5"):
        toy.split(3)


def _with(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("array", "change", "message"),
    [
        ("x_pool", lambda a: _with(a, (4, 1), np.nan), "NaN or infinity.*row 4"),
        ("x_test", lambda a: _with(a, (0, 0), np.inf), "NaN or infinity"),
        ("x_test", lambda a: a[:, :1], "shape"),
        ("y_pool", lambda a: _with(a, 0, 2), "labels from 0 to 2"),
        ("y_test", lambda a: _with(a, 0, -1), "labels from -1"),
        ("y_test", lambda a: a[:-1], "shape"),
        ("y_pool", lambda a: a.astype(float), "type float64; code the classes"),
        ("train_index", lambda a: a[:1], "shape"),
        ("train_index", lambda a: _with(a, (0, 0), 99), "outside the pool"),
        ("validation_index", lambda a: _with(a, (0, 0), 0), "shares 1 points with train at seed 2"),
        ("seeds", lambda a: np.array([2, 2]), "each once"),
        ("x_divisor", lambda a: 0.0, "positive"),
        ("x_divisor", lambda a: 1e-300, "positive"),
        ("x_test", lambda a: a.astype(float) * 1e200, "beyond single precision"),
        ("x_pool", lambda a: a.astype(float) * [1, 1e-200], "too little for single precision in 1 features, first"),
        ("x_pool", lambda a: 1.6e9 + a.astype(float), "too little for single precision in 2 features, first in 0"),
    ],
)
def test_wrong_arrays_are_refused_by_name(toy, array, change, message):
    with pytest.raises(ValueError, match=rf"circles-0\.4.*{array}.*{message}"):
        replace(toy, **{array: change(getattr(toy, array))})


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("y_pool", lambda a: a.astype(float), "has type float64; make the targets float32"),
        ("y_test", lambda a: a.astype(int), "has type int64; make the targets float32"),
        ("y_pool", lambda a: _with(a, 3, np.nan), "NaN or infinity in 1 rows, first in row 3"),
        ("y_test", lambda a: a[:, None], "has shape .5, 1. for 5 inputs; give one target an input"),
        ("n_classes", lambda n: 2, "is 2 for regression; make it 1"),
        ("task", lambda task: "ranking", "is 'ranking'; make it one of classification, "),
        ("task", lambda task: "classification", "has type float32; code the classes"),
    ],
)
def test_wrong_targets_are_refused_by_name(curve, field, change, message):
    with pytest.raises(DataError, match=rf"'cubic'.*{message}"):
        replace(curve, **{field: change(getattr(curve, field))})


def test_a_divisor_that_takes_inputs_beyond_single_precision_is_refused(toy):
    with pytest.raises(ValueError, match=r"circles-0\.4.*x_pool holds values beyond single precision; divide it"):
        replace(toy, x_divisor=1e-40)


def test_digits_are_split_without_overlap_and_scaled():
    data = digits.generate(seeds=[0, 1])
    assert data.x_test.shape == (497, 1, 8, 8)
    assert data.x_pool.shape == (1300, 1, 8, 8)
    x_train, y_train, x_validation, _ = data.split(0)
    assert (x_train.shape, x_validation.shape) == ((1000, 1, 8, 8), (300, 1, 8, 8))
    assert (x_train.dtype, x_train.min(), x_train.max()) == (np.float32, 0, 1)
    assert data.test()[0].max() == 1
    counts = np.bincount(data.y_test)
    assert counts.max() - counts.min() <= 3  # stratified: the classes are nearly equally frequent
    assert not np.array_equal(y_train, data.split(1)[1])
    alone = digits.generate(seeds=[1])
    np.testing.assert_array_equal(alone.x_test, data.x_test)
    np.testing.assert_array_equal(alone.split(1)[0], data.split(1)[0])
    with pytest.raises(ValueError, match="1300"):
        digits.generate(n_train=1200)
