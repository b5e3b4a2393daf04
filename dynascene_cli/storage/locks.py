"""Locks of files and folders that are the system's, and die with their process."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dynascene_cli.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = "lock"
"""The file in a folder by which it is held."""


def lock_file(descriptor: int) -> bool:
    """Whether an open file's lock could be taken; it ends with the file."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def lock_folder(
    folder: Path, kind: str, in_use: str, option: str, made_with_it: tuple[str, ...] = ()
) -> Iterator[None]:
    """Hold a folder for this process.

    A folder that was made for it goes again where nothing is in it in the end but the lock and the
    files named in ``made_with_it``. ``kind`` and ``in_use`` are what the folder is called and what
    is said when it is held; ``option`` chooses another.

    Raises:
        InputError: the folder cannot be made, or another process holds it.
    """
    made = not folder.exists()
    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(lock, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{folder}: the {kind} cannot be written ({error.strerror})",
            f"choose another with {option}",
        ) from error
    try:
        if not lock_file(descriptor):
            raise InputError(
                f"{folder}: {in_use}", f"wait for it, or choose another folder with {option}"
            )
        try:
            yield
        finally:
            ours = {LOCK, *made_with_it}
            if made and {path.name for path in folder.iterdir()} <= ours:
                # A system that keeps what is open keeps the lock, and with it the folder.
                with suppress(PermissionError):
                    for name in sorted(ours):
                        (folder / name).unlink(missing_ok=True)
                    folder.rmdir()
    finally:
        os.close(descriptor)
