"""Texts of options: those that hold several values, and former spellings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dynascene_cli.pipeline.request import Click, People

RENAMED = {
    "matter": "matting-model",
    "keep": "matte-fixes",
    "amount": "move-strength",
    "strength": "guide-strength",
    "place": "position",
    "subject": "person-anchor",
    "anchored": "ground",
    "locked": "screen",
}
"""Former spellings of options and of their choices, which still work, and what they are now."""


def current_spelling(word: str) -> str:
    """The present name of an option or a choice that may be given by its former one."""
    return RENAMED.get(word, word)


def parse_clicks(texts: Sequence[str]) -> "tuple[Click, ...]":
    """The things clicked at: ``TIME,X,Y``, with a minus in front where they are taken away.

    Raises:
        typer.BadParameter: a text is no such triple.
    """
    return tuple(_parse_click(text) for text in texts)


def _parse_click(text: str) -> "Click":
    from dynascene_cli.pipeline.request import Click

    try:
        time, x, y = (float(part) for part in text.removeprefix("-").split(","))
    except ValueError:
        time = x = y = -1.0
    if not (0 <= time < float("inf") and 0 <= x < 1 and 0 <= y < 1):
        wanted = "TIME,X,Y with the time in seconds and both others from 0 to below 1"
        raise typer.BadParameter(f"{text!r} is not {wanted}", param_hint="--click")
    return Click(time, x, y, adds=not text.startswith("-"))


def people_choice(remove: bool, keep: bool) -> "People":
    """What becomes of people in the photo.

    Raises:
        typer.BadParameter: both are asked for.
    """
    if remove and keep:
        raise typer.BadParameter("leave out --keep-people or this", param_hint="--remove-people")
    return "remove" if remove else "keep" if keep else "auto"


def parse_fractions(option: str, text: str) -> tuple[float, float]:
    """Two fractions of a picture, ``X,Y`` each in 0..1.

    Raises:
        typer.BadParameter: the text is no such pair.
    """
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = -1.0
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise typer.BadParameter(f"{text!r} is not X,Y with both in 0..1", param_hint=option)
    return x, y


def parse_numbers(option: str, text: str, count: int) -> list[float]:
    """So many numbers with commas between them.

    Raises:
        typer.BadParameter: the text is no such numbers.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise typer.BadParameter(f"{text!r} is not {count} numbers", param_hint=option)
    return numbers


def parse_sun_angles(text: str) -> tuple[float, float]:
    """``AZIMUTH,ELEVATION`` in degrees, the former −360 to 360, the latter 3 to 90.

    Raises:
        typer.BadParameter: the text is no such pair.
    """
    try:
        azimuth, elevation = (float(part) for part in text.split(","))
    except ValueError:
        azimuth = elevation = -1000.0
    if not (-360 <= azimuth <= 360 and 3 <= elevation <= 90):
        raise typer.BadParameter(
            f"{text!r} is not AZIMUTH,ELEVATION in -360..360 and 3..90", param_hint="--sun"
        )
    return azimuth, elevation


def parse_picture_size(text: str, option: str = "--size") -> tuple[int, int]:
    """``WxH`` in pixels, each 16 to 16384.

    Raises:
        typer.BadParameter: the text is no such size.
    """
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        width = height = 0
    if not (16 <= width <= 16384 and 16 <= height <= 16384):
        raise typer.BadParameter(f"{text!r} is not WxH with both in 16..16384", param_hint=option)
    return width, height
