"""Seals: a digest within each results file, by which damage is noticed before its content is believed.

A file's seal is a mark followed by 64 hexadecimal digits: the BLAKE2b digest of the whole file, with zeros in place of
the digits. Parquet files have it in the metadata of their footer, netCDF files as their last bytes, which readers
of HDF5 pass over. So a flipped bit anywhere is noticed, in the seal too, and other programs read the files as ever.
"""

import hashlib
import mmap
from pathlib import Path

MARK = b"bnnbench-seal:"
UNSEALED = b"0" * 64
PLACEHOLDER = (MARK + UNSEALED).decode()
"""What the writer of a file puts where the seal shall be; `seal` appends it where there is none."""


def seal(path: str | Path) -> None:
    """Seal a file that is written to the end, before it is renamed into its place."""
    with open(path, "r+b") as file:
        if _place(file) is None:
            file.seek(0, 2)
            file.write(MARK + UNSEALED)
            file.flush()
        place = _place(file)
        file.seek(place)
        file.write(_digest(file, place))


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
    """Where the digits of a file's seal begin; None where it has none."""
    file.seek(0, 2)
    if not file.tell():
        return None
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        mark = content.rfind(MARK)
        place = mark + len(MARK)
        return place if mark >= 0 and place + len(UNSEALED) <= len(content) else None


def _digest(file, place: int) -> bytes:
    """The digits of a file's seal, by its content."""
    digest = hashlib.blake2b(digest_size=len(UNSEALED) // 2)
    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
        digest.update(view[:place])
        digest.update(UNSEALED)
        digest.update(view[place + len(UNSEALED) :])
    return digest.hexdigest().encode()
