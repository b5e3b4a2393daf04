"""Text files of the user, whatever editor saved them; refused in one line where they are none.

Every other module reads JSON, TOML and text of the user's through here, so that what a decoder or
parser raises becomes an ``InputError`` in one place.
"""

import codecs
import json
import tomllib
from pathlib import Path
from typing import Any

from dynascene_cli.errors import InputError

LARGEST_TEXT = 256 * 2**20
"""Bytes; text of the user's is never this long, and a wrong file may well be."""

LONGEST_WHOLE_NUMBER = 300
"""Digits; a longer whole number exceeds every float, and reads as infinite."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path, kind: str = "text") -> str:
    """The text of a file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        InputError: it is not there, cannot be read, or is no ``kind`` file.
    """
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise InputError(f"{path}: too large for a {kind} file", "give another file")
        content = path.read_bytes()
        encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
        return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file", "check the path") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}", f"give a {kind} file"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a {kind} file", "save it as UTF-8 text") from error


def read_json(path: Path) -> object:
    """The document in a JSON file.

    Raises:
        InputError: it is not there, cannot be read, or is no JSON: where it goes wrong.
    """
    return parse_json(read_text(path, "JSON text"), str(path))


def parse_json(text: str, where: str) -> Any:
    """The document in a JSON text; ``where`` begins the message if it is none.

    Raises:
        InputError: it is no JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{where}: not JSON: {error.msg} at {place}", "mend it there") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{where}: not a JSON text file", "export it again") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        InputError: it is not there, cannot be read, or is no TOML: where it goes wrong.
    """
    try:
        return tomllib.loads(read_text(path, "TOML text"))
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not settings: {error}", "a TOML file of KEY = VALUE"
        ) from error


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_WHOLE_NUMBER else float(digits)
