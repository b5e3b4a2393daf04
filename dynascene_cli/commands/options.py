"""The options that several commands share, each defined once."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from dynascene_cli.pipeline.request import Click, People

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Say more; show tracebacks.")]
ClipArgument = Annotated[
    str,
    typer.Argument(
        metavar="CLIP",
        help="A video, an animated GIF, an image, name.%05d.png or a folder of images.",
    ),
]
FrameRate = Annotated[
    float | None, typer.Option("--fps", help="Frames a second of an image sequence.")
]
FillGaps = Annotated[
    bool,
    typer.Option("--fill-gaps", help="Repeat the frame before one that an image sequence lacks."),
]
StartNumber = Annotated[
    int | None,
    typer.Option(
        "--start-number",
        help="Number of the first frame, of written sequences, corrections and cameras "
        "[default: that of the clip's own files, else 1].",
        min=0,
        max=9_999_999,
    ),
]
Start = Annotated[float | None, typer.Option("--start", help="Seconds into the clip to start at.")]
End = Annotated[float | None, typer.Option("--end", help="Seconds into the clip to end at.")]
ProjectFolder = Annotated[
    Path | None,
    typer.Option("--project", help="Cache folder [default: <clip name>.dynascene here]."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would run and what is cached; do nothing.")
]
Force = Annotated[bool, typer.Option("--force", help="Do again what is cached.")]
MattingModel = Annotated[
    str,
    typer.Option(
        "--matting-model",
        help="auto, bundled, rvm, modnet, pp-mattingv2, sam2, sam3 or rembg:MODEL.",
        show_default=True,
    ),
]
MoveStrength = Annotated[
    float, typer.Option("--move-strength", help="Multiplies the camera move; 0 is none.")
]
MattingQuality = Annotated[
    Literal["default", "best"],
    typer.Option("--matting-quality", help="best: slower; more networks look at every frame."),
]
Props = Annotated[
    Literal["auto", "none"],
    typer.Option("--props", help="auto: keep balls, rackets, bicycles and such that are held."),
]
Person = Annotated[
    str | None,
    typer.Option("--person", help="left, right, largest or a number, counted from the left."),
]
Clicks = Annotated[
    list[str] | None,
    typer.Option(
        "--click",
        metavar="TIME,X,Y",
        help="A thing to add to the matte, or -TIME,X,Y to take it away: seconds, and fractions of "
        "the picture. Needs sam2 or sam3; may be repeated.",
    ),
]
MatteFixes = Annotated[
    Path | None,
    typer.Option(
        "--matte-fixes",
        help="Folder of hand-corrected alphas, numbered as a written sequence is.",
    ),
]

RENAMED = {
    "matter": "matting-model",
    "keep": "matte-fixes",
    "amount": "move-strength",
    "place": "position",
    "subject": "person-anchor",
    "anchored": "ground",
    "locked": "screen",
}
"""Former spellings of options and of their choices, which still work, and what they are now."""


def current_spelling(word: str) -> str:
    """The present name of an option or a choice that may be given by its former one."""
    return RENAMED.get(word, word)


def clicks(texts: Sequence[str]) -> "tuple[Click, ...]":
    """The things clicked at: ``TIME,X,Y``, with a minus in front where they are taken away.

    Raises:
        typer.BadParameter: a text is no such triple.
    """
    return tuple(_click(text) for text in texts)


def _click(text: str) -> "Click":
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


def fractions(option: str, text: str) -> tuple[float, float]:
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


def sun_angles(text: str) -> tuple[float, float]:
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


def picture_size(text: str, option: str = "--size") -> tuple[int, int]:
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
