"""Files that appear whole or not at all; what a process that was killed left goes with the next.

A temporary name carries the program's and is locked by who writes it. The lock is the system's and
dies with its process, so what can be locked is nobody's any more.
"""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dynascene_cli.errors import StageError
from dynascene_cli.storage.file_names import shorten_name
from dynascene_cli.storage.locks import LOCK, lock_file

_PARTIAL = re.compile(r"\..*\.dynascene-[0-9a-f]{8}\.part(\.\w+)?")
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def publish_file(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` to write to; it takes the name ``path`` on a clean exit.

    Raises:
        StageError: the disk is full.
    """
    with disk_full_as_error(path), _temporary(path.parent, path.stem, path.suffix) as temporary:
        yield temporary
        temporary.replace(path)


@contextmanager
def publish_together(folder: Path, beside: Path | None = None) -> Iterator[Path]:
    """A temporary folder whose files move into ``folder`` together on a clean exit.

    It lies in the folder ``beside``, or in ``folder``, which is made where it is not there yet.

    Raises:
        StageError: the disk is full.
    """
    with disk_full_as_error(folder), _temporary(beside or folder, folder.name) as temporary:
        yield temporary
        folder.mkdir(exist_ok=True)
        for file in sorted(temporary.iterdir()):
            file.replace(folder / file.name)


@contextmanager
def publish_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder``, whose name it takes on a clean exit.

    ``folder`` is not there then.

    Raises:
        StageError: the disk is full.
    """
    with disk_full_as_error(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(folder.parent, folder.name) as temporary:
            yield temporary
            temporary.replace(folder)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path``, in which it is made; the folder goes in the end.

    Raises:
        StageError: the disk is full.
    """
    with disk_full_as_error(path), _temporary(path.parent, path.name) as temporary:
        yield temporary


def publish_text(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all.

    Raises:
        StageError: the disk is full.
    """
    with publish_file(path) as temporary:
        # A name that is no UTF-8 is told by escapes, which JSON reads back.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextmanager
def disk_full_as_error(path: Path) -> Iterator[None]:
    """Turn a full disk's error, while ``path`` is written, into a StageError that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise StageError(
            f"{path}: no space is left on the disk",
            "free some space and run the same command: finished work is kept",
        ) from error


def is_temporary(path: Path) -> bool:
    """Whether a file or folder has the name of a temporary one of this program."""
    return _PARTIAL.fullmatch(path.name) is not None


def is_unused(folder: Path) -> bool:
    """Whether nothing is in a folder but an empty lock and temporary files of this program.

    That is what is left of a run that was killed before it put a mark of its own there.
    """
    lock = folder / LOCK
    return all(
        is_temporary(path) or (path == lock and path.stat(follow_symlinks=False).st_size == 0)
        for path in folder.iterdir()
    )


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files and folders in ``folder`` whose process is no more."""
    if sys.platform == "win32":
        # A locked file cannot be written by its name there, so nothing tells whose it is.
        return
    with os.scandir(folder) as entries:
        left = [Path(entry) for entry in entries if is_temporary(Path(entry))]
    for path in left:
        with suppress(OSError):
            descriptor = _lock(path)
            if descriptor is not None:
                _remove(path)
                os.close(descriptor)


@contextmanager
def _temporary(folder: Path, stem: str, suffix: str | None = None) -> Iterator[Path]:
    """A new file with a suffix, or folder (None), of this process; in the end it is gone."""
    remove_abandoned(folder)
    descriptor = None
    while descriptor is None:
        mark = f".dynascene-{os.urandom(4).hex()}.part{suffix or ''}"
        path = folder / shorten_name(f".{stem}", mark)
        path.mkdir() if suffix is None else path.touch(exist_ok=False)
        if sys.platform == "win32":
            break
        # Another process may have taken it for abandoned before it was locked.
        with suppress(FileNotFoundError):
            descriptor = _lock(path)
    try:
        yield path
    finally:
        _remove(path)
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path) -> int | None:
    """A file's or folder's descriptor, by which it is locked; None where another process has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    if lock_file(descriptor) and path.exists():
        return descriptor
    os.close(descriptor)
    return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
