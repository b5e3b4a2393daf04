"""What a user's files hold, and whether they still hold it: fingerprints and changes."""

import hashlib
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from dynascene_cli.errors import InputError

Stamp = tuple[int, int, int]

_NUMBER = re.compile(r"%0?\d*d")


def file_fingerprint(path: Path) -> str:
    """SHA-256 of a file's content; of a folder or ``name.%05d.png``, of its files' and names'."""
    if path.is_file():
        return _content_digest(path).hex()
    digest = hashlib.sha256()
    for file in _files(path):
        digest.update(os.fsencode(file.name) + b"\0" + _content_digest(file))
    return digest.hexdigest()


class WatchedInputs:
    """The files that a run reads, each a file, a folder or ``name.%05d.png``.

    They are looked at when this is made, which is before the first of them is opened.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._before = {file: _stamp(file) for path in paths for file in _files(path)}

    def check(self) -> None:
        """Make sure that no file was written, or replaced by another, since this was made.

        Raises:
            InputError: one was. What was made of it may be of the one, the other, or of both.
        """
        for file, before in self._before.items():
            if _stamp(file) != before:
                raise InputError(
                    f"{file} was changed while it was read: nothing that was made of it is kept",
                    "run the same command again",
                )


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    folder = path if path.is_dir() else path.parent
    name = ".+" if path.is_dir() else _NUMBER.sub(r"\\d+", re.escape(path.name))
    # Names with a leading dot are those of files that are being written.
    wanted = re.compile(rf"(?!\.){name}")
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(file for file in found if wanted.fullmatch(file.name) and file.is_file())


def _stamp(file: Path) -> Stamp | None:
    """What changes with a file's content: its size and times, or None where it is no more.

    The time of its last change of any kind is among them, which nothing sets back.
    """
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _content_digest(file: Path) -> bytes:
    return _digest_while(file.resolve(), _stamp(file))


@lru_cache(maxsize=1 << 16)
def _digest_while(file: Path, stamp: Stamp | None) -> bytes:
    """A file's digest, taken once while its stamp stays the same."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()
