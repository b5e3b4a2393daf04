"""Text and numbers out of camera files, and camera files that appear whole."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.storage.text_files import read_json
from dynascene_cli.video.outputs import check_writable


def read_document(path: Path) -> object:
    """The document in a JSON camera file, for reading only.

    The last one is kept, since its format, camera, ground and points are asked for in turn.

    Raises:
        InputError: it is not there, cannot be read, or is no JSON.
    """
    try:
        found = path.stat()
    except OSError:
        return read_json(path)
    return _kept_document(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1)
def _kept_document(path: Path, changed: int, size: int) -> object:
    return read_json(path)


def number_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers from 1: no blank ones, no # comments."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def numbers(path: Path, line: int, words: Sequence[str]) -> list[float]:
    """The words of a line as numbers.

    Raises:
        InputError: one is not a number.
    """
    values = []
    for word in words:
        try:
            values.append(float(word))
        except ValueError as error:
            raise InputError(
                f"{path}: line {line}: {word[:40]!r} is not a number", "export the camera again"
            ) from error
    return values


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def whole_number(path: Path, line: int, value: float) -> int:
    """A number of a line that counts or names something.

    Raises:
        InputError: it is not a whole one.
    """
    if not (abs(value) < 2**53 and value == round(value)):
        raise InputError(
            f"{path}: line {line}: {value:g} is not a whole number", "export the camera again"
        )
    return round(value)


def matrix(value: object, rows: int, columns: int) -> Floats | None:
    """A (rows, columns) matrix out of JSON's nested lists of numbers; None if it is none."""
    if not isinstance(value, list) or len(value) != rows:
        return None
    for row in value:
        if not isinstance(row, list) or len(row) != columns:
            return None
        if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in row):
            return None
    return np.array(value, dtype=float)


def number(value: object) -> float | None:
    """A JSON number, or None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def digits(values: Iterable[float] | Floats) -> str:
    """Numbers with spaces between, each as many digits as it takes to read the same one back."""
    return " ".join(repr(float(value) + 0.0) for value in np.ravel(np.asarray(values)))


def publish(path: Path, text: str) -> None:
    """Write a camera file, which appears whole or not at all.

    Raises:
        InputError: its folder is missing or cannot be written to.
    """
    check_writable(path)
    with publish_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
