"""Images with a label map each, as files: found, read, scaled, and refused by name where they do not fit."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from bnnbench.datasets._check import DataError
from bnnbench.datasets._pictures import files_in, opened


def pairs(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """Files of images and their label maps, which share their names but for the ending, by name.

    Raises DataError for a folder that is not there or empty, and for files without a partner.
    """
    of_image, of_labels = files_in(images), files_in(labels)
    if alone := sorted(set(of_image) ^ set(of_labels)):
        lacking = labels if alone[0] in of_image else images
        raise DataError(f"{lacking} lacks a file called {alone[0]}, of which the other folder has one; add it there")
    return [(of_image[name], of_labels[name]) for name in sorted(of_image)]


def digest(files: list[tuple[Path, Path]]) -> str:
    """SHA-256 over the names and contents of files, in their order."""
    found = hashlib.sha256()
    for path in (path for pair in files for path in pair):
        found.update(path.stem.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def read(files: tuple[Path, Path], size: tuple[int, int], n_classes: int, void: int) -> tuple[np.ndarray, np.ndarray]:
    """An image (3, rows, columns) uint8 and its labels (rows, columns) int8, -1 where void, scaled down to `size`.

    Pixels of the image are averaged, those of the labels picked. void: the label that stands for it in files. Raises
    DataError for what is no image, for sizes that differ or are below `size`, and for unknown classes.
    """
    image, labels = (opened(path) for path in files)
    if image.size != labels.size:
        sizes = " and ".join("{1} x {0}".format(*shown.size) for shown in (image, labels))
        raise DataError(f"{files[0]} and {files[1]} are of {sizes} rows and columns; make them the same")
    rows, columns = size
    if image.size[0] < columns or image.size[1] < rows:
        have = f"{image.size[1]} x {image.size[0]} rows and columns"
        raise DataError(f"{files[0]} has {have}, fewer than {rows} x {columns}; lower size")
    known = np.asarray(labels)
    if known.ndim != 2:
        raise DataError(f"{files[1]} has colours; give one channel with the number of each pixel's class")
    if strange := sorted(set(np.unique(known).tolist()) - {*range(n_classes), void}):
        raise DataError(f"{files[1]} holds the class {strange[0]}; known are 0 to {n_classes - 1}, and {void} for void")
    scaled = np.asarray(image.convert("RGB").resize((columns, rows), Image.Resampling.BOX))
    picked = np.asarray(labels.resize((columns, rows), Image.Resampling.NEAREST)).astype(np.int64)
    return np.moveaxis(scaled, 2, 0), np.where(picked == void, -1, picked).astype(np.int8)
