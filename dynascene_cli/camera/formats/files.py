"""Text and numbers out of camera files, and camera files that appear whole."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.video.publishing import check_writable, published


def text_of(path: Path, kind: str = "text") -> str:
    """The text of a file, which is told to be no ``kind`` file where it is none.

    Raises:
        InputError: it is not there, cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file", "give a trajectory's or a camera's file"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "give a readable camera file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a {kind} file", "export the camera again") from error


def json_of(path: Path) -> object:
    """The document in a JSON file.

    Raises:
        InputError: it is not there, cannot be read, or is no JSON: where it goes wrong.
    """
    try:
        return json.loads(text_of(path, "JSON text"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: not JSON: {error.msg} at {where}", "mend it there") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{path}: not a JSON text file", "export it again") from error


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
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
    with published(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
