"""Counter-based random streams, each keyed by (owner, purpose, chunk): Philox, Salmon et al. 2011. No torch here."""

import hashlib

import numpy as np


def generator(owner: str, purpose: str, chunk: int = 0) -> np.random.Generator:
    """NumPy generator of the stream `owner/purpose`, at its chunk-th stretch of 2^128 numbers."""
    key = hashlib.blake2b(f"{owner}|{purpose}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little"), counter=[0, 0, chunk, 0]))
