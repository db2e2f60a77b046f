"""CamVid: street scenes seen from a car, eleven classes and void (Brostow et al. 2009; the split of SegNet).

Files are those of a folder `camvid` with train, trainannot, val, valannot, test and testannot: images with label maps
of the same names, of the size 360x480 or scaled down. There is no download.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Text
from bnnbench.datasets import _files, _label_maps
from bnnbench.datasets._base import DataSet, Shape
from bnnbench.datasets._check import DataError, check_counts, check_seeds

TASK = "segmentation"
CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"
)  # fmt: skip
VOID_IN_FILES = 11
TRAIN, VALIDATION, TEST = 367, 101, 233
"""Images of the split, which is the same for every seed."""
HALF_SIZE = "4a5d2f3c60a679899fedf0777aedc8f4162747a16562d0efcb6e2ec90cd31fbe"
"""Digest of the edition of 180x240 pixels, all parts."""
ASPECT = 3, 4


def name(size: int, n_train: int) -> str:
    """`camvid-90` at 90 rows; with fewer training images than there are, these too."""
    return f"camvid-{size}" + ("" if n_train == TRAIN else f"-of-{n_train}")


def generate(
    size: Count = 90,
    n_train: Count = TRAIN,
    n_validation: Count = VALIDATION,
    n_test: Count = TEST,
    sha256: Text = HALF_SIZE,
    seeds: Iterable[int] = range(5),
    data_dir: str | Path | None = None,
) -> DataSet:
    """Images (n, 3, size, 4/3 size) uint8 and labels (n, size, 4/3 size) int8, -1 where void.

    size: rows, a multiple of 3; images are scaled down to them
    n_train, n_validation, n_test: of the parts of the published split; of fewer, each seed draws its own but for the
    test images, which lie evenly along the part
    sha256: that of the edition of the files, all parts; the error for another tells its digest
    Raises DataError for files that are missing, not of the edition, or no images with label maps that fit.
    """
    check(size, n_train, n_validation, n_test)
    dataset = name(size, n_train)
    check_counts(dataset, n_train=n_train, n_validation=n_validation, n_test=n_test)
    seeds = check_seeds(dataset, seeds)
    parts = _parts(data_dir, sha256)
    wanted = [*parts["train"], *parts["val"]], [parts["test"][i] for i in _evenly(TEST, n_test)]
    (x_pool, y_pool), (x_test, y_test) = (_arrays(files, size) for files in wanted)
    orders = [[generator("camvid", f"{part}-{seed}") for seed in seeds] for part in ("train", "validation")]
    train, validation = (
        np.array([g.permutation(most)[:n] for g in of_part])
        for of_part, most, n in zip(orders, (TRAIN, VALIDATION), (n_train, n_validation), strict=True)
    )
    return DataSet(
        name=dataset, x_pool=x_pool, y_pool=y_pool, train_index=train, validation_index=TRAIN + validation, seeds=seeds,
        x_test=x_test, y_test=y_test, n_classes=len(CLASSES), x_divisor=255.0, task=TASK, class_names=CLASSES,
    )  # fmt: skip


def check(size: int, n_train: int, n_validation: int, n_test: int) -> None:
    """Raise ValueError for a size without whole columns, and for more images than there are."""
    if size % ASPECT[0]:
        raise ValueError(f"size is {size}: make it a multiple of {ASPECT[0]}, so that columns are whole")
    wanted = {"n_train": (n_train, TRAIN), "n_validation": (n_validation, VALIDATION), "n_test": (n_test, TEST)}
    for key, (n, most) in wanted.items():
        if n > most:
            raise ValueError(f"{key} is {n}: the part has {most} images")


def shape(size: int, n_train: int, n_validation: int, n_test: int) -> Shape:
    """Images of eleven classes a pixel."""
    return Shape((3, size, _columns(size)), len(CLASSES), n_train, n_validation, n_test)


def _columns(size: int) -> int:
    return size // ASPECT[0] * ASPECT[1]


def _evenly(n: int, wanted: int) -> np.ndarray:
    return np.linspace(0, n - 1, wanted).round().astype(int)


def _parts(data_dir: str | Path | None, sha256: str) -> dict[str, list[tuple[Path, Path]]]:
    """Files of each part, counted and compared with the edition's digest."""
    home = _files.named_folder("camvid", data_dir)
    if home is None:
        raise DataError(
            "camvid cannot be downloaded: place its folders train, trainannot, val, valannot, test and testannot in "
            f"<folder>/camvid with {_files.ENVIRONMENT}=<folder>, or data_dir in the config"
        )
    parts = {}
    for part, n in {"train": TRAIN, "val": VALIDATION, "test": TEST}.items():
        parts[part] = _label_maps.pairs(home / "camvid" / part, home / "camvid" / f"{part}annot")
        if len(parts[part]) != n:
            raise DataError(f"{home / 'camvid' / part} holds {len(parts[part])} images; the published split has {n}")
    found = _label_maps.digest([pair for files in parts.values() for pair in files])
    if found != sha256:
        raise DataError(
            f"{home / 'camvid'} is another edition than asked for (SHA-256 {found}, not {sha256}); place that one "
            f"there, or name this one by the option sha256: {found}"
        )
    return parts


def _arrays(files: list[tuple[Path, Path]], size: int) -> tuple[np.ndarray, np.ndarray]:
    read = [_label_maps.read(pair, (size, _columns(size)), len(CLASSES), VOID_IN_FILES) for pair in files]
    return tuple(np.stack(arrays) for arrays in zip(*read, strict=True))
