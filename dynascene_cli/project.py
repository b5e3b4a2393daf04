"""The project folder: stage keys, cache, lock, atomic publish.

A stage's key is the fingerprint of everything that its result depends on, so what is found under
a key is right by construction; what is being made lies in a temporary place until it is whole.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dynascene_cli.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

STAGES = ("matte", "camera", "scene", "plate", "report")
PARTIAL_MARK = ".part"


def file_fingerprint(path: Path) -> str:
    """SHA-256 of a file's content; of a folder or ``name.%05d.png``, of its files' and names'."""
    if path.is_file():
        return _content_digest(path).hexdigest()
    pattern = re.sub(r"%0?\d*d", "*", path.name)
    files = path.iterdir() if path.is_dir() else path.parent.glob(pattern)
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.is_file()):
        digest.update(os.fsencode(file.name) + b"\0" + _content_digest(file).digest())
    return digest.hexdigest()


def _content_digest(path: Path) -> "hashlib._Hash":
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256")


def stage_key(stage: str, version: int, depends_on: Mapping[str, Any]) -> str:
    """Sixteen hex digits of the SHA-256 over a stage's name, code version and dependencies."""
    text = json.dumps([stage, version, depends_on], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Project:
    """A clip's cache folder: ``<stage>/<key>/`` holds one result, ``project.json`` the latest."""

    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; the lock is the system's and dies with it.

        What was not finished is cleared away on leaving: a folder that was made for a run that
        found nothing to keep goes with it.

        Raises:
            InputError: the folder cannot be made, or another run holds it.
        """
        with locked_folder(
            self.folder, "project folder", "another run is using this project", "--project"
        ):
            self._remove_partial()
            try:
                yield
            finally:
                self._remove_partial()
                self._remove_empty()

    def stage_folder(self, stage: str, key: str) -> Path:
        """Where a stage's result with this key lies; made if absent."""
        folder = self.folder / stage / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def has(self, stage: str, key: str) -> bool:
        """Whether the stage's result with this key is whole."""
        return (self.folder / stage / key / "done.json").is_file()

    def mark_done(self, stage: str, key: str, depends_on: Mapping[str, Any]) -> None:
        """Declare the result whole, keep what it came from, and name it as the latest."""
        text = json.dumps(depends_on, indent=1, default=str, ensure_ascii=False)
        publish_text(self.stage_folder(stage, key) / "done.json", text)
        latest = self.latest()
        latest[stage] = key
        publish_text(self.folder / "project.json", json.dumps({"latest": latest}, indent=1))

    def latest(self) -> dict[str, str]:
        """The key of the last finished result of each stage."""
        path = self.folder / "project.json"
        try:
            found = json.loads(path.read_text())["latest"] if path.is_file() else {}
        except (ValueError, KeyError, TypeError):
            found = {}
        return {str(stage): str(key) for stage, key in found.items()}

    def forget(self, stage: str, key: str) -> None:
        """Remove one result, so that the stage is made anew."""
        shutil.rmtree(self.folder / stage / key, ignore_errors=True)

    def _remove_partial(self) -> None:
        for leftover in self.folder.glob(f"*/*/*{PARTIAL_MARK}*"):
            leftover.unlink(missing_ok=True)

    def _remove_empty(self) -> None:
        for folder in (*self.folder.glob("*/*/"), *self.folder.glob("*/")):
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def locked_folder(folder: Path, kind: str, in_use: str, option: str) -> Iterator[None]:
    """Hold a folder for this process; the lock is the system's and dies with it.

    A folder that was made for it and has nothing but the lock in the end goes again. ``kind`` and
    ``in_use`` are what the folder is called and what is said when it is held; ``option`` chooses
    another.

    Raises:
        InputError: the folder cannot be made, or another process holds it.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / "lock").open("a+")
    except OSError as error:
        raise InputError(
            f"{folder}: the {kind} cannot be written ({error.strerror})",
            f"choose another with {option}",
        ) from error
    with stream:
        if not _lock_held(stream):
            raise InputError(
                f"{folder}: {in_use}", f"wait for it, or choose another folder with {option}"
            )
        try:
            yield
        finally:
            if made and [path.name for path in folder.iterdir()] == ["lock"]:
                shutil.rmtree(folder, ignore_errors=True)


def _lock_held(stream: IO[str]) -> bool:
    """Whether an open file's lock could be taken; it is the system's and ends with the file."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def publish_text(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    temporary = path.with_name(f".{path.name}{PARTIAL_MARK}")
    try:
        # A name that is no UTF-8 is told by escapes, which JSON reads back.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
