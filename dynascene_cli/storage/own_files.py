"""The files of a folder that this program made, listed with their checksums.

Only what is listed is trusted or removed, and nothing is reached through a link: a user's files in
the same folder, and what links in it point to, stay as they are.

The list is a journal that is only ever appended to, a JSON array a line: ``begun`` before a
temporary file is made, ``ended`` after it was removed unfinished, ``file`` with size and checksum
before it takes its name, ``claim`` before others write one, ``folder`` before one is made, ``gone``
after a removal.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from xxhash import xxh3_64

from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import disk_full_as_error

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class Listed:
    """A file as it was written: its size in bytes and the XXH3 (64 bits) of its content."""

    size: int
    checksum: int


class OwnFiles:
    """What in ``folder`` is this program's, by paths relative to it with ``/`` between names.

    ``identity`` is the folder's own: the journal of another folder lists nothing.
    """

    def __init__(self, folder: Path, journal: str, identity: str) -> None:
        self.folder, self._journal, self._identity = folder, journal, identity
        self._files: dict[str, Listed] = {}
        self._begun: set[str] = set()
        self._folders: set[str] = set()
        self._claimed: set[str] = set()
        self._read_to = 0
        self._fitting: dict[str, tuple[int, ...]] = {}

    def files(self, below: str = "") -> dict[str, Listed]:
        """The listed files, or those in one folder and its folders."""
        self._catch_up()
        inside = f"{below}/" if below else ""
        return {path: each for path, each in self._files.items() if path.startswith(inside)}

    def _listed(self, path: str) -> Listed | None:
        self._catch_up()
        return self._files.get(path)

    def is_there(self, path: str) -> bool:
        """Whether a listed file lies there with its size; its content is not looked at."""
        listed = self._listed(path)
        if listed is None:
            return False
        try:
            found = self._status(path)
        except InputError:
            return False
        return found is not None and stat.S_ISREG(found.st_mode) and found.st_size == listed.size

    def fits(self, path: str) -> bool:
        """Whether a listed file's content is as it was written; told again without a new look."""
        listed = self._listed(path)
        if listed is None:
            return False
        try:
            with self._opened(path, os.O_RDONLY) as stream:
                found = os.fstat(stream.fileno())
                stamp = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
                if self._fitting.get(path) == stamp:
                    return True
                if Listed(found.st_size, _checksum(stream)) != listed:
                    return False
        except (OSError, InputError):
            return False
        self._fitting[path] = stamp
        return True

    @contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """A temporary file to write to, listed and in its place on a clean exit.

        Raises:
            InputError: something that is not this program's lies there, or on the way there.
            StageError: the disk is full.
        """
        self._check_free(path)
        if "/" in path:
            self.make_folder(path.rpartition("/")[0])
        temporary = _beside(path)
        self._check_free(temporary)
        with disk_full_as_error(self.folder / path):
            self._append("begun", path)
            try:
                with self._opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL):
                    pass
                yield self.folder / temporary
                with self._opened(temporary, os.O_RDONLY) as stream:
                    listed = Listed(os.fstat(stream.fileno()).st_size, _checksum(stream))
                self._append("file", path, listed.size, listed.checksum)
                with self._parent(temporary) as (folder, source), self._parent(path) as (_, target):
                    os.replace(source, target, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                self._unlink(temporary)

    def make_folder(self, path: str) -> None:
        """Make a folder, and those that it lies in; what is made is listed.

        Raises:
            InputError: a link or a file lies there, or on the way there.
        """
        names = path.split("/")
        for depth in range(len(names)):
            each = "/".join(names[: depth + 1])
            found = self._status(each)
            if found is None:
                self._append("folder", each)
                with self._parent(each) as (parent, name):
                    os.mkdir(name, dir_fd=parent)
            elif not stat.S_ISDIR(found.st_mode):
                raise self._foreign(each)

    def claim(self, path: str) -> None:
        """Take a name for a file that is written by others, and checked by who reads it.

        Raises:
            InputError: something that is not this program's lies there, or on the way there.
        """
        self._check_free(path)
        if path not in self._claimed:
            self._append("claim", path)

    def plain_file(self, path: str) -> Path:
        """Where a file lies that is not this program's alone; the folder that it is in is made.

        Raises:
            InputError: there is a link, or what is no file, in its place.
        """
        self.make_folder(path.rpartition("/")[0])
        found = self._status(path)
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise self._foreign(path)
        return self.folder / path

    def remove(self, path: str) -> None:
        """Remove a file that is listed or claimed."""
        if self._listed(path) is not None or path in self._claimed:
            self._unlink(path)
            self._append("gone", path)

    def clear(self, below: str) -> None:
        """Remove the files of a folder, and it where nothing else is in it."""
        claimed = {path for path in self._claimed if path.startswith(f"{below}/")}
        for path in {*self.files(below), *claimed}:
            self.remove(path)
        self.remove_empty(below)

    def remove_empty(self, below: str = "") -> None:
        """Remove the listed folders, or one and its folders, that have nothing in them."""
        self._catch_up()
        inside = {path for path in self._folders if not below or f"{path}/".startswith(f"{below}/")}
        for path in sorted(inside, reverse=True):
            with suppress(OSError, InputError), self._parent(path) as (parent, name):
                os.rmdir(name, dir_fd=parent)
                self._append("gone", path)

    def remove_unfinished(self) -> None:
        """Remove the temporary files that a process left which was killed."""
        self._catch_up()
        for path in list(self._begun):
            self._unlink(_beside(path))
            self._append("ended", path)

    def has_own_journal(self) -> bool:
        """Whether the journal is this folder's, or none is there yet."""
        try:
            with self._opened(self._journal, os.O_RDONLY) as stream:
                first = stream.readline()
        except FileNotFoundError:
            return True
        except (OSError, InputError):
            return False
        return not first or _event(first) == ["folder of", self._identity]

    def _check_free(self, path: str) -> None:
        """Make sure that writing a file replaces nothing but this program's own."""
        found = self._status(path)
        if found is not None and (
            not stat.S_ISREG(found.st_mode)
            or (self._listed(path) is None and path not in self._claimed)
        ):
            raise self._foreign(path)

    def _foreign(self, path: str) -> InputError:
        return InputError(
            f"{self.folder / path} is not what the project keeps there, and is left as it is",
            "move it elsewhere, or choose another folder with --project",
        )

    def _status(self, path: str) -> os.stat_result | None:
        """What lies there, itself and not what it links to; None where nothing does."""
        try:
            with self._parent(path) as (parent, name):
                return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _unlink(self, path: str) -> None:
        """Remove a file; what is none, or lies behind a link, stays."""
        with suppress(OSError, InputError), self._parent(path) as (parent, name):
            if stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=parent)

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[IO[bytes]]:
        with self._parent(path) as (parent, name):
            descriptor = os.open(name, flags | _NO_FOLLOW, 0o666, dir_fd=parent)
        with os.fdopen(descriptor, "rb" if flags == os.O_RDONLY else "ab") as stream:
            yield stream

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int | None, str]]:
        """The open folder in which a path lies, and the path's last name.

        Where the system opens no files relative to folders: None, and the whole path.

        Raises:
            InputError: a link or a file lies on the way there.
            FileNotFoundError: nothing does.
        """
        *folders, name = path.split("/")
        if os.open not in os.supports_dir_fd:
            for depth in range(len(folders)):
                on_the_way = self.folder.joinpath(*folders[: depth + 1])
                if on_the_way.is_symlink() or (on_the_way.exists() and not on_the_way.is_dir()):
                    raise self._foreign("/".join(folders[: depth + 1]))
            yield None, str(self.folder / path)
            return
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for depth, each in enumerate(folders):
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                try:
                    inner = os.open(each, flags, dir_fd=descriptor)
                except FileNotFoundError:
                    raise
                except OSError as error:
                    raise self._foreign("/".join(folders[: depth + 1])) from error
                os.close(descriptor)
                descriptor = inner
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _append(self, *event: str | int) -> None:
        line = json.dumps(event) + "\n"
        self._catch_up()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with (
            disk_full_as_error(self.folder / self._journal),
            self._opened(self._journal, flags) as stream,
        ):
            if stream.tell() == 0:
                line = json.dumps(["folder of", self._identity]) + "\n" + line
            elif stream.tell() > self._read_to:
                # A killed process left half a line.
                line = "\n" + line
            stream.write(line.encode())
        self._catch_up()

    def _catch_up(self) -> None:
        """Read what was appended to the journal since it was last read."""
        if not self._read_to and not self.has_own_journal():
            return
        with suppress(FileNotFoundError), self._opened(self._journal, os.O_RDONLY) as stream:
            stream.seek(self._read_to)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                self._take(_event(line))

    def _take(self, event: list[str | int] | None) -> None:
        match event:
            case ["begun", str(path)] if _is_inside(path):
                self._begun.add(path)
            case ["ended", str(path)]:
                self._begun.discard(path)
            case ["file", str(path), int(size), int(checksum)] if _is_inside(path):
                self._begun.discard(path)
                self._files[path] = Listed(size, checksum)
            case ["folder", str(path)] if _is_inside(path):
                self._folders.add(path)
            case ["claim", str(path)] if _is_inside(path):
                self._claimed.add(path)
            case ["gone", str(path)]:
                self._files.pop(path, None)
                self._claimed.discard(path)
                self._folders.discard(path)


def _event(line: bytes) -> list[str | int] | None:
    """A line of the journal; None of one that is no array, as of half a line."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, list) else None


def _is_inside(path: str) -> bool:
    """Whether a path names something in the folder, and nothing of this module's own."""
    return all(name not in ("", ".", "..") and "\0" not in name for name in path.split("/"))


def _beside(path: str) -> str:
    """The temporary name of a file."""
    parent, _, name = path.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    temporary = f".{stem}.part.{suffix}" if dot else f".{name}.part"
    return f"{parent}/{temporary}" if parent else temporary


def _checksum(stream: IO[bytes]) -> int:
    # A plate is read at the speed of memory: CRC-32 would take longer than reading it.
    return int.from_bytes(hashlib.file_digest(cast(BufferedReader, stream), xxh3_64).digest())
