"""Files that appear whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dynascene_cli.errors import InputError, StageError
from dynascene_cli.file_names import LONGEST, fitting_name
from dynascene_cli.video.sequences import PICTURE_SUFFIXES, frame_number, is_pattern, sequence_files

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_writable(path: Path) -> None:
    """Make sure that a file or a sequence can be written at ``path``, before any work is done.

    Raises:
        InputError: the folder is missing or cannot be written, or ``path`` is itself a folder.
    """
    folder = path.parent
    if len(os.fsencode(path.name)) > LONGEST:
        raise InputError(f"{path}: the name is too long", f"at most {LONGEST} bytes")
    if not folder.is_dir():
        raise InputError(
            f"{path}: the folder {folder} does not exist", f"make it: mkdir -p {folder}"
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder", "give the name of a file")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{path}: the folder {folder} cannot be written to ({error.strerror})",
            "choose another output folder",
        ) from error


def check_spared(output: Path, inputs: Iterable[Path]) -> None:
    """Make sure that writing ``output`` leaves every input as it is.

    Each is a file or ``name.%05d.png``; an input may also be a folder of pictures, to which no
    picture may be added.

    Raises:
        InputError: an input would be written over, or added to.
    """
    for given in inputs:
        if given.is_dir():
            touched = output.suffix.lower() in PICTURE_SUFFIXES and _same(output.parent, given)
        else:
            files = sequence_files(given) if is_pattern(given) and not given.exists() else [given]
            touched = any(_writes_over(output, file) for file in files)
        if touched:
            raise InputError(
                f"{output}: would change the input {given}", "choose another name for the output"
            )


def _writes_over(output: Path, file: Path) -> bool:
    if _same(output, file):
        return True
    return frame_number(output, file.name) is not None and _same(output.parent, file.parent)


def _same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; it takes the name ``path`` on a clean exit.

    Raises:
        StageError: the disk is full.
    """
    temporary = path.with_name(fitting_name(f".{path.stem}", f".{os.getpid()}.part{path.suffix}"))
    try:
        with told_when_full(path):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def published_together(folder: Path) -> Iterator[Path]:
    """A temporary folder in ``folder`` whose files move into it together on a clean exit.

    Raises:
        StageError: the disk is full.
    """
    temporary = Path(tempfile.mkdtemp(prefix=".sequence.", suffix=".part", dir=folder))
    try:
        with told_when_full(folder):
            yield temporary
            for file in sorted(temporary.iterdir()):
                file.replace(folder / file.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def published_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder``, whose name it takes on a clean exit.

    ``folder`` is not there then. What an interrupted run left of it is cleared away first.

    Raises:
        StageError: the disk is full.
    """
    temporary = folder.with_name(fitting_name(f".{folder.name}", ".part"))
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with told_when_full(folder):
            temporary.mkdir(parents=True)
            yield temporary
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def told_when_full(path: Path) -> Iterator[None]:
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
