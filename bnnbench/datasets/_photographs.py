"""Photographs of classes, a folder for each: found, read, cut to squares, and refused by name where they are wrong."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bnnbench.datasets._check import DataError
from bnnbench.datasets._pictures import files_in, opened


class Photograph(NamedTuple):
    """A file and the number of its class."""

    path: Path
    label: int


def found(folder: Path, classes: Sequence[str]) -> list[Photograph]:
    """The photographs in the folders of the classes, class by class, by name. Raises DataError where there are none."""
    return [Photograph(path, label) for label, name in enumerate(classes) for path in files_in(folder / name).values()]


def digest(photographs: list[Photograph]) -> str:
    """SHA-256 over the names, classes and contents of photographs, in their order."""
    whole = hashlib.sha256()
    for path, label in photographs:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); get it again") from None
        whole.update(f"{path.name} {label} {hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()


def arrays(photographs: list[Photograph], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, size, size) uint8 and labels (n,) int64. Raises DataError as `square`."""
    images = np.stack([square(path, size) for path, _ in photographs])
    return images, np.array([label for _, label in photographs], dtype=np.int64)


def square(path: Path, size: int) -> np.ndarray:
    """The middle of a photograph, as wide as it is high, scaled down to (3, size, size) uint8; pixels are averaged.

    Raises DataError for what is no image, and for one that is smaller.
    """
    image = opened(path)
    columns, rows = image.size
    side = min(columns, rows)
    if side < size:
        have = f"{rows} x {columns} rows and columns"
        raise DataError(f"{path} has {have}, fewer than {size} x {size}; lower size, or take the photograph out")
    left, top = (columns - side) // 2, (rows - side) // 2
    middle = image.convert("RGB").crop((left, top, left + side, top + side))
    return np.moveaxis(np.asarray(middle.resize((size, size), Image.Resampling.BOX)), 2, 0)
