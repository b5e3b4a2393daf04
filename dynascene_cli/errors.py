"""The three ways in which a run can fail, each with the exit code that scripts rely on."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event


class DynasceneError(Exception):
    """A failure told to the user in one line, with a hint of what would be right.

    ``details`` are what a run that failed in parts has to say of the others, under ``--json``.
    Never raised itself: its subclasses carry the exit code.
    """

    exit_code = 1

    def __init__(
        self, message: str, hint: str = "", details: Mapping[str, object] | None = None
    ) -> None:
        # What a file holds is part of some messages, and its line ends are not theirs.
        message = " ".join(message.splitlines())
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}


class InputError(DynasceneError):
    """An input or a setting is wrong: name the file, what is wrong, and what would be right."""

    exit_code = 1


class MissingError(DynasceneError):
    """Something is not installed or not downloaded: the hint is the command that gets it."""

    exit_code = 3


class StageError(DynasceneError):
    """A stage failed though its input was good: the hint says what to try."""

    exit_code = 4


def suggest(mistyped: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint for a name that does not exist: the known one that it may be, else ``otherwise``.

    ``otherwise`` is by default a list of the known names.
    """
    names = list(known)
    nearest = difflib.get_close_matches(mistyped, names, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]}?"
    return otherwise or f"known: {', '.join(names)}"


asked_to_end = Event()
"""Set where a signal asked the process to end: a library may make another error of that."""


def reason_of(error: Exception) -> str:
    """What a library or the system says went wrong, in one line and without its number."""
    said = getattr(error, "strerror", None) or error
    return " ".join(str(said).split()) or type(error).__name__


@contextmanager
def reading(path: Path, kind: str, hint: str) -> Iterator[None]:
    """Turn whatever a library raises while it reads ``path`` into an InputError that names it.

    A file from anywhere can make a decoder fail in any way that its authors did not foresee, so
    that no list of exceptions would be whole. What the file is not is told by ``kind``.

    Raises:
        InputError: the file could not be read.
    """
    try:
        yield
    except (DynasceneError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as {kind}: {reason_of(error)[:200]}", hint
        ) from error
