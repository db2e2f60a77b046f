"""Files in CIFAR-10's binary layout: found in the user's folder or the cache, else downloaded; always verified."""

import gzip
import hashlib
import os
import tarfile
import zlib
from pathlib import Path

import numpy as np

from bnnbench.datasets import _files
from bnnbench.datasets._check import DataError

FOLDER = "cifar-10-batches-bin"
SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
"""Of the published files, not compressed."""
*TRAIN, TEST = SHA256
ARCHIVE, URL = "cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
SHAPE = 3, 32, 32
N_CLASSES = 10

Part = tuple[np.ndarray, np.ndarray]
"""Images (n, 3, 32, 32) uint8 and their labels (n,) int64."""


def edition(digests: dict[str, str]) -> str:
    """The SHA-256 that stands for files, given that of each by its name."""
    return hashlib.sha256("".join(f"{name} {found}\n" for name, found in digests.items()).encode()).hexdigest()


PUBLISHED = edition(SHA256)


def load(data_dir: str | Path | None, sha256: str) -> tuple[Part, Part]:
    """Training and test images of an edition, of the published one unless `sha256` is that of another.

    Looked for in `data_dir`, else in the folder that BNNBENCH_DATA names. The published edition is looked for in the
    cache and downloaded where the user named neither. Another has a test batch and one training batch or more. Raises
    DataError for files that are missing, not of the edition, or not in the layout.
    """
    home = _files.named_folder(FOLDER, data_dir)
    paths = _published(data_dir) if home is None else _placed(home / FOLDER)
    contents = {name: read(path) for name, path in paths.items()}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    if (found := edition(digests)) != sha256:
        raise DataError(
            f"{next(iter(paths.values())).parent} is another edition than asked for (SHA-256 {found}, not {sha256}"
            f"{_strangers(digests)}); place that one there, or name this one by the option sha256: {found}"
        )
    parts = {name: parsed(paths[name], content) for name, content in contents.items()}
    test = parts.pop(TEST)
    x, y = zip(*parts.values(), strict=True)
    return (np.concatenate(x), np.concatenate(y)), test


def _strangers(digests: dict[str, str]) -> str:
    """In what files differ from the published ones, in words."""
    strange = [name for name, found in digests.items() if found != SHA256[name]]
    lacking = [name for name in SHA256 if name not in digests]
    said = [f"{words}: {', '.join(names)}" for words, names in (("missing", lacking), ("changed", strange)) if names]
    return "; of the published files " + "; ".join(said) if said else ""


def _placed(folder: Path) -> dict[str, Path]:
    """The files of a folder by name: a test batch and as many training batches as there are."""
    found = {name: path for name in SHA256 if (path := _files.existing(folder, name))}
    lacking = [name for name in SHA256 if name not in found]
    if TEST in lacking or len(found) < 2:
        raise DataError(
            f"{folder} lacks {', '.join(lacking)}; place the published files there (with .gz or without), or leave the "
            "data folder unset to download them"
        )
    return found


def _published(data_dir: str | Path | None) -> dict[str, Path]:
    return dict(zip(SHA256, _files.find(FOLDER, SHA256, data_dir, fetch), strict=True))


def fetch(file: str, cache: Path) -> Path:
    """Download the archive and unpack its batches into the cache; the path of this one. See `_files.download`."""
    archive = _files.download(FOLDER, [URL], cache / ARCHIVE, _verify)
    with tarfile.open(archive) as packed:
        for name in SHA256:
            temporary = cache / f".{name}.{os.getpid()}.tmp"
            temporary.write_bytes(packed.extractfile(f"{FOLDER}/{name}").read())
            temporary.replace(cache / name)
    archive.unlink()
    return cache / file


def _verify(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ARCHIVE_SHA256:
        raise DataError(f"is not the published archive: its SHA-256 is {found}, not {ARCHIVE_SHA256}")


def read(path: Path) -> bytes:
    """What a file holds, unpacked where it is gzip. Raises DataError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); place the published file there") from error
    try:
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: corrupt gzip ({error}); delete it and place or download the file again") from None


def parsed(path: Path, content: bytes) -> Part:
    """Images and labels of a batch: a byte for the label, then the red, the green and the blue pixels, row by row.

    path: for the error. Raises DataError for what is no whole number of images, and for labels above 9.
    """
    size = 1 + int(np.prod(SHAPE))
    if not content or len(content) % size:
        raise DataError(
            f"{path}: {len(content)} bytes are no whole number of images, of {size} bytes each; delete it and place or "
            "download the file again"
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    if rows[:, 0].max() >= N_CLASSES:
        place = int(np.argmax(rows[:, 0] >= N_CLASSES))
        raise DataError(
            f"{path}: image {place} has the label {rows[place, 0]}, beyond {N_CLASSES - 1}; delete it and place or "
            "download the file again"
        )
    return rows[:, 1:].reshape(-1, *SHAPE), rows[:, 0].astype(np.int64)
