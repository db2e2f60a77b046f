"""Cats and dogs: photographs of either, from a public set of 25,000 (Elson et al. 2007), scaled down to a square.

Files are those of a folder `cats-vs-dogs` with train and test, each of which has cats and dogs. There is no download.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Text
from bnnbench.datasets import _files, _photographs
from bnnbench.datasets._base import DataSet, Shape, split_pool
from bnnbench.datasets._check import DataError, check_counts, check_seeds
from bnnbench.datasets._subsets import named, size_of

CLASSES = "cats", "dogs"
SMALL = "a34dd78229bef27bcd778ef3419301db96df5300e6aadd8e485b4884336e7008"
"""Digest of the edition of 3,000 photographs to split and 1,000 to test on, whose shorter side is 128."""


def name(size: int, subset: int | None) -> str:
    """`cats_vs_dogs-64px` at 64 rows and columns, `cats_vs_dogs-64px-n-500` where it is trained on so many."""
    return named(f"cats_vs_dogs-{size}px", subset=subset)


def group(size: int, subset: int | None) -> str:
    """As the name: other sizes make arrays of other shapes."""
    return name(size, subset)


def generate(
    size: Count = 64,
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
    n_train: Count = 2_500,
    n_validation: Count = 500,
    n_test: Count = 1_000,
    subset: Count | None = None,
    sha256: Text = SMALL,
) -> DataSet:
    """Images (n, 3, size, size) uint8 in 0 ... 255, x_divisor 255; each seed splits the training images its own way.

    size: rows and columns; the middle of a photograph, as wide as it is high, is scaled down to them
    data_dir: folder that holds `cats-vs-dogs/`; default: BNNBENCH_DATA
    n_test: of fewer than there are, one fixed random draw
    subset: train on so many of a seed's images only, those of a smaller one being among those of a larger
    sha256: that of the edition of the files; the error for another tells its digest
    Raises DataError for files that are missing, not of the edition, no images or smaller than `size`, ValueError for
    counts that exceed the data.
    """
    dataset, n_train = name(size, subset), size_of(n_train, subset)
    check_counts(dataset, n_train=n_train, n_validation=n_validation, n_test=n_test)
    seeds = check_seeds(dataset, seeds)
    pool, test = _parts(data_dir, sha256)
    train, validation = split_pool("cats_vs_dogs", len(pool), seeds, n_train, n_validation)
    used = np.unique(np.concatenate([train.ravel(), validation.ravel()]))
    if n_test > len(test):
        raise ValueError(f"data set {dataset!r}: n_test is {n_test}, but there are only {len(test)} test images")
    tested = np.sort(generator("cats_vs_dogs", "test").permutation(len(test))[:n_test])
    (x_pool, y_pool), (x_test, y_test) = (
        _photographs.arrays([part[i] for i in rows], size) for part, rows in ((pool, used), (test, tested))
    )
    return DataSet(
        name=dataset,
        x_pool=x_pool,
        y_pool=y_pool,
        train_index=np.searchsorted(used, train),
        validation_index=np.searchsorted(used, validation),
        seeds=seeds,
        x_test=x_test,
        y_test=y_test,
        n_classes=len(CLASSES),
        x_divisor=255.0,
        class_names=CLASSES,
    )


def shape(size: int, n_train: int, n_validation: int, n_test: int, subset: int | None) -> Shape:
    """Colour images of two classes."""
    return Shape((3, size, size), len(CLASSES), size_of(n_train, subset), n_validation, n_test)


def _parts(data_dir: str | Path | None, sha256: str) -> list[list[_photographs.Photograph]]:
    """Photographs to split and to test on, compared with the edition's digest."""
    home = _files.named_folder("cats-vs-dogs", data_dir)
    if home is None:
        raise DataError(
            "cats_vs_dogs cannot be downloaded: place its folders train and test, each with cats and dogs, in "
            f"<folder>/cats-vs-dogs with {_files.ENVIRONMENT}=<folder>, or data_dir in the config"
        )
    parts = [_photographs.found(home / "cats-vs-dogs" / part, CLASSES) for part in ("train", "test")]
    if (digest := _photographs.digest([shot for part in parts for shot in part])) != sha256:
        raise DataError(
            f"{home / 'cats-vs-dogs'} is another edition than asked for (SHA-256 {digest}, not {sha256}); place that "
            f"one there, or name this one by the option sha256: {digest}"
        )
    return parts
