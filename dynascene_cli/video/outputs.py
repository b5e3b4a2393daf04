"""Where a command may write: in folders that can be written, and over no input."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from dynascene_cli.errors import InputError
from dynascene_cli.storage.file_names import LONGEST
from dynascene_cli.video.sequences import PICTURE_SUFFIXES, frame_number, is_pattern, sequence_files


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
