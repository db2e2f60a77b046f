"""IDX files: every way in which they can be wrong is refused by name, and nothing is downloaded unasked."""

import gzip
import hashlib
import os
import shutil
import struct

import numpy as np
import pooch
import pytest

from bnnbench.datasets import DataError, _files, _idx, fashion_mnist, mnist


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
CONTENT = idx(IMAGES)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A data folder with a tiny `mnist`, and the module told to expect just that; downloads are refused."""
    rng = np.random.default_rng(1)
    contents = {}
    for part, n in (("train", 30), ("t10k", 10)):
        contents[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (n, 4, 4), dtype=np.uint8))
        contents[f"{part}-labels-idx1-ubyte"] = idx(rng.integers(0, 10, n, dtype=np.uint8))
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    for file, content in contents.items():
        (tmp_path / "data" / "mnist" / f"{file}.gz").write_bytes(gzip.compress(content))
    counts = {file: 30 if file.startswith("train") else 10 for file in _idx.FILES}
    monkeypatch.setattr(_idx, "FILES", counts)
    digests = tuple(hashlib.sha256(contents[file]).hexdigest() for file in counts)
    monkeypatch.setitem(_idx.SHA256, "mnist", digests)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    monkeypatch.delenv(_files.ENVIRONMENT, raising=False)
    downloads(monkeypatch, lambda url, target: pytest.fail(f"attempted to download {url}"))
    return tmp_path / "data"


def downloads(monkeypatch, fetch):
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: lambda url, target, pooch, **_: fetch(url, target))


SMALL = {"n_train": 20, "n_validation": 10, "n_test": 10}


@pytest.mark.parametrize("pack", [gzip.compress, bytes])
def test_reads_gzip_and_plain(tmp_path, pack):
    path = tmp_path / "images.gz"
    path.write_bytes(pack(CONTENT))
    np.testing.assert_array_equal(_idx.read_idx(path, 6, hashlib.sha256(CONTENT).hexdigest()), IMAGES)


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        (b"", "not an IDX file"),
        (b"<html>404 not found</html>", "not an IDX file"),
        (b"\x00\x00\x0d" + CONTENT[3:], "not an IDX file"),
        (CONTENT[:9], "truncated within its header"),
        (CONTENT[:-1], "truncated: .* needs"),
        (CONTENT + b"\x00", "too long"),
        (idx(IMAGES[:5]), "holds 5 entries where 6"),
        (idx(IMAGES[::-1].copy()), "SHA-256"),
        (gzip.compress(CONTENT)[:-12], "corrupt gzip"),
        (gzip.compress(CONTENT)[:40] + b"\xff\xff\xff" + gzip.compress(CONTENT)[43:], "corrupt gzip"),
        (gzip.compress(CONTENT[:-1]), "truncated"),
    ],
)
def test_wrong_file_is_refused_by_name(tmp_path, stored, fault):
    path = tmp_path / "images.gz"
    path.write_bytes(stored)
    with pytest.raises(DataError, match=rf"(?s)images\.gz: .*{fault}.*; delete it"):
        _idx.read_idx(path, 6, hashlib.sha256(CONTENT).hexdigest())


def test_unreadable_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"absent\.gz"):
        _idx.read_idx(tmp_path / "absent.gz")


def test_splits_are_nested_disjoint_and_scaled(tiny):
    data = mnist.generate(seeds=[0, 1], data_dir=tiny, **SMALL)
    assert data.x_pool.shape == (30, 1, 4, 4)
    assert (data.x_pool.dtype, data.x_divisor, data.n_classes) == (np.uint8, 255, 10)
    x_train, *_ = data.split(0)
    assert x_train.dtype == np.float32
    assert x_train.min() >= 0 and x_train.max() <= 1
    assert not np.array_equal(data.train_index[0], data.train_index[1])
    less = mnist.generate(seeds=[1], data_dir=tiny, n_train=5, n_validation=3, n_test=4)
    assert len(less.x_pool) == 8  # nothing but what is used
    np.testing.assert_array_equal(less.split(1)[0], data.split(1)[0][:5])
    np.testing.assert_array_equal(less.x_test, mnist.generate([4], tiny, 5, 3, 4).x_test)
    with pytest.raises(ValueError, match="n_test"):
        mnist.generate(data_dir=tiny, **{**SMALL, "n_test": 11})
    with pytest.raises(ValueError, match="exceed its pool of 30"):
        mnist.generate(data_dir=tiny, **{**SMALL, "n_train": 21})


def test_folder_from_the_environment_and_files_without_gz(tiny, monkeypatch):
    for path in (tiny / "mnist").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    monkeypatch.setenv(_files.ENVIRONMENT, str(tiny))
    assert len(mnist.generate(**SMALL).x_test) == 10


def test_given_folder_wins_over_the_environment(tiny, monkeypatch):
    monkeypatch.setenv(_files.ENVIRONMENT, str(tiny / "nowhere"))
    assert len(mnist.generate(data_dir=tiny, **SMALL).x_test) == 10


@pytest.mark.parametrize("through", ["argument", "environment"])
def test_named_folder_that_is_missing_is_refused_without_download(tiny, monkeypatch, through):
    missing = tiny / "nowhere"
    if through == "environment":
        monkeypatch.setenv(_files.ENVIRONMENT, str(missing))
    with pytest.raises(DataError, match=r"nowhere.*is not a folder") as caught:
        mnist.generate(data_dir=missing if through == "argument" else None, **SMALL)
    assert (_files.ENVIRONMENT in str(caught.value)) == (through == "environment")


def test_named_folder_that_lacks_files_is_refused_without_download(tiny):
    (tiny / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"lacks .*t10k-labels-idx1-ubyte; place"):
        mnist.generate(data_dir=tiny, **SMALL)
    with pytest.raises(DataError, match=r"lacks .*fashion-mnist"):
        fashion_mnist.generate(data_dir=tiny, **SMALL)


def test_download_skips_bad_mirrors_and_fills_the_cache(tiny, tmp_path, monkeypatch):
    asked = []

    def fetch(url, target):
        asked.append(url)
        if url.startswith(_idx.MIRRORS["mnist"][0]):
            with open(target, "wb") as file:  # a file that arrives, but is not the published one
                file.write(gzip.compress(CONTENT))
        else:
            shutil.copy(tiny / "mnist" / url.rsplit("/", 1)[1], target)

    downloads(monkeypatch, fetch)
    mnist.generate(**SMALL)
    assert len(asked) == 8
    mnist.generate(**SMALL)
    assert len(asked) == 8  # from the cache
    cached = sorted(path.name for path in (tmp_path / "cache" / "mnist").iterdir())
    assert cached == sorted(f"{file}.gz" for file in _idx.FILES)


def test_failed_download_says_what_was_tried_and_what_to_do(tiny, tmp_path, monkeypatch):
    def fetch(url, target):
        with open(target, "wb") as file:
            file.write(b"half")
        raise OSError("no route to host")

    downloads(monkeypatch, fetch)
    with pytest.raises(DataError) as caught:
        mnist.generate(**SMALL)
    for expected in (*_idx.MIRRORS["mnist"], "no route to host", "by hand", _files.ENVIRONMENT):
        assert expected in str(caught.value)
    assert not list((tmp_path / "cache" / "mnist").iterdir())


@pytest.mark.skipif(not os.environ.get(_files.ENVIRONMENT), reason=f"{_files.ENVIRONMENT} names no data folder")
@pytest.mark.parametrize(("module", "first_labels"), [(mnist, [7, 2, 1, 0]), (fashion_mnist, [9, 2, 1, 1])])
def test_published_files(module, first_labels):
    data = module.generate(seeds=[0, 1], n_train=300, n_validation=100)
    assert data.x_pool.shape[1:] == (1, 28, 28)
    assert data.x_test.shape == (10_000, 1, 28, 28)
    assert np.bincount(data.y_test).min() > 800
    assert data.y_test[:4].tolist() == first_labels
