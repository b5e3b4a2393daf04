"""The project folder: stage keys, cached files, lock.

A stage's key is the fingerprint of everything that its result depends on, and each of its files
has a checksum, so what is found whole under a key is right by construction.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import is_unused, publish_text
from dynascene_cli.storage.fingerprints import WatchedInputs
from dynascene_cli.storage.locks import lock_folder
from dynascene_cli.storage.own_files import OwnFiles

STAGES = ("matte", "camera", "scene", "plate", "report")

MARKER = "project.json"
JOURNAL = "files.jsonl"
Value = TypeVar("Value")

MADE_BY = "dynascene"
_DONE = "done.json"


def stage_key(stage: str, version: int, depends_on: Mapping[str, Any]) -> str:
    """Sixteen hex digits of the SHA-256 over a stage's name, code version and dependencies."""
    text = json.dumps([stage, version, depends_on], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Project:
    """A clip's cache folder: ``<stage>/<key>/`` holds one result, ``project.json`` the latest.

    ``warn`` is told of files that are damaged. ``inputs`` are the files that a run reads: nothing
    is kept of what was made while one of them changed.

    Raises:
        InputError: the folder is there, and is something else.
    """

    def __init__(
        self,
        folder: Path,
        warn: Callable[[str], None] = lambda message: None,
        inputs: Iterable[Path] = (),
    ) -> None:
        self.folder, self._warn = folder, warn
        self._inputs = WatchedInputs(inputs)
        self._files = OwnFiles(folder, JOURNAL, self._identity())
        if not self._is_ours() and not self._is_free():
            raise InputError(
                f"{folder} is not a project folder that this program made, and is left as it is",
                f"choose another: --project {_free_name(folder)}",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process; the lock is the system's and dies with it.

        What was not finished is cleared away on leaving: a folder that was made for a run that
        found nothing to keep goes with it.

        Raises:
            InputError: the folder cannot be made, or another run holds it.
        """
        with lock_folder(
            self.folder,
            "project folder",
            "another run is using this project",
            "--project",
            made_with_it=(MARKER, JOURNAL),
        ):
            if not self._identity():
                self._write_marker(str(uuid.uuid4()), {})
            # Another run may have made the folder a project since this one looked.
            self._files = OwnFiles(self.folder, JOURNAL, self._identity())
            self._files.remove_unfinished()
            try:
                yield
            finally:
                self._files.remove_unfinished()
                self._files.remove_empty()

    def stage_folder(self, stage: str, key: str) -> Path:
        """Where a stage's result with this key lies; made if absent.

        Raises:
            InputError: something else lies there.
        """
        self._files.make_folder(f"{stage}/{key}")
        return self.folder / stage / key

    def holds(self, path: Path) -> bool:
        """Whether a file of the project is as it was written; one that is damaged is told of."""
        inside = self._inside(path)
        if self._files.fits(inside):
            return True
        if path.exists() and inside in self._files.files():
            self._warn(f"{path} is damaged: it is made again")
        return False

    @contextmanager
    def publish(self, path: Path) -> Iterator[Path]:
        """A temporary file to write to; on a clean exit it is the project's file ``path``.

        Raises:
            InputError: a file that is not the project's lies there; an input changed.
            StageError: the disk is full.
        """
        with self._files.writing(self._inside(path)) as temporary:
            yield temporary
            self.check_inputs()

    def cached(
        self, path: Path, make: Callable[[Path], object], read: Callable[[Path], Value]
    ) -> Value:
        """What a file of the project says; where it is not whole, ``make`` writes it first.

        Raises:
            InputError: a file that is not the project's lies there; an input changed.
            StageError: the disk is full.
        """
        if not self.holds(path):
            with self.publish(path) as temporary:
                make(temporary)
        return read(path)

    def check_inputs(self) -> None:
        """Make sure that the run's inputs are what they were when it began.

        Raises:
            InputError: one of them was changed.
        """
        self._inputs.check()

    def has(self, stage: str, key: str) -> bool:
        """Whether the stage's result with this key was finished and its files are there.

        What is in them is looked at when they are read (``holds``, ``is_whole``).
        """
        files = self._files.files(f"{stage}/{key}")
        return self.holds(self.folder / stage / key / _DONE) and all(
            map(self._files.is_there, files)
        )

    def is_whole(self, stage: str, key: str) -> bool:
        """Whether the stage's result was finished and every file of it is as it was written."""
        files = self._files.files(f"{stage}/{key}")
        whole = [self.holds(self.folder / path) for path in files]
        return f"{stage}/{key}/{_DONE}" in files and all(whole)

    def mark_done(self, stage: str, key: str, depends_on: Mapping[str, Any]) -> None:
        """Declare the result whole, keep what it came from, and name it as the latest."""
        text = json.dumps(depends_on, indent=1, default=str, ensure_ascii=False)
        self.publish_text(self.stage_folder(stage, key) / _DONE, text)
        self._write_marker(self._identity(), {**self.latest(), stage: key})

    def publish_text(self, path: Path, text: str) -> None:
        """Keep a text file, whole or not at all."""
        with self.publish(path) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")

    def latest(self) -> dict[str, str]:
        """The key of the last finished result of each stage."""
        found = self._marker().get("latest")
        named = found if isinstance(found, dict) else {}
        return {str(stage): str(key) for stage, key in named.items()}

    def results(self, stage: str) -> dict[str, int]:
        """The keys of a stage's results, finished or not, and the bytes that each takes."""
        sizes: dict[str, int] = {}
        for path, file in self._files.files(stage).items():
            _, key, *names = path.split("/")
            if names:
                sizes[key] = sizes.get(key, 0) + file.size
        return dict(sorted(sizes.items()))

    def forget(self, stage: str, key: str) -> None:
        """Remove one result, so that the stage is made anew."""
        self._files.clear(f"{stage}/{key}")

    def remove(self, path: Path) -> None:
        """Remove one file of the project."""
        self._files.remove(self._inside(path))

    def claim(self, path: Path) -> None:
        """Count a file among the project's that is written without it, and checked by its reader.

        Raises:
            InputError: something that is not the project's lies there.
        """
        self._files.claim(self._inside(path))

    def clear(self, stage: str) -> int:
        """Remove all results of a stage; the bytes that they took."""
        freed = sum(file.size for file in self._files.files(stage).values())
        self._files.clear(stage)
        return freed

    def clear_older(self, stage: str) -> int:
        """Remove a stage's results but its latest finished one; the bytes that they took."""
        latest = self.latest().get(stage)
        older = {key: size for key, size in self.results(stage).items() if key != latest}
        for key in older:
            self.forget(stage, key)
        return sum(older.values())

    def free_bytes(self) -> int:
        """What is free on the disk that the folder is on, or will be."""
        there = next(
            path for path in (self.folder, *self.folder.absolute().parents) if path.exists()
        )
        return shutil.disk_usage(there).free

    def exists(self) -> bool:
        """Whether the folder is a project already."""
        return self._is_ours()

    def users_file(self, path: str) -> Path:
        """A file that is the user's to edit; the folder that it lies in is made.

        Raises:
            InputError: there is a link, or what is no file, in its place.
        """
        return self._files.plain_file(path)

    def _inside(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _is_ours(self) -> bool:
        return bool(self._identity()) and self._files.has_own_journal()

    def _is_free(self) -> bool:
        """Whether nothing is there yet but what a run that was killed at once may have left."""
        if not self.folder.exists():
            return True
        return self.folder.is_dir() and is_unused(self.folder)

    def _identity(self) -> str:
        """What tells this folder from any other; empty where there is no marker."""
        return str(self._marker().get("identity", ""))

    def _marker(self) -> dict[str, Any]:
        path = self.folder / MARKER
        try:
            found = {} if path.is_symlink() else json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        is_one = isinstance(found, dict) and found.get("made_by") == MADE_BY
        return found if is_one else {}

    def _write_marker(self, identity: str, latest: Mapping[str, str]) -> None:
        marker = {"made_by": MADE_BY, "identity": identity, "latest": latest}
        publish_text(self.folder / MARKER, json.dumps(marker, indent=1) + "\n")


def _free_name(folder: Path) -> Path:
    """A name like the folder's that nothing has."""
    for number in count(2):
        name = folder.with_name(f"{folder.stem}-{number}{folder.suffix}")
        if not name.exists() and not name.is_symlink():
            return name
    raise AssertionError
