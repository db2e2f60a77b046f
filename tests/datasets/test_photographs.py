"""CIFAR-10 and cats and dogs: files that are made up here, each way to be wrong refused with place and remedy."""

import gzip
import hashlib
import io
import tarfile

import numpy as np
import pooch
import pytest
from PIL import Image

from bnnbench import datasets
from bnnbench.datasets import DataError, _cifar, _files, _photographs
from bnnbench.words import names

PER_BATCH = 40


def batch(seed: int) -> bytes:
    """A batch of images, each class four times, whose every pixel tells image and channel."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (PER_BATCH, 3073), dtype=np.uint8)
    rows[:, 0] = rng.permutation(np.arange(PER_BATCH) % 10)
    return rows.tobytes()


CONTENTS = {name: batch(seed) for seed, name in enumerate(_cifar.SHA256)}
CIFAR = {"n_train": 120, "n_validation": 40, "n_test": 30}


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """A data folder with a tiny CIFAR-10, which is taken for the published one; downloads are refused."""
    folder = tmp_path / "data" / _cifar.FOLDER
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(_cifar, "SHA256", digests)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    monkeypatch.setattr(
        pooch, "HTTPDownloader", lambda **_: lambda url, *_: pytest.fail(f"attempted to download {url}")
    )
    monkeypatch.delenv(_files.ENVIRONMENT, raising=False)
    return tmp_path / "data"


def published() -> dict:
    """The option that names the tiny edition."""
    return {"sha256": _cifar.edition(_cifar.SHA256)}


def test_the_layout_is_label_then_red_green_and_blue_row_by_row(cifar):
    data = datasets.make("cifar10", CIFAR | published() | {"n_test": 40}, [0], cifar)
    rows = np.frombuffer(CONTENTS["test_batch.bin"], np.uint8).reshape(-1, 3073)
    np.testing.assert_array_equal(data.y_test, rows[:, 0])
    assert data.x_test[5, 1, 2, 3] == rows[5, 1 + 1024 + 2 * 32 + 3]
    assert data.x_test.shape == (40, 3, 32, 32) and data.x_divisor == 255


def test_classes_are_numbered_anew_and_subsets_are_nested(cifar):
    options = {"classes": [5, 6, 7, 8, 9], "n_train": 60, "n_validation": 20, "n_test": 20} | published()
    of_all = datasets.make("cifar10", options, [0, 1], cifar)
    few = datasets.make("cifar10", options | {"subset": 15}, [1], cifar)
    assert (of_all.name, few.name) == ("cifar10-5-to-9", "cifar10-5-to-9-n-15")
    assert set(of_all.y_pool) == set(range(5)) and of_all.n_classes == 5
    np.testing.assert_array_equal(few.split(1)[0], of_all.split(1)[0][:15])
    np.testing.assert_array_equal(few.x_test, of_all.x_test)
    whole = {image.tobytes(): label for image, label in zip(*_cifar.load(cifar, **published())[0], strict=True)}
    assert [whole[image.tobytes()] for image in of_all.x_pool] == (of_all.y_pool + 5).tolist()


def test_what_was_pretrained_on_and_what_is_transferred_to_share_no_image(cifar):
    parts = []
    for classes in ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9]):
        options = {"classes": classes, "n_train": 60, "n_validation": 20, "n_test": 20} | published()
        data = datasets.make("cifar10", options, [0], cifar)
        parts.append({image.tobytes() for image in (*data.x_pool, *data.x_test)})
    assert not parts[0] & parts[1]


def test_another_edition_is_refused_with_what_differs_and_taken_by_its_digest(cifar):
    folder = cifar / _cifar.FOLDER
    for name in _cifar.TRAIN[1:]:
        (folder / f"{name}.gz").unlink()
    (folder / "test_batch.bin.gz").write_bytes(batch(99))
    counts = {"n_train": 20, "n_validation": 10, "n_test": 10}
    with pytest.raises(DataError, match=r"missing: data_batch_2.*changed: test_batch\.bin\).*option sha256: ") as error:
        datasets.make("cifar10", counts | published(), [0], cifar)
    named = {"sha256": str(error.value).rpartition(" ")[2]}
    assert len(datasets.make("cifar10", counts | named, [0], cifar).x_pool) == 30
    with pytest.raises(ValueError, match="exceed its pool of 40"):
        datasets.make("cifar10", CIFAR | named, [0], cifar)


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        (b"", "0 bytes are no whole number of images"),
        (CONTENTS["data_batch_2.bin"][:-1], "no whole number of images, of 3073 bytes each"),
        (b"\x0b" + CONTENTS["data_batch_2.bin"][1:], "image 0 has the label 11, beyond 9"),
        (gzip.compress(CONTENTS["data_batch_2.bin"])[:-9], "corrupt gzip"),
    ],
)
def test_a_wrong_batch_is_refused_by_name(tmp_path, stored, fault):
    path = tmp_path / "data_batch_2.bin"
    path.write_bytes(stored)
    with pytest.raises(DataError, match=rf"data_batch_2\.bin: .*{fault}.*delete it and place or download"):
        _cifar.parsed(path, _cifar.read(path))


def test_a_folder_without_batches_is_refused_with_what_is_missing(cifar):
    (cifar / _cifar.FOLDER / "test_batch.bin.gz").unlink()
    with pytest.raises(DataError, match=r"lacks test_batch\.bin; place the published files there"):
        datasets.make("cifar10", CIFAR, [0], cifar)


def test_the_archive_is_downloaded_once_verified_and_unpacked(cifar, tmp_path, monkeypatch):
    packed, asked = io.BytesIO(), []
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in CONTENTS.items():
            entry = tarfile.TarInfo(f"{_cifar.FOLDER}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

    def fetch(url, target, *_, **__):
        asked.append(url)
        with open(target, "wb") as file:
            file.write(packed.getvalue())

    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: fetch)
    with pytest.raises(DataError, match=r"(?s)not the published archive.*by hand"):
        datasets.make("cifar10", CIFAR | published(), [0])
    assert not list((tmp_path / "cache" / _cifar.FOLDER).iterdir())
    monkeypatch.setattr(_cifar, "ARCHIVE_SHA256", hashlib.sha256(packed.getvalue()).hexdigest())
    for _ in range(2):
        assert len(datasets.make("cifar10", CIFAR | published(), [0]).x_test) == 30
    assert len(asked) == 2
    assert {path.name for path in (tmp_path / "cache" / _cifar.FOLDER).iterdir()} == set(CONTENTS)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"n_train": 46_000}, "exceed its pool of 50000"),
        ({"classes": [0, 1], "n_train": 9_000, "n_validation": 100}, "n_test is 10000, but there are only 2000"),
        ({"classes": [0, 0], "n_train": 100, "n_test": 100}, "classes: "),
    ],
)
def test_counts_and_classes_that_cannot_be_are_refused_in_planning(options, fault):
    assert fault in "; ".join(datasets.faults("cifar10", options))


PETS = {"size": 8, "n_train": 6, "n_validation": 2, "n_test": 4}


@pytest.fixture
def pets(tmp_path):
    """A data folder with photographs, cats red and dogs blue, of several shapes."""
    for part, n in (("train", 4), ("test", 2)):
        for name, colour in (("cats", (250, 0, 0)), ("dogs", (0, 0, 250))):
            folder = tmp_path / "cats-vs-dogs" / part / name
            folder.mkdir(parents=True)
            for i in range(n):
                Image.new("RGB", (10 + 4 * i, 16 - i), colour).save(folder / f"{i}.png")
    return tmp_path


def edition_of(folder) -> dict:
    """The option by which the error names a folder's edition."""
    with pytest.raises(DataError, match="is another edition than asked for") as error:
        datasets.make("cats_vs_dogs", PETS, [0], folder)
    return {"sha256": str(error.value).rpartition(" ")[2]}


def test_photographs_of_any_shape_become_squares_of_one_size_with_their_class(pets):
    data = datasets.make("cats_vs_dogs", PETS | edition_of(pets), [0, 1], pets)
    assert data.x_pool.shape[1:] == data.x_test.shape[1:] == (3, 8, 8)
    assert data.class_names == ("cats", "dogs") and sorted(data.y_test) == [0, 0, 1, 1]
    for x, y in ((data.x_pool, data.y_pool), (data.x_test, data.y_test)):
        assert (x[:, 0].min((1, 2)) == np.where(y == 0, 250, 0)).all()
        assert (x[:, 2].min((1, 2)) == np.where(y == 1, 250, 0)).all()


def test_it_is_the_middle_that_is_kept_and_pixels_are_averaged(tmp_path):
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:6, 1], pixels[:, :4, 0] = 200, 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = _photographs.square(tmp_path / "a.png", 2)
    assert found[1].tolist() == [[200, 0], [200, 0]] and not found[0].any()


def test_what_cannot_be_decoded_or_is_too_small_is_refused_by_name(pets):
    path = pets / "cats-vs-dogs" / "train" / "dogs" / "2.png"
    whole = path.read_bytes()
    Image.new("RGB", (7, 30)).save(path)
    with pytest.raises(DataError, match=r"dogs.2\.png has 30 x 7 rows and columns, fewer than 8 x 8; lower size"):
        datasets.make("cats_vs_dogs", PETS | edition_of(pets), [0], pets)
    for broken in (b"no image", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=r"dogs.2\.png is no image that can be read .*; get it again"):
            datasets.make("cats_vs_dogs", PETS | edition_of(pets), [0], pets)


def test_a_photograph_among_the_other_class_is_another_edition(pets):
    before, folder = edition_of(pets), pets / "cats-vs-dogs" / "train"
    (folder / "dogs" / "1.png").rename(folder / "cats" / "7.png")
    assert edition_of(pets) != before


def test_photographs_have_no_download_and_the_remedy_is_told(monkeypatch, tmp_path):
    monkeypatch.delenv("BNNBENCH_DATA", raising=False)
    with pytest.raises(DataError, match="cannot be downloaded: place its folders train and test"):
        datasets.make("cats_vs_dogs", {}, [0])
    with pytest.raises(DataError, match=r"cats is not a folder; place the published files there"):
        datasets.make("cats_vs_dogs", {}, [0], tmp_path)


def test_classes_have_their_names_in_figures():
    assert names.class_names("cifar10-5-to-9-n-50", 5) == ["dog", "frog", "horse", "ship", "truck"]
    assert names.class_names("cifar10", 10)[0] == "airplane"
    assert names.class_names("cats_vs_dogs-64px-n-50", 2) == ["cat", "dog"]
    assert names.class_names("fashion_mnist-without-7", 9)[6:] == ["shirt", "bag", "ankle boot"]
    assert names.data_name("cats_vs_dogs-64px-n-500") == "cats vs dogs, 64 x 64 pixels, 500 points"
    assert names.data_name("cifar10-5-to-9-n-50") == "CIFAR-10 5 to 9, 50 points"
