"""Frames that are one picture file each: patterns such as ``name.%05d.png``, and folders."""

import re
from itertools import pairwise
from pathlib import Path

from dynascene_cli.errors import InputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")

_NUMBER = re.compile(r"%(0?)(\d*)d")


def is_pattern(path: Path) -> bool:
    """Whether the name holds a frame number such as ``%05d``."""
    return _NUMBER.search(path.name) is not None


def numbered(path: Path, number: int) -> Path:
    """The file of one frame: ``name.%05d.png`` and 7 give ``name.00007.png``."""
    found = _NUMBER.search(path.name)
    if found is None:
        return path
    digits = f"{number:{found[1]}{found[2]}d}"
    return path.with_name(path.name[: found.start()] + digits + path.name[found.end() :])


def frame_number(pattern: Path, name: str) -> int | None:
    """Which frame of ``pattern`` a file name is, or None: the inverse of ``numbered``."""
    found = _NUMBER.search(pattern.name)
    if found is None:
        return None
    before, after = pattern.name[: found.start()], pattern.name[found.end() :]
    match = re.fullmatch(re.escape(before) + r"(\d+)" + re.escape(after), name)
    if match is None or numbered(pattern, int(match[1])).name != name:
        return None
    return int(match[1])


def sequence_files(source: Path) -> list[Path]:
    """The picture files of a pattern, by number, or of a folder, by name with numbers in order.

    A path that is neither is a sequence of itself.

    Raises:
        InputError: there are none, or a number of the pattern is missing in between.
    """
    if source.is_dir():
        files = [file for file in source.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES]
        if not files:
            raise InputError(f"{source} holds no pictures", "give a folder of PNG or JPEG frames")
        return sorted(files, key=lambda file: _natural(file.name))
    found = _NUMBER.search(source.name)
    if found is None:
        return [source]
    folder = source.parent
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    numbers = sorted(number for name in names if (number := frame_number(source, name)) is not None)
    if not numbers:
        raise InputError(f"{source}: no file matches", f"for example {numbered(source, 1).name}")
    for before, after in pairwise(numbers):
        if after != before + 1:
            missing = numbered(source, before + 1).name
            raise InputError(f"{source}: frame {missing} is missing", "complete the sequence")
    return [numbered(source, number) for number in numbers]


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
