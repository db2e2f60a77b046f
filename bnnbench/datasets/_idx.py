"""Image sets in the IDX format: found in the user's folder or the cache, else downloaded; always verified."""

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.datasets import _files
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import DataError, check_counts, check_fit, check_seeds
from bnnbench.datasets._subsets import named as of_subset
from bnnbench.datasets._subsets import size_of

# Images to split and to test on, and the least that a class has of them (MNIST's fives)
POOL, TEST = 60_000, 10_000
LEAST_OF_CLASS = {POOL: 5421, TEST: 892}

# file -> number of images or labels in it
FILES = {
    "train-images-idx3-ubyte": 60_000,
    "train-labels-idx1-ubyte": 60_000,
    "t10k-images-idx3-ubyte": 10_000,
    "t10k-labels-idx1-ubyte": 10_000,
}

# folder -> SHA-256 of the uncompressed files, in the order of FILES
SHA256 = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

# folder -> addresses tried in turn, to which `<file>.gz` is added; trusted no further than the digests above
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}


def generate_idx(
    name: str,
    folder: str,
    seeds: Iterable[int],
    data_dir: str | Path | None,
    n_train: int,
    n_validation: int,
    n_test: int,
    without: int | None = None,
    strangers: str | None = None,
    subset: int | None = None,
) -> DataSet:
    """The data set in `folder` with random splits a seed; only rows that some seed uses are kept in the pool.

    `without` leaves a class out of training, validation and test, and numbers the others from 0; its test images are
    `novel["left_out"]`. `strangers` is the folder of another set, whose test images are novel under that name. With
    `subset` a seed trains on so many of its images only, and the name says so.
    Raises DataError for bad files, ValueError for counts that exceed the data.
    """
    n_train = size_of(n_train, subset)
    check_counts(name, n_train=n_train, n_validation=n_validation, n_test=n_test)
    seeds = check_seeds(name, seeds)
    x_pool, y_pool, x_test, y_test = load(folder, data_dir)
    novel, base = {}, name
    if strangers is not None:
        if strangers not in SHA256 or strangers == folder:
            raise ValueError(f"data set {name!r}: strangers is {strangers!r}; choose one of {_others(folder)}")
        novel[strangers] = load(strangers, data_dir)[2][:, None]
    if without is not None:
        if without not in range(10):
            raise ValueError(f"data set {name!r}: without is {without!r}; give a class from 0 to 9")
        novel["left_out"], name = x_test[y_test == without][:, None], named(name, without)
        x_pool, y_pool = _less(x_pool, y_pool, without)
        x_test, y_test = _less(x_test, y_test, without)
    train, validation = split_pool(name, len(x_pool), seeds, n_train, n_validation)
    used = np.unique(np.concatenate([train.ravel(), validation.ravel()]))
    if n_test > len(x_test):
        raise ValueError(f"data set {name!r}: n_test is {n_test}, but there are only {len(x_test)} test images")
    # Test images are not in random order (MNIST's first half is the easier), so a subset is drawn.
    test = np.sort(generator(base, "test").permutation(len(x_test))[:n_test])
    return DataSet(
        name=of_subset(name, subset=subset),
        x_pool=x_pool[used, None],
        y_pool=y_pool[used],
        train_index=np.searchsorted(used, train),
        validation_index=np.searchsorted(used, validation),
        seeds=seeds,
        x_test=x_test[test, None],
        y_test=y_test[test],
        n_classes=10 if without is None else 9,
        x_divisor=255.0,
        novel=novel,
    )


def check_sizes(n_train: int, n_validation: int, n_test: int, without: int | None) -> None:
    """Raise ValueError for counts that exceed the data, of whichever class that is left out."""
    pool, test = (n - LEAST_OF_CLASS[n] * (without is not None) for n in (POOL, TEST))
    check_fit(n_train, n_validation, pool)
    if n_test > test:
        raise ValueError(f"n_test is {n_test}, but there are only {test} test images")


def shape_of(n_train: int, n_validation: int, n_test: int, without: int | None) -> Shape:
    """Shapes of a data set in this format."""
    return Shape((1, 28, 28), 10 if without is None else 9, n_train, n_validation, n_test)


def named(base: str, without: int | None, subset: int | None = None) -> str:
    """`fashion_mnist`, or `fashion_mnist-without-7` where a class is left out, `fashion_mnist-n-50` of a subset."""
    return of_subset(base if without is None else f"{base}-without-{without}", subset=subset)


def _others(folder: str) -> str:
    return ", ".join(other for other in SHA256 if other != folder)


def _less(x: np.ndarray, y: np.ndarray, without: int) -> tuple[np.ndarray, np.ndarray]:
    """Without a class; those after it move down by one."""
    keep = y != without
    return x[keep], y[keep] - (y[keep] > without)


def load(folder: str, data_dir: str | Path | None = None) -> tuple[np.ndarray, ...]:
    """x_train (n, height, width) uint8, y_train (n,) int64, x_test, y_test of `mnist` or `fashion-mnist`.

    Looked for in `data_dir`, else in the folder that BNNBENCH_DATA names: there, a missing file is an error.
    Only where the user named neither is the cache used, and filled by download. Raises DataError.
    """
    paths = find(folder, data_dir)
    x_train, y_train, x_test, y_test = (
        read_idx(path, count, sha256) for path, count, sha256 in zip(paths, FILES.values(), SHA256[folder], strict=True)
    )
    return x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64)


def find(folder: str, data_dir: str | Path | None = None) -> list[Path]:
    """Paths of the four files, in the order of FILES, each with or without `.gz`; see `load` for where."""
    return _files.find(folder, FILES, data_dir, lambda file, cache: download(folder, file, cache / f"{file}.gz"))


def download(folder: str, file: str, target: Path) -> Path:
    """Fetch one file from the first mirror whose content verifies; see `_files.download`."""
    sha256 = SHA256[folder][list(FILES).index(file)]
    urls = [f"{mirror}{file}.gz" for mirror in MIRRORS[folder]]
    return _files.download(folder, urls, target, lambda path: read_idx(path, FILES[file], sha256))


def read_idx(path: str | Path, count: int | None = None, sha256: str | None = None) -> np.ndarray:
    """Array of unsigned bytes, (n,) labels or (n, height, width) images, in an IDX file, gzip or plain.

    count: entries it must hold; sha256: hex digest of its uncompressed content; None: not checked.
    Raises DataError naming the file, what is wrong with it and the remedy.
    """
    path = Path(path)

    def refuse(fault: str):
        raise DataError(f"{path}: {fault}; delete it and place or download the published file again")

    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); place the published file there") from error
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            refuse(f"corrupt gzip ({error})")
    # Zero, zero, 8 for unsigned bytes, number of dimensions; then each dimension as a big-endian uint32.
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or content[3] not in (1, 3):
        refuse(f"not an IDX file of bytes (starts with {content[:4].hex(' ') or 'nothing'})")
    header = 4 + 4 * content[3]
    if len(content) < header:
        refuse(f"truncated within its header ({len(content)} of {header} bytes)")
    shape = tuple(int(n) for n in np.frombuffer(content[4:header], dtype=">u4"))
    expected = header + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        state = "truncated" if len(content) < expected else "too long"
        refuse(f"{state}: {len(content)} bytes where shape {shape} needs {expected}")
    if count is not None and shape[0] != count:
        refuse(f"holds {shape[0]} entries where {count} are expected")
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        refuse(f"is not the published file: SHA-256 of its uncompressed content is {found}, not {sha256}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
