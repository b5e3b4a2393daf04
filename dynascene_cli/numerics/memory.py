"""Memory between the stages of a run, each of which holds hundreds of megabytes for a while."""

import ctypes
import ctypes.util
from functools import cache


def release_freed_memory() -> None:
    """Give what was freed back to the system; without effect where the C library isn't glibc.

    glibc keeps freed arrays below 32 MiB, such as the pictures of a 4K frame, for the next ones
    of their size, and the peak of a stage would be added to that of the one before it.
    """
    trim = _find_trim()
    if trim is not None:
        trim(0)


@cache
def _find_trim() -> "ctypes._NamedFuncPointer | None":
    try:
        return ctypes.CDLL(ctypes.util.find_library("c")).malloc_trim
    except (OSError, AttributeError):
        return None
