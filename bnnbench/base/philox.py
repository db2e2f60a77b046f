"""Counter-based random streams, each keyed by (owner, purpose, chunk): Philox, Salmon et al. 2011. No torch here."""

import hashlib

import numpy as np


def generator(owner: str, purpose: str, chunk: int = 0, piece: int = 0) -> np.random.Generator:
    """NumPy generator of the stream `owner/purpose`, at the piece-th 2^66 of its chunk-th 2^130 numbers."""
    key = _digest(f"{owner}|{purpose}", 16)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, piece, chunk, 0]))


def seed(owner: str, purpose: str, chunk: int) -> int:
    """Seed (64 bits) of the chunk-th part of the stream `owner/purpose`, for generators of other libraries."""
    return _digest(f"{owner}|{purpose}|{chunk}", 8)


def _digest(name: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=size).digest(), "little")
