"""Counter-based random streams, each keyed by (owner, purpose, chunk): Philox, Salmon et al. 2011. No torch here."""

import hashlib

import numpy as np


def generator(owner: str, purpose: str, chunk: int = 0, piece: int = 0) -> np.random.Generator:
    """NumPy generator of the stream `owner/purpose`, at the piece-th 2^66 of its chunk-th 2^130 numbers."""
    key = hashlib.blake2b(f"{owner}|{purpose}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little"), counter=[0, piece, chunk, 0]))
