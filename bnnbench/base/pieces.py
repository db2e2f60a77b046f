"""A job's pieces of work, one after the other in one process."""

import gc
import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)

KNOWN = (ValueError, OSError)
"""Errors whose message says all; of others the log has the traceback too."""


def one_by_one(names: Iterable[str], work: Callable[[str], None], fatal: tuple[type[Exception], ...] = ()) -> None:
    """Do the work of each name, also where that of another raises; what one has loaded is dropped before the next.

    What was raised is told as it comes and once more in the end, by a ValueError, or by an OSError where the system
    refused something. Errors that are `fatal` end the job at once, and what the only piece raises is raised as it is.
    """
    names = list(names)
    if len(names) == 1:
        work(names[0])
        return
    faults, refused = {}, False
    for name in names:
        try:
            work(name)
        except fatal:
            raise
        except Exception as error:
            log.error("%s: %s", name, str(error), exc_info=None if isinstance(error, KNOWN) else error)
            faults[name] = f"{type(error).__name__}: {error}"
            refused |= isinstance(error, OSError)
        gc.collect()
    if faults:
        told = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        raise (OSError if refused else ValueError)(f"{len(faults)} of {len(names)} failed: {told}")
