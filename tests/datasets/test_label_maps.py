"""Scenes that are made up, whose truth is known; and label maps in files, which are refused with their names."""

import numpy as np
import pytest
from PIL import Image

from bnnbench import datasets
from bnnbench.datasets import _label_maps, camvid, shapes
from bnnbench.datasets._check import DataError


def test_what_is_shown_is_read_off_the_image_exactly():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        regions, classes, colours = shapes._scene(rng, 24)
        image = shapes._image(rng, regions, colours)
        clean = classes[regions]
        assert np.array_equal(shapes._shown(image.astype(int) // shapes.STEP), clean)
        seen |= set(classes.tolist())
    assert seen == {0, 1, 2, 3}


def test_labels_follow_the_true_probabilities_and_are_noisy_at_edges_alone():
    data = datasets.make("shapes", {"noise": 0.6, "n_test": 400}, [0])
    x, y = data.test()
    proba = shapes.pixel_proba(x, 0.6)
    np.testing.assert_allclose(proba.sum(1), 1)
    known = y >= 0
    hits = (y[:, None] == np.arange(4)[:, None, None])[known[:, None].repeat(4, 1)].reshape(-1)
    p = proba[known[:, None].repeat(4, 1)].reshape(-1)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 0.9)):
        of_bin = (p > low) & (p <= high)
        error = np.sqrt((p * (1 - p))[of_bin].sum()) / of_bin.sum()
        assert abs(hits[of_bin].mean() - p[of_bin].mean()) < 4 * error
    top, labels = proba.max(1), proba.argmax(1)
    assert ((labels == y) | (top < 1))[known].all() and 0.02 < (~known).mean() < 0.06
    inner = shapes.pixel_proba(x, 0.0)
    assert set(np.unique(inner)) == {0.0, 1.0}


def test_the_file_keeps_maps(tmp_path):
    data = datasets.make("shapes", {"n_train": 3, "n_validation": 2, "n_test": 2}, [0])
    data.to_netcdf(tmp_path / "d.nc")
    read = datasets.DataSet.from_netcdf(tmp_path / "d.nc")
    assert read.y_pool.dtype == np.int8 and np.array_equal(read.y_pool, data.y_pool)
    assert read.class_names == shapes.CLASSES


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"y_test": lambda y: y[:, :5]}, r"make it \(2, 24, 24\)"),
        ({"y_test": lambda y: np.where(y == 1, 9, y)}, "labels from 0 to 9"),
        ({"y_test": lambda y: y.astype(np.float32)}, "whole numbers"),
        ({"y_test": lambda y: np.full_like(y, -1)}, "no pixel that is not void"),
    ],
)
def test_arrays_that_are_no_label_maps_are_refused(change, fault):
    from dataclasses import replace

    data = datasets.make("shapes", {"n_train": 3, "n_validation": 2, "n_test": 2}, [0])
    ((name, broken),) = change.items()
    with pytest.raises(DataError, match=fault):
        replace(data, **{name: broken(getattr(data, name))})


def write(folder, name: str, labels: np.ndarray, size=(12, 9)) -> tuple:
    """A pair of files: an image of columns x rows, and labels."""
    for part in ("images", "labels"):
        (folder / part).mkdir(exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
    Image.fromarray(labels).save(folder / "labels" / f"{name}.png")
    return folder / "images" / f"{name}.png", folder / "labels" / f"{name}.png"


def test_images_are_averaged_and_labels_picked(tmp_path):
    labels = np.full((9, 12), 2, np.uint8)
    labels[:3] = 11
    pair = write(tmp_path, "a", labels)
    x, y = _label_maps.read(pair, (3, 4), 11, 11)
    pixels = np.asarray(Image.open(pair[0])).astype(float)
    np.testing.assert_allclose(x[:, 0, 0], pixels[:3, :3].mean((0, 1)), atol=1)
    assert y.dtype == np.int8 and y[0].tolist() == [-1] * 4 and set(y[1:].flat) == {2}


def test_what_does_not_fit_is_refused_with_its_file(tmp_path):
    known = np.zeros((9, 12), np.uint8)

    def refused(fault, labels=known, size=(3, 4)):
        with pytest.raises(DataError, match=fault):
            _label_maps.read(write(tmp_path, "b", labels), size, 11, 11)

    refused(r"b\.png holds the class 12; known are 0 to 10, and 11 for void", known + 12)
    with pytest.raises(DataError, match="9 x 15 and 9 x 12 rows and columns; make them the same"):
        _label_maps.read(write(tmp_path, "c", known, size=(15, 9)), (3, 4), 11, 11)
    refused("fewer than 90 x 120; lower size", size=(90, 120))
    refused("has colours", np.zeros((9, 12, 3), np.uint8))
    pair = write(tmp_path, "d", known)
    pair[0].write_bytes(b"no image")
    with pytest.raises(DataError, match=r"d\.png is no image"):
        _label_maps.read(pair, (3, 4), 11, 11)
    (tmp_path / "labels" / "d.png").unlink()
    with pytest.raises(DataError, match="labels lacks a file called d"):
        _label_maps.pairs(tmp_path / "images", tmp_path / "labels")
    with pytest.raises(DataError, match="is not a folder"):
        _label_maps.pairs(tmp_path / "nothing", tmp_path / "labels")


def test_another_edition_is_refused_with_its_digest(tmp_path, monkeypatch):
    for part in ("train", "val", "test"):
        (tmp_path / "camvid").mkdir(exist_ok=True)
        images, _ = write(tmp_path, part, np.zeros((9, 12), np.uint8))
        (tmp_path / "camvid" / part).mkdir()
        (tmp_path / "camvid" / f"{part}annot").mkdir()
        images.rename(tmp_path / "camvid" / part / "0.png")
        (tmp_path / "labels" / f"{part}.png").rename(tmp_path / "camvid" / f"{part}annot" / "0.png")
    options = {"size": 3, "n_train": 1, "n_validation": 1, "n_test": 1}
    with pytest.raises(DataError, match="holds 1 images; the published split has 367"):
        datasets.make("camvid", options, [0], tmp_path)
    for name in ("TRAIN", "VALIDATION", "TEST"):
        monkeypatch.setattr(camvid, name, 1)
    with pytest.raises(DataError, match="another edition than asked for") as error:
        datasets.make("camvid", options, [0], tmp_path)
    found = str(error.value).split("sha256: ")[1]
    data = datasets.make("camvid", options | {"sha256": found}, [0], tmp_path)
    assert data.x_test.shape == (1, 3, 3, 4) and data.y_test.shape == (1, 3, 4)


def test_without_a_folder_the_remedy_is_told(monkeypatch):
    monkeypatch.delenv("BNNBENCH_DATA", raising=False)
    with pytest.raises(DataError, match="cannot be downloaded: place its folders"):
        datasets.make("camvid", {}, [0])


@pytest.mark.parametrize(
    ("options", "fault"), [({"size": 100}, "multiple of 3"), ({"n_train": 400}, "the part has 367 images")]
)
def test_options_that_cannot_be_are_refused_in_planning(options, fault):
    assert fault in "; ".join(datasets.faults("camvid", options))
