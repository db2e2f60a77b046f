"""Seals: a digest within each results file, by which damage is noticed before its content is believed.

A file's seal is a mark followed by 64 hexadecimal digits: the BLAKE2b digest of the whole file, with zeros in place of
the digits. Parquet files have it in the metadata of their footer, netCDF files as their last bytes, which readers
of HDF5 pass over. So a flipped bit anywhere is noticed, in the seal too, and other programs read the files as ever.
"""

import hashlib
import mmap
from collections.abc import Iterator
from pathlib import Path

PARQUET = b"PAR1"
"""The end of every Parquet file."""
MARK = b"bnnbench-seal:"
UNSEALED = b"0" * 64
BLOCK = 2**20
"""Bytes that are read at once."""
PLACEHOLDER = (MARK + UNSEALED).decode()
"""What the writer of a Parquet file puts into its metadata, where the seal shall be."""


def seal(path: str | Path) -> None:
    """Seal a file that is written to the end, before it is renamed into its place."""
    with open(path, "r+b") as file:
        file.seek(-len(PARQUET), 2)
        if file.read() != PARQUET:
            file.write(MARK + UNSEALED)
            file.flush()
        place = _place(file)
        digest = _digest(file, place)
        file.seek(place)
        file.write(digest)


def verify(path: str | Path) -> None:
    """Raise ValueError, naming file and remedy, where a file is not as it was sealed.

    FileNotFoundError where there is none.
    """
    with open(path, "rb") as file:
        place = _place(file)
        if place is None:
            raise ValueError(f"{path} has no seal: it is damaged, or of an older version; delete it and run again")
        file.seek(place)
        sealed = file.read(len(UNSEALED))
        if sealed != _digest(file, place):
            raise ValueError(f"{path} is damaged: its content does not match its seal; delete it and run again")


def _place(file) -> int | None:
    """Where the digits of a file's seal begin; None where it has none.

    Text in the file may hold the mark too: before the footer's metadata in Parquet, and elsewhere than at the end in
    others.
    """
    size = file.seek(0, 2)
    if size < len(MARK) + len(UNSEALED):
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at_end = size - len(UNSEALED) - len(MARK)
        mark = content.rfind(MARK) if content[-len(PARQUET) :] == PARQUET else content.find(MARK, at_end)
        place = mark + len(MARK)
        return place if mark >= 0 and place + len(UNSEALED) <= size else None


def _digest(file, place: int) -> bytes:
    """The digits of a file's seal, by its content."""
    digest, after = hashlib.blake2b(digest_size=len(UNSEALED) // 2), place + len(UNSEALED)
    file.flush()
    for part in _blocks(file, 0, place):
        digest.update(part)
    digest.update(UNSEALED)
    for part in _blocks(file, after, file.seek(0, 2)):
        digest.update(part)
    return digest.hexdigest().encode()


def _blocks(file, start: int, end: int) -> Iterator[bytes]:
    """What a file holds from one place to another, a block at a time: of a map all would count as our memory."""
    file.seek(start)
    while start < end:
        part = file.read(min(BLOCK, end - start))
        if not part:
            return
        start += len(part)
        yield part


def is_sealed(path: str | Path) -> bool:
    """Whether a file has a seal, unbroken or not: whether it is one of ours."""
    try:
        with open(path, "rb") as file:
            return _place(file) is not None
    except OSError:
        return False
