"""Frames that are one picture file each: patterns such as ``name.%05d.png``, and folders."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

from dynascene_cli.errors import InputError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr")

MOST_FILLED = 10
"""How many frames a file may have to show, on average, where gaps are filled."""

_NUMBER = re.compile(r"%(0?)(\d*)d")


def is_pattern(path: Path) -> bool:
    """Whether the name holds a frame number such as ``%05d``."""
    return _NUMBER.search(path.name) is not None


def path_of_number(path: Path, number: int) -> Path:
    """The file of one frame: ``name.%05d.png`` and 7 give ``name.00007.png``."""
    found = _NUMBER.search(path.name)
    if found is None:
        return path
    digits = f"{number:{found[1]}{found[2]}d}"
    return path.with_name(path.name[: found.start()] + digits + path.name[found.end() :])


def pattern_parts(path: Path) -> tuple[str, int, str] | None:
    """What comes before a pattern's frame number, its digits at least, and what comes after."""
    found = _NUMBER.search(path.name)
    if found is None:
        return None
    digits = int(found[2] or 0) if found[1] else 0
    return path.name[: found.start()], digits, path.name[found.end() :]


def before_number(path: Path) -> str:
    """The part of a pattern's name that comes before the frame number."""
    return _NUMBER.split(path.name)[0]


def frame_number(pattern: Path, name: str) -> int | None:
    """Which frame of ``pattern`` a file name is, or None: the inverse of ``path_of_number``."""
    found = _NUMBER.search(pattern.name)
    if found is None:
        return None
    before, after = pattern.name[: found.start()], pattern.name[found.end() :]
    match = re.fullmatch(re.escape(before) + r"(\d+)" + re.escape(after), name)
    if match is None or path_of_number(pattern, int(match[1])).name != name:
        return None
    return int(match[1])


def sequence_files(source: Path) -> list[Path]:
    """The picture files of a pattern, by number, or of a folder, by name with numbers in order.

    Hidden files (``._m.0001.png``, ``.DS_Store``) are passed over. A path that is neither is a
    sequence of itself.

    Raises:
        InputError: there are none, a number comes twice, or a folder holds several series.
    """
    if source.is_dir():
        files = [
            file
            for file in source.iterdir()
            if file.suffix.lower() in PICTURE_SUFFIXES and not file.name.startswith(".")
        ]
        if not files:
            raise InputError(f"{source} holds no pictures", "give a folder of PNG or JPEG frames")
        files.sort(key=lambda file: _natural(file.name))
        _check_one_series(source, files)
        return files
    found = _NUMBER.search(source.name)
    if found is None:
        return [source]
    folder = source.parent
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    numbers = sorted(number for name in names if (number := frame_number(source, name)) is not None)
    if not numbers:
        raise InputError(
            f"{source}: no file matches", f"for example {path_of_number(source, 1).name}"
        )
    return [path_of_number(source, number) for number in numbers]


def file_numbers(files: list[Path]) -> list[int] | None:
    """The frame numbers that file names carry: the one number in them that differs, or None."""
    groups = [re.findall(r"\d+", file.stem) for file in files]
    if len({len(group) for group in groups}) != 1 or not groups[0]:
        return None
    columns = list(zip(*groups, strict=True))
    changing = [column for column in columns if len(set(map(int, column))) > 1]
    if len(changing) > 1:
        return None
    # Of a single file, or of names that differ in nothing else, the last number counts frames.
    numbers = [int(text) for text in (changing or columns[-1:])[0]]
    return numbers if all(before < after for before, after in pairwise(numbers)) else None


def serve_files(source: Path, files: list[Path], *, fill_gaps: bool) -> tuple[int, ...]:
    """For each frame of a sequence, the index of the file that shows it.

    With ``fill_gaps`` the file before a missing one is shown again. Numbers of a folder may rise
    in steps (every second frame, or times): what is missing then is a longer step.

    Raises:
        InputError: a number is missing in between and gaps are not to be filled, or the gaps are
            larger than the sequence.
    """
    numbers = file_numbers(files)
    if numbers is None or len(numbers) == 1:
        return tuple(range(len(files)))
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps) if source.is_dir() else 1
    repeats = [round(one / step) for one in steps] + [1]
    count = sum(repeats)
    if count == len(files):
        return tuple(range(len(files)))
    before = next(index for index, times in enumerate(repeats) if times > 1)
    missing = _name_of(files[before], numbers[before], numbers[before] + step)
    if not fill_gaps:
        raise InputError(
            f"{source}: frame {missing} is missing ({count - len(files)} of {count} in all)",
            "complete the sequence, or repeat the frames before the gaps: --fill-gaps",
        )
    if count > MOST_FILLED * len(files):
        raise InputError(
            f"{source}: {count - len(files)} of {count} frames are missing, the first {missing}",
            "more than gaps: check the file names",
        )
    return tuple(index for index, times in enumerate(repeats) for _ in range(times))


def other_size(file: Path, size: tuple[int, int], expected: tuple[int, int]) -> InputError:
    """A sequence's picture that has not the (W, H) that is ``expected``, that of the first."""
    return InputError(
        f"{file} is {size[0]}x{size[1]}, the sequence is {expected[0]}x{expected[1]}",
        "give pictures of one size",
    )


def _check_one_series(folder: Path, files: list[Path]) -> None:
    """Refuse a folder in which numbered frames lie among other pictures, or twice.

    Raises:
        InputError: as above.
    """
    templates = Counter(re.sub(r"\d+", "#", file.stem) for file in files)
    (common, most), *others = templates.most_common()
    if others and most > 1 and "#" in common:
        stray = next(file for file in files if re.sub(r"\d+", "#", file.stem) != common)
        raise InputError(
            f"{folder}: {stray.name} is not of the series {common}",
            "move it away, or name the series: --help says how (name.%05d.png)",
        )
    for before, after in pairwise(files):
        if _natural(before.stem) == _natural(after.stem):
            raise InputError(
                f"{folder}: {before.name} and {after.name} name the same frame", "keep one"
            )


def _name_of(file: Path, number: int, wanted: int) -> str:
    """The file's name with another frame number in its place, of as many digits."""
    matches = [found for found in re.finditer(r"\d+", file.stem) if int(found[0]) == number]
    last = matches[-1]
    digits = f"{wanted:0{len(last[0])}d}"
    return f"{file.stem[: last.start()]}{digits}{file.stem[last.end() :]}{file.suffix}"


def _natural(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
