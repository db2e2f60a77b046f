"""How a job's process gets its memory from the system."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLDS = 2**31 - 1, (2**30, 2**25)
"""Bytes: free memory below the first is kept; arrays below one of the second come from it, the first that is accepted
(some glibc's accept no more than 32 MiB)."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed for the process's next arrays; whether it does (glibc's can).

    By default arrays of some megabytes go back to the system when they are freed, and the next ones of their size come
    as pages that the kernel has to clear: a third of the time of a training step of a convolutional network. Call it in
    processes that end with their work: the memory of their largest moment stays theirs until then.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # Either call ends glibc's own adapting of the threshold for arrays, so without that one the other would do harm.
    accepted = any(mallopt(M_MMAP_THRESHOLD, size) for size in MMAP_THRESHOLDS)
    return accepted and bool(mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD))
