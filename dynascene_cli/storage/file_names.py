"""File names that a file system takes."""

import hashlib
import os

LONGEST = 255
"""Bytes that a file name may have on every usual file system."""


def shorten_name(stem: str, ending: str) -> str:
    """``stem`` and ``ending`` as one file name; a stem that is too long ends in a digest of it."""
    room = LONGEST - len(os.fsencode(ending))
    whole = os.fsencode(stem)
    if len(whole) <= room:
        return stem + ending
    digest = hashlib.sha256(whole).hexdigest()[:8]
    kept = whole[: room - len(digest) - 1]
    # A character that is cut in two would be none.
    while kept and (kept[-1] & 0xC0) == 0x80:
        kept = kept[:-1]
    kept = kept[:-1] if kept and kept[-1] >= 0xC0 else kept
    return f"{os.fsdecode(kept)}-{digest}{ending}"
